-- name: LockedUser :one
-- Whoever changes a password, an address, or what the two make possible holds this: they come one by one.
SELECT * FROM gateway.users WHERE id = @id FOR NO KEY UPDATE;

-- name: OwedSince :many
-- When mails of a kind were asked for a user, the newest first.
SELECT created_at FROM gateway.emails
WHERE user_id = @user_id::bigint AND kind = @kind AND created_at > @since::timestamptz ORDER BY created_at DESC;

-- name: CreateReset :exec
INSERT INTO gateway.password_resets (email_id, user_id, requested_at) VALUES (@email_id, @user_id, @now::timestamptz);

-- name: ResetsSince :one
SELECT count(*) FROM gateway.password_resets WHERE user_id = @user_id AND requested_at > @since::timestamptz;

-- name: OpenReset :one
-- Whose password a link sets. No row: it was used, is too old, or never was one.
SELECT user_id FROM gateway.password_resets
WHERE token_hash = @token_hash::bytea AND used_at IS NULL AND expires_at > @now::timestamptz;

-- name: UseReset :execrows
UPDATE gateway.password_resets SET used_at = @now::timestamptz
WHERE token_hash = @token_hash::bytea AND used_at IS NULL AND expires_at > @now::timestamptz;

-- name: UseResetsOf :exec
-- None of a user's links sets a password any more, nor will those that are still to be sent.
UPDATE gateway.password_resets SET used_at = @now::timestamptz WHERE user_id = @user_id AND used_at IS NULL;

-- name: SetPassword :exec
-- By a link in a mail: it has reached its owner.
UPDATE gateway.users SET password_hash = @password_hash,
    email_verified_at = coalesce(email_verified_at, @now::timestamptz), email_bounced_at = NULL
WHERE id = @id;

-- name: DeleteSessionsOf :exec
DELETE FROM gateway.sessions WHERE user_id = @user_id;

-- name: VerifyEmail :execrows
-- Zero rows: the link is too old, or a newer one was sent, or it never was one.
UPDATE gateway.users SET email_verified_at = coalesce(email_verified_at, @now::timestamptz), email_bounced_at = NULL
WHERE verify_hash = @verify_hash::bytea AND verify_expires_at > @now::timestamptz;

-- name: ChangeEmail :one
-- No row: the password has been changed since it was checked.
UPDATE gateway.users SET email = @email, email_verified_at = NULL, email_bounced_at = NULL, verify_hash = NULL, verify_expires_at = NULL
WHERE id = @id AND password_hash = @password_hash RETURNING *;

-- name: CountAttempt :execrows
-- Counts a password before it is known to be wrong: of many that come at once each counts. Zero rows: there
-- were too many since the first that counts.
INSERT INTO gateway.login_failures AS mine (email_hash, failures, first_at) VALUES (@email_hash, 1, @now::timestamptz)
ON CONFLICT (email_hash) DO UPDATE SET
    failures = CASE WHEN mine.first_at > @since::timestamptz THEN mine.failures + 1 ELSE 1 END,
    first_at = CASE WHEN mine.first_at > @since::timestamptz THEN mine.first_at ELSE excluded.first_at END
WHERE mine.failures < @most::integer OR mine.first_at <= @since::timestamptz;

-- name: FirstAttempt :one
SELECT first_at FROM gateway.login_failures WHERE email_hash = @email_hash;

-- name: TakeBackAttempt :exec
UPDATE gateway.login_failures SET failures = failures - 1 WHERE email_hash = @email_hash AND failures > 0;

-- name: ForgetAttempts :exec
DELETE FROM gateway.login_failures WHERE email_hash = @email_hash;

-- name: DeleteOldAttempts :execrows
DELETE FROM gateway.login_failures WHERE first_at <= @before::timestamptz;

-- name: DeleteOldResets :execrows
DELETE FROM gateway.password_resets WHERE coalesce(used_at, expires_at) <= @before::timestamptz;
