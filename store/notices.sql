-- name: LockNotices :exec
-- Held to the end of the transaction: what is to be told is decided by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('notices', 0));

-- name: AlertsToTell :many
-- All that somebody may still have to be told of, with whom it concerns as they are now.
SELECT a.*,
       EXISTS (SELECT FROM gateway.conditions c WHERE c.kind = a.kind AND c.subject = a.subject) AS pending,
       (SELECT count(*) FROM gateway.alerts m WHERE m.incident_id = a.id) AS covers,
       coalesce(u.tell_by_email AND u.email_verified_at IS NOT NULL AND u.email_bounced_at IS NULL, false)::boolean AS user_by_email,
       coalesce(u.tell_by_whatsapp AND s.status = 'assigned' AND s.wa_state = 'ready', false)::boolean AS user_by_whatsapp,
       s.id AS slice_id, s.server AS slice_server
FROM gateway.alerts a
LEFT JOIN gateway.users u ON u.id = a.user_id
LEFT JOIN gateway.slices s ON s.user_id = u.id
WHERE a.settled_at IS NULL ORDER BY a.id;

-- name: NoticesOf :many
SELECT * FROM gateway.notices WHERE alert_id = ANY(@alerts::bigint[]);

-- name: SilencesNow :many
SELECT * FROM gateway.silences WHERE starts_at <= @now::timestamptz AND ends_at > @now;

-- name: NoteTold :exec
INSERT INTO gateway.notices AS n (alert_id, recipient, channel, first_at, last_at)
SELECT unnest(@alerts::bigint[]), @recipient, @channel, @now::timestamptz, @now
ON CONFLICT (alert_id, recipient, channel) DO UPDATE SET last_at = excluded.last_at, times = n.times + 1, ended_at = NULL;

-- name: NoteToldEnd :exec
UPDATE gateway.notices SET ended_at = @now::timestamptz WHERE alert_id = ANY(@alerts::bigint[]) AND recipient = @recipient AND channel = @channel;

-- name: SettleAlerts :exec
UPDATE gateway.alerts SET settled_at = @now::timestamptz WHERE id = ANY(@ids::bigint[]) AND closed_at IS NOT NULL;

-- name: AddSilence :one
INSERT INTO gateway.silences (kind, subject, starts_at, ends_at, reason, actor)
VALUES (sqlc.narg(kind), sqlc.narg(subject), @starts_at, @ends_at, @reason, @actor) RETURNING *;

-- name: EndSilence :execrows
UPDATE gateway.silences SET ends_at = greatest(@now::timestamptz, starts_at) WHERE id = @id AND ends_at > greatest(@now::timestamptz, starts_at);

-- name: ListSilences :many
SELECT * FROM gateway.silences WHERE ends_at > greatest(@now::timestamptz, starts_at) ORDER BY starts_at, id;

-- name: DropOldSilences :exec
DELETE FROM gateway.silences WHERE ends_at < @before::timestamptz;
