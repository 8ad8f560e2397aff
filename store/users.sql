-- name: CreateUser :one
-- A new account is owed a slice from its first moment: waiting_since is set, and MatchNext serves it.
INSERT INTO gateway.users (email, password_hash, trial_ends_at, waiting_since, last_login_at)
VALUES (@email, @password_hash, @trial_ends_at, @now::timestamptz, @now::timestamptz)
RETURNING *;

-- name: UserByEmail :one
SELECT * FROM gateway.users WHERE email = @email;

-- name: UserByID :one
SELECT * FROM gateway.users WHERE id = @id;

-- name: TouchLogin :exec
UPDATE gateway.users SET last_login_at = @now::timestamptz WHERE id = @id;

-- name: CountWaiting :one
SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL;
