-- name: CreateUser :one
-- A new account is owed a slice from its first moment: waiting_since is set, and MatchNext serves it.
INSERT INTO gateway.users (email, password_hash, trial_ends_at, waiting_since, last_login_at)
VALUES (@email, @password_hash, @trial_ends_at, @now::timestamptz, @now::timestamptz)
RETURNING *;

-- name: UserByEmail :one
SELECT * FROM gateway.users WHERE email = @email;

-- name: UserByID :one
SELECT * FROM gateway.users WHERE id = @id;

-- name: TouchLogin :execrows
-- Zero rows: the password has been changed since it was checked.
UPDATE gateway.users SET last_login_at = @now::timestamptz WHERE id = @id AND password_hash = @password_hash;

-- name: SetChannels :one
UPDATE gateway.users SET tell_by_email = @tell_by_email, tell_by_whatsapp = @tell_by_whatsapp WHERE id = @id RETURNING *;

-- name: WaitingBefore :one
-- How many of those who wait come before a user who does.
SELECT count(*) FROM gateway.users other, gateway.users mine
WHERE mine.id = @id AND other.waiting_since IS NOT NULL AND (other.waiting_since, other.id) < (mine.waiting_since, mine.id);

-- name: Places :one
-- Places that there are or could be made for those who wait now.
SELECT ((SELECT count(*) FROM gateway.slices WHERE status = 'available' OR status = 'provisioning' AND moved_from IS NULL)
      + (SELECT coalesce(sum(room), 0) FROM gateway.servers))::bigint AS places,
       (SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL) AS waiting;

-- name: WaitList :exec
UPDATE gateway.users SET wait_listed = true WHERE id = @id AND waiting_since IS NOT NULL AND NOT wait_listed;
