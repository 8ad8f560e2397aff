-- name: NoteUserRestart :one
-- Notes that a user asks for a restart of their slice. No row: they have none that can be restarted, or
-- have asked since.
UPDATE gateway.slices SET user_restart_at = @now::timestamptz
WHERE user_id = @user_id::bigint AND status IN ('assigned', 'failed')
  AND (user_restart_at IS NULL OR user_restart_at <= @not_since::timestamptz)
RETURNING *;
