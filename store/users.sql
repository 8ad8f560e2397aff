-- name: CreateUser :one
-- A new account with a trial is owed a slice from its first moment: waiting_since is set, and MatchNext serves
-- it. One that pays first has neither until it has paid.
INSERT INTO gateway.users (email, password_hash, subscription_status, trial_ends_at, settle_at, waiting_since, last_login_at)
VALUES (@email, @password_hash, CASE WHEN @pays_first::boolean THEN 'unpaid' ELSE 'trial' END,
        sqlc.narg(trial_ends_at), sqlc.narg(trial_ends_at), CASE WHEN @pays_first THEN NULL ELSE @now::timestamptz END, @now::timestamptz)
RETURNING *;

-- name: UserByEmail :one
SELECT * FROM gateway.users WHERE email = @email;

-- name: UserByID :one
SELECT * FROM gateway.users WHERE id = @id;

-- name: TouchLogin :execrows
-- Zero rows: the password has been changed since it was checked.
UPDATE gateway.users SET last_login_at = @now::timestamptz WHERE id = @id AND password_hash = @password_hash;

-- name: SetChannels :exec
UPDATE gateway.users SET tell_by_email = @tell_by_email, tell_by_whatsapp = @tell_by_whatsapp WHERE id = @id;

-- name: WaitingBefore :one
-- How many of those who wait come before a user who does, in the order of MatchNext.
SELECT count(*) FROM gateway.users other, gateway.users mine
WHERE mine.id = @id AND other.waiting_since IS NOT NULL
    AND (coalesce(-extract(epoch FROM other.put_first_at), 0), NOT (coalesce(other.place_until > @now::timestamptz, false) OR other.subscription_status = 'active'), other.waiting_since, other.id)
      < (coalesce(-extract(epoch FROM mine.put_first_at), 0), NOT (coalesce(mine.place_until > @now::timestamptz, false) OR mine.subscription_status = 'active'), mine.waiting_since, mine.id);

-- name: Places :one
-- Places that there are or could be made for those who wait now, and for those for whom one is kept.
SELECT ((SELECT count(*) FROM gateway.slices WHERE status = 'available' OR status = 'provisioning' AND moved_from IS NULL)
      + (SELECT coalesce(sum(room), 0) FROM gateway.servers))::bigint AS places,
       (SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL) AS waiting,
       (SELECT count(*) FROM gateway.users u WHERE u.place_until > @now::timestamptz AND u.waiting_since IS NULL
            AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id)) AS kept; -- at Checkout, and in no line

-- name: WaitList :exec
UPDATE gateway.users SET wait_listed = true WHERE id = @id AND waiting_since IS NOT NULL AND NOT wait_listed;
