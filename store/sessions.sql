-- name: CreateSession :exec
INSERT INTO gateway.sessions (id, user_id, expires_at, extended_at, created_at)
VALUES (@id, @user_id, @expires_at, @now::timestamptz, @now::timestamptz);

-- name: AccessBySession :one
-- Who holds this session and where their slice is. No row: not logged in, or no longer.
SELECT s.user_id, s.expires_at, s.extended_at,
       slice.id AS slice_id, slice.port, slice.status,
       EXISTS (SELECT FROM gateway.maintenance) AS maintenance
FROM gateway.sessions s
LEFT JOIN gateway.slices slice ON slice.user_id = s.user_id
WHERE s.id = @id AND s.expires_at > @now::timestamptz;

-- name: ExtendSession :execrows
-- Rolls a session on, but at most once per interval however many processes ask at once:
-- zero rows means that another one has just done it, or that the session is gone.
UPDATE gateway.sessions SET expires_at = @expires_at, extended_at = @now::timestamptz
WHERE id = @id AND extended_at <= @not_since::timestamptz AND expires_at > @now::timestamptz;

-- name: DeleteSession :exec
DELETE FROM gateway.sessions WHERE id = @id;

-- name: DeleteExpiredSessions :execrows
DELETE FROM gateway.sessions WHERE expires_at <= @now::timestamptz;
