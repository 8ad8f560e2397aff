-- name: RegisterServer :exec
INSERT INTO gateway.servers (name) VALUES (@name) ON CONFLICT (name) DO NOTHING;

-- name: ListServers :many
SELECT name FROM gateway.servers ORDER BY name;

-- name: TryLockServer :one
-- A lock of the connection: a server has one runner.
SELECT pg_try_advisory_lock(hashtextextended('runner ' || @server::text, 0));
