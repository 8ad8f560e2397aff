-- name: CreateExport :one
-- Of the slice that a user has now. No row: they have none, or it is being deleted.
INSERT INTO gateway.exports (user_id, slice_id, server, created_at)
SELECT s.user_id, s.id, s.server, @now::timestamptz FROM gateway.slices s
WHERE s.user_id = @user_id::bigint AND s.status IN ('assigned', 'suspended', 'failed')
RETURNING *;

-- name: ExportsOf :many
-- A user's, the newest first.
SELECT * FROM gateway.exports WHERE user_id = @user_id::bigint ORDER BY id DESC LIMIT 20;

-- name: ExportOf :one
SELECT * FROM gateway.exports WHERE id = @id AND user_id = @user_id::bigint;

-- name: ExportByID :one
SELECT * FROM gateway.exports WHERE id = @id;

-- name: BeginExport :execrows
-- From nothing, whatever an earlier run has done. Zero rows: it is over, or nobody wants it any more.
UPDATE gateway.exports SET status = 'running', slice_id = @slice_id, bytes = 0, expected = @expected
WHERE id = @id AND status IN ('waiting', 'running') AND user_id IS NOT NULL;

-- name: NoteExportBytes :execrows
UPDATE gateway.exports SET bytes = @bytes WHERE id = @id AND status = 'running' AND user_id IS NOT NULL;

-- name: FinishExport :execrows
UPDATE gateway.exports SET status = 'ready', bytes = @bytes, expected = @bytes, ready_at = @now::timestamptz, expires_at = @expires_at::timestamptz
WHERE id = @id AND status = 'running' AND user_id = @user_id::bigint;

-- name: ReplaceExports :exec
-- A newer one is there: those before it are not kept for longer.
UPDATE gateway.exports SET expires_at = @now::timestamptz
WHERE user_id = @user_id::bigint AND id < @id AND status = 'ready' AND expires_at > @now;

-- name: FailExport :execrows
UPDATE gateway.exports SET status = 'failed', error = @error::text WHERE id = @id AND status IN ('waiting', 'running');

-- name: ExportsOfServer :many
-- All that may have a file there.
SELECT * FROM gateway.exports WHERE server = @server AND status <> 'deleted' ORDER BY id;

-- name: EndExport :exec
-- Its file is gone. Of somebody who is forgotten nothing stays.
WITH forgotten AS (DELETE FROM gateway.exports f WHERE f.id = @id AND f.user_id IS NULL)
UPDATE gateway.exports e SET status = 'deleted' WHERE e.id = @id AND e.user_id IS NOT NULL;

-- name: DropOldExports :exec
DELETE FROM gateway.exports WHERE server = @server AND created_at < @before::timestamptz AND status IN ('failed', 'deleted');

-- name: ExtraStorageOf :one
-- Gigabytes that the user of a slice has bought. No row: it has no user.
SELECT u.storage_extra FROM gateway.slices s JOIN gateway.users u ON u.id = s.user_id WHERE s.id = @slice_id;

-- name: ExtraStorage :many
-- Of a server's slices those whose users have bought more.
SELECT s.id, u.storage_extra FROM gateway.slices s JOIN gateway.users u ON u.id = s.user_id
WHERE s.server = @server AND u.storage_extra > 0;
