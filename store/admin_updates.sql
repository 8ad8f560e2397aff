-- name: PastRollouts :many
-- The newest first, how many slices took part in each, and how many of them failed.
SELECT sqlc.embed(r), coalesce(parts.slices, 0)::bigint AS slices, coalesce(parts.failed, 0)::bigint AS failed
FROM gateway.rollouts r
LEFT JOIN LATERAL (
    SELECT count(*) AS slices, count(*) FILTER (WHERE rs.failed_at IS NOT NULL OR rs.state = 'failed') AS failed
    FROM gateway.rollout_slices rs WHERE rs.rollout_id = r.id
) parts ON true
ORDER BY r.id DESC LIMIT @most;

-- name: ServersHeard :many
-- When each server's runner was last heard of. One that never was is not among them.
SELECT s.name, heard.at::timestamptz AS at FROM gateway.servers s
JOIN LATERAL (SELECT t.timestamp AS at FROM gateway.server_telemetry t WHERE t.server = s.name ORDER BY t.timestamp DESC LIMIT 1) heard ON true;

-- name: ImagesInUse :many
-- What slices run on, and how many, the most used first.
SELECT image, count(*) AS slices FROM gateway.slices WHERE status NOT IN ('destroying', 'destroyed') GROUP BY image ORDER BY slices DESC, image;

-- name: CountRestarts :one
-- How many slices a rollout restarts, of how many customers, and how many of these are there just now.
SELECT count(*) AS slices, count(s.user_id) AS customers,
       count(*) FILTER (WHERE EXISTS (SELECT FROM gateway.sessions x WHERE x.user_id = s.user_id AND x.extended_at > @present_since::timestamptz)) AS in_use
FROM gateway.slices s WHERE s.status IN ('available', 'assigned');
