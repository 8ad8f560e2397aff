-- name: OweEmail :one
-- To a user, or to one of the admins at an address.
INSERT INTO gateway.emails (user_id, address, kind, detail, created_at)
VALUES (sqlc.narg(user_id), sqlc.narg(address), @kind, @detail, @now::timestamptz) RETURNING id;

-- name: EmailToSend :one
-- With the address that it goes to now, and how the account stands that it is about.
SELECT e.id, e.user_id, e.kind, e.created_at, e.sent_at, e.detail, e.message_id, e.failed_at, e.error,
       coalesce(e.address, u.email, '')::text AS address,
       coalesce(u.subscription_status, '')::text AS account_status, u.grace_ends_at, u.ends_at, u.held_at, u.action_url,
       EXISTS (SELECT FROM gateway.exports x WHERE x.user_id = e.user_id AND x.status = 'ready') AS has_export
FROM gateway.emails e LEFT JOIN gateway.users u ON u.id = e.user_id WHERE e.id = @id;

-- name: EmailsOwed :many
-- Those that nobody may be at.
SELECT id FROM gateway.emails WHERE sent_at IS NULL AND failed_at IS NULL AND created_at < @before::timestamptz ORDER BY id LIMIT 1000;

-- name: NoteEmailSent :exec
UPDATE gateway.emails SET sent_at = @now::timestamptz, message_id = @message_id::text, error = NULL WHERE id = @id AND sent_at IS NULL;

-- name: NoteEmailTried :exec
-- Why it has not been sent yet.
UPDATE gateway.emails SET error = @error::text WHERE id = @id AND sent_at IS NULL;

-- name: NoteEmailFailed :exec
UPDATE gateway.emails SET failed_at = @now::timestamptz, error = @error::text WHERE id = @id;

-- name: NoteBounce :exec
-- Of the address that a mail went to, unless it is another by now.
UPDATE gateway.users SET email_bounced_at = @now::timestamptz WHERE id = @id AND email = @address AND email_bounced_at IS NULL;

-- name: BeginReset :execrows
-- The link of a forgotten password works from when its mail leaves. Zero rows: it has been used, or a newer one was.
UPDATE gateway.password_resets SET token_hash = @token_hash, expires_at = @expires_at::timestamptz WHERE email_id = @email_id AND used_at IS NULL;

-- name: BeginVerify :execrows
-- Zero rows: there is nothing to verify any more, or the user has another address by now, of which this link says
-- nothing. One whose mails came back is verified anew.
UPDATE gateway.users SET verify_hash = @verify_hash, verify_expires_at = @expires_at::timestamptz
WHERE id = @id AND email = @address AND (email_verified_at IS NULL OR email_bounced_at IS NOT NULL);

-- name: LateEmails :one
-- Mails that should have left by a time, and have neither left nor been given up.
SELECT count(*) FROM gateway.emails WHERE sent_at IS NULL AND failed_at IS NULL AND created_at < @late::timestamptz;

-- name: DropOldEmails :execrows
-- What was told long ago says something of people.
DELETE FROM gateway.emails WHERE created_at < @before::timestamptz;
