-- name: NoteSaid :batchexec
-- What a slice says of its WhatsApp, if that is another than before and nobody has taken the slice in hand
-- since it was read. A connection that is lost counts as one for as long as it mostly comes back by itself:
-- only without a phone is there none. Whoever takes their data away does not miss the link.
UPDATE gateway.slices SET wa_state = @wa_state, wa_phone = @wa_phone, wa_reason = @wa_reason,
    wa_connected = CASE WHEN @wa_state = 'ready' THEN true WHEN @wa_state IN ('qr', 'logged_out', 'passkey') THEN false ELSE wa_connected END,
    linked_at = CASE WHEN @wa_reason IS NOT DISTINCT FROM 'data_deleted' THEN NULL WHEN (@wa_state = 'ready' OR @wa_phone::text IS NOT NULL) AND user_id IS NOT NULL THEN coalesce(linked_at, @now::timestamptz) ELSE linked_at END,
    wa_changed_at = CASE
        WHEN (wa_state = 'ready') = (@wa_state = 'ready') THEN greatest(wa_changed_at, sqlc.narg(since)::timestamptz)
        ELSE least(@now, greatest(wa_changed_at, coalesce(sqlc.narg(since), @now))) END
WHERE id = @id AND version = @version AND status <> 'destroyed'
  AND ((wa_state, wa_phone, wa_reason) IS DISTINCT FROM (@wa_state, @wa_phone, @wa_reason) OR wa_changed_at < sqlc.narg(since));

-- name: NoteSilent :exec
-- Since when backends do not answer, and pages of slices that say ready. Go's zero time says that they do.
UPDATE gateway.slices s SET silent_since = seen.silent, page_dead_since = seen.dead
FROM (
    SELECT told.id, nullif(told.silent, '0001-01-01T00:00:00Z') AS silent, nullif(told.dead, '0001-01-01T00:00:00Z') AS dead
    FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@silent::timestamptz[]) AS silent, unnest(@dead::timestamptz[]) AS dead) told
) seen
WHERE s.id = seen.id AND (s.silent_since, s.page_dead_since) IS DISTINCT FROM (seen.silent, seen.dead);

-- name: NewestServerSample :one
-- No row: there is none since that time.
SELECT * FROM gateway.server_telemetry WHERE server = @server AND timestamp > @since::timestamptz ORDER BY timestamp DESC LIMIT 1;

-- name: KillsLately :many
-- The slices of a server, and the server itself (0), in which the kernel has ended processes for want of memory.
SELECT t.slice_id, sum(t.oom_kills)::bigint AS kills FROM gateway.telemetry t JOIN gateway.slices s ON s.id = t.slice_id
WHERE s.server = @server AND t.timestamp > @since::timestamptz AND t.oom_kills > 0 GROUP BY t.slice_id
UNION ALL
SELECT 0, sum(oom_kills)::bigint FROM gateway.server_telemetry WHERE server = @server AND timestamp > @since AND oom_kills > 0 HAVING sum(oom_kills) > 0;

-- name: PoolNow :one
-- What is ready, what is on its way, and how many wait.
SELECT count(*) FILTER (WHERE status = 'available') AS available,
       count(*) FILTER (WHERE status = 'provisioning' AND moved_from IS NULL) AS provisioning,
       (SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL) AS waiting
FROM gateway.slices WHERE server = @server;

-- name: UpstreamOf :many
-- When WhatsApp was last heard of, by packets.
SELECT m.slice_id, m.started_at, m.last_upstream_at FROM gateway.meters m JOIN gateway.slices s ON s.id = m.slice_id
WHERE s.server = @server AND m.cgroup_id IS NOT NULL;

-- name: OldestJob :one
-- Since when the job that waits longest in some queues could have been worked. No row: none waits.
SELECT scheduled_at FROM river.river_job WHERE state = 'available' AND queue = ANY(@queues::text[]) AND scheduled_at <= @now::timestamptz
ORDER BY scheduled_at LIMIT 1;

-- name: SilentServers :many
-- Servers of which nothing has been written down since a time, and which were there before it.
SELECT s.name FROM gateway.servers s
WHERE s.registered_at < @since::timestamptz AND NOT EXISTS (SELECT FROM gateway.server_telemetry t WHERE t.server = s.name AND t.timestamp > @since) ORDER BY s.name;
