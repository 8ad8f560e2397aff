-- name: AddReclaims :copyfrom
INSERT INTO gateway.reclaims (slice_id, at, kind, asked_bytes, given_bytes, took_us, rss_before, rss_after, swap_after,
    refaults_before, pressure_before_us, pressure_after_us, reason)
VALUES (@slice_id, @at, @kind, @asked_bytes, @given_bytes, @took_us, @rss_before, @rss_after, @swap_after,
    @refaults_before, @pressure_before_us, @pressure_after_us, @reason);

-- name: AddWake :exec
INSERT INTO gateway.wakes (slice_id, at, cause, idle_seconds, rss_before, swap_before, prefetched_bytes, prefetch_us, back_bytes, refaults, stall_us, answer_us)
VALUES (@slice_id, @at, @cause, @idle_seconds, @rss_before, @swap_before, @prefetched_bytes, @prefetch_us, @back_bytes, @refaults, @stall_us, @answer_us)
ON CONFLICT (slice_id, at) DO NOTHING;

-- name: AddWakes :copyfrom
INSERT INTO gateway.wakes (slice_id, at, cause, idle_seconds, rss_before, swap_before, prefetched_bytes, prefetch_us, back_bytes, refaults, stall_us, answer_us)
VALUES (@slice_id, @at, @cause, @idle_seconds, @rss_before, @swap_before, @prefetched_bytes, @prefetch_us, @back_bytes, @refaults, @stall_us, @answer_us);

-- name: PauseReclaim :execrows
UPDATE gateway.slices SET reclaim_paused = @paused WHERE id = @id AND status <> 'destroyed';

-- name: PauseReclaimOnServer :execrows
UPDATE gateway.servers SET reclaim_paused = @paused WHERE name = @name;
