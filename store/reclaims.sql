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

-- name: AskReclaim :one
-- An operator wants a slice pushed out now. No row: it does not run, is exempt, its server is paused, or its user
-- was seen there a moment ago; the runner, which sees every packet, looks again.
UPDATE gateway.slices s SET reclaim_asked_at = @now::timestamptz
FROM gateway.servers on_server
WHERE s.id = @id AND on_server.name = s.server AND s.status IN ('available', 'assigned') AND NOT s.reclaim_paused AND NOT on_server.reclaim_paused
    AND NOT EXISTS (SELECT FROM gateway.meters m WHERE m.slice_id = s.id AND m.last_user_at > @there_since::timestamptz)
RETURNING s.*;

-- name: WhyNotReclaim :one
-- What AskReclaim goes by.
SELECT s.status, s.reclaim_paused, s.server, on_server.reclaim_paused AS server_paused, m.last_user_at
FROM gateway.slices s JOIN gateway.servers on_server ON on_server.name = s.server LEFT JOIN gateway.meters m ON m.slice_id = s.id
WHERE s.id = @id;

-- name: EndAskedReclaim :exec
-- What was asked for is done, or is not to be done any more. One that was asked for again since stays.
WITH ended AS (
    UPDATE gateway.slices s SET reclaim_asked_at = NULL WHERE s.id = @id AND s.reclaim_asked_at = @asked::timestamptz RETURNING s.id AS slice
)
INSERT INTO gateway.audit (actor, action, subject, detail)
SELECT 'runner', 'slice.reclaim-now.ended', 'slice:' || ended.slice, jsonb_build_object('why', @why::text) FROM ended;
