-- name: BeginSight :execrows
-- Has an admin's session show somebody's account. Zero rows: they are no admin, or the other is one.
UPDATE gateway.sessions s SET sees_user_id = seen.id, sees_until = @until::timestamptz
FROM gateway.users holder, gateway.users seen
WHERE s.id = @id AND holder.id = s.user_id AND holder.is_admin AND s.second_factor_at IS NOT NULL
    AND seen.id = @sees_user_id::bigint AND NOT seen.is_admin;

-- name: EndSight :exec
UPDATE gateway.sessions SET sees_user_id = NULL, sees_until = NULL WHERE id = @id;

-- name: EndSightsOf :execrows
-- Whoever sees this user does so no longer.
UPDATE gateway.sessions SET sees_user_id = NULL, sees_until = NULL WHERE sees_user_id = @user_id::bigint;

-- name: AllowSupport :exec
-- NULL: no longer.
UPDATE gateway.users SET support_until = sqlc.narg(until)::timestamptz WHERE id = @id;

-- name: PastSights :many
-- When somebody's account was opened by operators, the newest first, and whether they might do more than look.
SELECT at, coalesce((detail->'after'->>'mayChange')::boolean, false)::boolean AS may_change FROM gateway.audit
WHERE subject = @subject AND action = 'admin.user.see' ORDER BY id DESC LIMIT @most;
