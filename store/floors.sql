-- name: ReclaimWishes :many
-- What is known of a server's slices that may run, for whoever takes memory from them.
SELECT s.id, s.floor_bytes, s.floor_at, s.reclaim_paused, s.reclaim_asked_at, on_server.reclaim_paused AS server_paused
FROM gateway.slices s JOIN gateway.servers on_server ON on_server.name = s.server
WHERE s.server = @server AND s.status IN ('available', 'assigned');

-- name: NoteFloors :exec
-- What slices were seen to need: below it, pages come back.
UPDATE gateway.slices s SET floor_bytes = f.floor, floor_at = f.at
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@floors::bigint[]) AS floor, unnest(@ats::timestamptz[]) AS at) f
WHERE s.id = f.id AND s.status <> 'destroyed';

-- name: ReclaimStatus :many
-- A server's slices, with what was taken from them since a time.
SELECT s.id, s.memory_bytes, s.swap_bytes, s.floor_bytes, s.reclaim_paused, s.reclaim_asked_at, on_server.reclaim_paused AS server_paused,
    taken.steps, taken.bytes AS taken, taken.last_at
FROM gateway.slices s
JOIN gateway.servers on_server ON on_server.name = s.server
CROSS JOIN LATERAL (
    SELECT count(*) AS steps, coalesce(sum(r.given_bytes), 0)::bigint AS bytes, coalesce(max(r.at), 'epoch')::timestamptz AS last_at
    FROM gateway.reclaims r WHERE r.slice_id = s.id AND r.at > @since::timestamptz
) taken
WHERE s.server = @server AND s.status IN ('available', 'assigned') ORDER BY s.id;
