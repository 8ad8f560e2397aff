-- name: RegisterServer :exec
-- A SLICE_IMAGE that is another than at the last start is what the operator wants now: it counts
-- again, whatever a rollout had set.
INSERT INTO gateway.servers (name, configured_image) VALUES (@name, @configured_image::text)
ON CONFLICT (name) DO UPDATE SET configured_image = excluded.configured_image,
    image = CASE WHEN servers.configured_image = excluded.configured_image THEN servers.image END
WHERE servers.configured_image IS DISTINCT FROM excluded.configured_image;

-- name: ListServers :many
SELECT name FROM gateway.servers ORDER BY name;

-- name: ImageOfNewSlices :one
-- What a rollout has set, or else the setting; and whether a rollout of all is under way, of which slices may be further on.
SELECT coalesce(s.image, @configured::text)::text AS image,
       EXISTS (SELECT FROM gateway.rollouts WHERE finished_at IS NULL AND slice_id IS NULL) AS changing
FROM gateway.servers s WHERE s.name = @name;

-- name: SetServerImage :execrows
UPDATE gateway.servers SET image = @image::text WHERE name = @name;

-- name: ServerByName :one
SELECT * FROM gateway.servers WHERE name = @name;

-- name: NoteRoom :exec
UPDATE gateway.servers SET room = @room, max_slices = @max_slices::integer
WHERE name = @name AND (room <> @room OR max_slices IS DISTINCT FROM @max_slices);

-- name: NotePoolFailure :exec
UPDATE gateway.servers SET pool_failures = @failures, pool_retry_at = @retry_at::timestamptz WHERE name = @name;

-- name: ForgetPoolFailures :exec
UPDATE gateway.servers SET pool_failures = 0, pool_retry_at = NULL WHERE name = @name AND pool_failures > 0;

-- name: TryLockServer :one
-- A lock of the connection: a server has one runner.
SELECT pg_try_advisory_lock(hashtextextended('runner ' || @server::text, 0));

-- name: AnnounceServer :exec
-- What a server is and since when it runs.
UPDATE gateway.servers SET booted_at = @booted_at::timestamptz, cores = @cores::integer, kernel = @kernel::text,
    engine_version = @engine_version::text, runner_version = @runner_version::text, announced_at = @now::timestamptz
WHERE name = @name;
