-- name: CreateSession :exec
INSERT INTO gateway.sessions (id, user_id, expires_at, extended_at, created_at)
VALUES (@id, @user_id, @expires_at, @now::timestamptz, @now::timestamptz);

-- name: AccessBySession :one
-- Whose account this session shows, which is its holder's or one that an operator sees, and where its slice
-- is. No row: not logged in, or no longer.
SELECT coalesce(seen.id, s.user_id)::bigint AS user_id, s.user_id AS holder_id, s.expires_at, s.extended_at,
       seen.id AS sees_user_id, s.sees_until, seen.support_until,
       slice.id AS slice_id, slice.port, slice.status,
       EXISTS (SELECT FROM gateway.maintenance) AS maintenance
FROM gateway.sessions s
LEFT JOIN gateway.users seen ON seen.id = s.sees_user_id AND s.sees_until > @now::timestamptz AND NOT seen.is_admin
    AND s.second_factor_at IS NOT NULL AND EXISTS (SELECT FROM gateway.users holder WHERE holder.id = s.user_id AND holder.is_admin)
LEFT JOIN gateway.slices slice ON slice.user_id = coalesce(seen.id, s.user_id)
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
