-- name: AddReclaims :copyfrom
INSERT INTO gateway.reclaims (slice_id, at, kind, asked_bytes, given_bytes, took_us, rss_before, rss_after, swap_after,
    refaults_before, pressure_before_us, pressure_after_us, reason)
VALUES (@slice_id, @at, @kind, @asked_bytes, @given_bytes, @took_us, @rss_before, @rss_after, @swap_after,
    @refaults_before, @pressure_before_us, @pressure_after_us, @reason);

-- name: ReclaimsSince :many
-- Of a server's slices, the oldest first.
SELECT r.* FROM gateway.reclaims r JOIN gateway.slices s ON s.id = r.slice_id
WHERE s.server = @server AND r.at > @since::timestamptz ORDER BY r.at, r.slice_id;

-- name: ReclaimsOfSlice :many
SELECT * FROM gateway.reclaims WHERE slice_id = @slice AND at > @since::timestamptz ORDER BY at DESC LIMIT @at_most;

-- name: AddWake :exec
INSERT INTO gateway.wakes (slice_id, at, cause, idle_seconds, rss_before, swap_before, prefetched_bytes, prefetch_us, back_bytes, refaults, stall_us, answer_us)
VALUES (@slice_id, @at, @cause, @idle_seconds, @rss_before, @swap_before, @prefetched_bytes, @prefetch_us, @back_bytes, @refaults, @stall_us, @answer_us)
ON CONFLICT (slice_id, at) DO NOTHING;

-- name: AddWakes :copyfrom
INSERT INTO gateway.wakes (slice_id, at, cause, idle_seconds, rss_before, swap_before, prefetched_bytes, prefetch_us, back_bytes, refaults, stall_us, answer_us)
VALUES (@slice_id, @at, @cause, @idle_seconds, @rss_before, @swap_before, @prefetched_bytes, @prefetch_us, @back_bytes, @refaults, @stall_us, @answer_us);

-- name: SlicesToReclaim :many
-- Slices of a server from which memory may be taken now, as far as rows say.
SELECT s.id, s.status, s.version, s.floor_bytes, s.floor_at, m.cgroup_id, m.last_user_at, m.started_at
FROM gateway.slices s
JOIN gateway.servers on_server ON on_server.name = s.server
LEFT JOIN gateway.meters m ON m.slice_id = s.id
WHERE s.server = @server AND s.status IN ('available', 'assigned') AND NOT s.reclaim_paused AND NOT on_server.reclaim_paused
  AND (s.awake_until IS NULL OR s.awake_until <= @now::timestamptz) AND s.recycle_at IS NULL
ORDER BY s.id;

-- name: SlicesAwake :many
-- Slices of a server for which somebody was announced.
SELECT id, awake_until::timestamptz AS awake_until FROM gateway.slices WHERE server = @server AND awake_until > @now::timestamptz ORDER BY id;

-- name: KeepAwake :execrows
-- Somebody comes: nothing is taken from the slice until then. Zero rows: it is so already.
UPDATE gateway.slices SET awake_until = @awake_until::timestamptz
WHERE id = @id AND status <> 'destroyed' AND (awake_until IS NULL OR awake_until < @awake_until::timestamptz);

-- name: SetFloor :exec
-- What a slice was seen to need: below it, pages come back.
UPDATE gateway.slices SET floor_bytes = sqlc.narg(floor_bytes), floor_at = @now::timestamptz WHERE id = @id AND status <> 'destroyed';

-- name: PauseReclaim :execrows
UPDATE gateway.slices SET reclaim_paused = @paused WHERE id = @id AND status <> 'destroyed';

-- name: PauseReclaimOnServer :execrows
UPDATE gateway.servers SET reclaim_paused = @paused WHERE name = @name;
