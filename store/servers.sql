-- name: RegisterServer :exec
INSERT INTO gateway.servers (name) VALUES (@name) ON CONFLICT (name) DO NOTHING;

-- name: ListServers :many
SELECT name FROM gateway.servers ORDER BY name;

-- name: ServerByName :one
SELECT * FROM gateway.servers WHERE name = @name;

-- name: NoteRoom :exec
UPDATE gateway.servers SET room = @room WHERE name = @name AND room <> @room;

-- name: NotePoolFailure :exec
UPDATE gateway.servers SET pool_failures = @failures, pool_retry_at = @retry_at::timestamptz WHERE name = @name;

-- name: ForgetPoolFailures :exec
UPDATE gateway.servers SET pool_failures = 0, pool_retry_at = NULL WHERE name = @name AND pool_failures > 0;

-- name: TryLockServer :one
-- A lock of the connection: a server has one runner.
SELECT pg_try_advisory_lock(hashtextextended('runner ' || @server::text, 0));
