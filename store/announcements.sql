-- What is announced to all users, and maintenance.

-- name: Announce :one
INSERT INTO gateway.announcements (level, words, starts_at, ends_at, actor, created_at)
VALUES (@level, @words, @starts_at, @ends_at, @actor, @now::timestamptz)
RETURNING *;

-- name: AnnouncementByID :one
SELECT * FROM gateway.announcements WHERE id = @id FOR UPDATE;

-- name: ListAnnouncements :many
-- The newest first.
SELECT * FROM gateway.announcements ORDER BY starts_at DESC, id DESC LIMIT @most;

-- name: AnnouncementsTo :many
-- What is announced now, or will be before a time; warnings first.
SELECT * FROM gateway.announcements
WHERE withdrawn_at IS NULL AND ends_at > @now::timestamptz AND starts_at < @before::timestamptz
ORDER BY level DESC, starts_at, id;

-- name: WithdrawAnnouncement :exec
UPDATE gateway.announcements SET withdrawn_at = @now::timestamptz WHERE id = @id;

-- name: EndAnnouncement :exec
UPDATE gateway.announcements SET ends_at = @ends_at WHERE id = @id;

-- name: MaintenanceNow :one
-- No row: there is none.
SELECT * FROM gateway.maintenance;

-- name: BeginMaintenance :execrows
INSERT INTO gateway.maintenance (since, until, words, actor)
VALUES (@now::timestamptz, sqlc.narg('until')::timestamptz, @words, @actor)
ON CONFLICT DO NOTHING;

-- name: LockedMaintenance :one
SELECT * FROM gateway.maintenance FOR UPDATE;

-- name: ChangeMaintenance :exec
UPDATE gateway.maintenance SET until = sqlc.narg('until')::timestamptz, words = @words;

-- name: EndMaintenance :exec
DELETE FROM gateway.maintenance;
