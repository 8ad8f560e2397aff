-- name: RegisterServer :exec
INSERT INTO gateway.servers (name) VALUES (@name) ON CONFLICT (name) DO NOTHING;

-- name: ListServers :many
SELECT name FROM gateway.servers ORDER BY name;
