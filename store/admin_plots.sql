-- What the pictures of the operator's pages are drawn from: each query gives at most some 800 points of a
-- series (a day's minutes, 1,440). What was not read is NaN, which pages show as a gap.

-- name: ServerMinutes :many
SELECT t.timestamp, t.ram_used_bytes::float8 AS ram_used, t.ram_total_bytes::float8 AS ram_total, t.swap_used_bytes::float8 AS swap_used,
       t.swap_total_bytes::float8 AS swap_total, t.swap_ram_bytes::float8 AS swap_ram,
       coalesce(t.swap_in_rate, 'NaN'::float8)::float8 AS swap_in, coalesce(t.swap_in_rate, 'NaN'::float8)::float8 AS swap_in_most,
       coalesce(t.swap_out_rate, 'NaN'::float8)::float8 AS swap_out, coalesce(t.cpu_percent, 'NaN'::float8)::float8 AS cpu,
       coalesce(t.memory_pressure_us / nullif(t.seconds, 0) / 1e4, 'NaN'::float8)::float8 AS memory_pressure,
       coalesce(t.io_pressure_us / nullif(t.seconds, 0) / 1e4, 'NaN'::float8)::float8 AS io_pressure,
       coalesce(t.cpu_pressure_us / nullif(t.seconds, 0) / 1e4, 'NaN'::float8)::float8 AS cpu_pressure,
       t.total_slices::float8 AS running, coalesce(t.active_slices, 'NaN'::float8)::float8 AS in_use,
       t.slices_rss_bytes::float8 AS slices_rss, t.slices_swap_bytes::float8 AS slices_swap,
       t.disk_used_bytes::float8 AS disk_used, t.disk_total_bytes::float8 AS disk_total, coalesce(t.oom_kills, 0)::bigint AS kills
FROM gateway.server_telemetry t
WHERE t.server = @server AND t.timestamp >= @since::timestamptz AND t.timestamp <= @until::timestamptz
ORDER BY t.timestamp;

-- name: ServerQuarters :many
-- Quarters of an hour; of a rate that is watched for its peaks, the peak too.
SELECT date_bin('15 minutes', b.timestamp, '2000-01-01 00:00Z')::timestamptz AS timestamp,
       avg(b.ram_used_bytes::float8)::float8 AS ram_used, max(b.ram_total_bytes)::float8 AS ram_total, avg(b.swap_used_bytes::float8)::float8 AS swap_used,
       max(b.swap_total_bytes)::float8 AS swap_total, avg(b.swap_ram_bytes::float8)::float8 AS swap_ram,
       coalesce(avg(b.swap_in_rate), 'NaN')::float8 AS swap_in, coalesce(max(b.swap_in_max_rate), 'NaN'::float8)::float8 AS swap_in_most,
       coalesce(avg(b.swap_out_rate), 'NaN')::float8 AS swap_out, coalesce(avg(b.cpu_percent), 'NaN')::float8 AS cpu,
       coalesce(sum(b.memory_pressure_us) / nullif(sum(b.seconds), 0) / 1e4, 'NaN')::float8 AS memory_pressure,
       coalesce(sum(b.io_pressure_us) / nullif(sum(b.seconds), 0) / 1e4, 'NaN')::float8 AS io_pressure,
       coalesce(sum(b.cpu_pressure_us) / nullif(sum(b.seconds), 0) / 1e4, 'NaN')::float8 AS cpu_pressure,
       max(b.total_slices)::float8 AS running, coalesce(avg(b.active_slices), 'NaN')::float8 AS in_use,
       avg(b.slices_rss_bytes::float8)::float8 AS slices_rss, avg(b.slices_swap_bytes::float8)::float8 AS slices_swap,
       max(b.disk_used_bytes)::float8 AS disk_used, max(b.disk_total_bytes)::float8 AS disk_total, coalesce(sum(b.oom_kills), 0)::bigint AS kills
FROM gateway.server_telemetry_5m b
WHERE b.server = @server AND b.timestamp >= @since::timestamptz AND b.timestamp <= @until::timestamptz
GROUP BY 1 ORDER BY 1;

-- name: ServerHours :many
SELECT h.timestamp, h.ram_used_bytes::float8 AS ram_used, h.ram_total_bytes::float8 AS ram_total, h.swap_used_bytes::float8 AS swap_used,
       h.swap_total_bytes::float8 AS swap_total, h.swap_ram_bytes::float8 AS swap_ram,
       coalesce(h.swap_in_rate, 'NaN'::float8)::float8 AS swap_in, coalesce(h.swap_in_max_rate, 'NaN'::float8)::float8 AS swap_in_most,
       coalesce(h.swap_out_rate, 'NaN'::float8)::float8 AS swap_out, coalesce(h.cpu_percent, 'NaN'::float8)::float8 AS cpu,
       coalesce(h.memory_pressure_us / nullif(h.seconds, 0) / 1e4, 'NaN'::float8)::float8 AS memory_pressure,
       coalesce(h.io_pressure_us / nullif(h.seconds, 0) / 1e4, 'NaN'::float8)::float8 AS io_pressure,
       coalesce(h.cpu_pressure_us / nullif(h.seconds, 0) / 1e4, 'NaN'::float8)::float8 AS cpu_pressure,
       h.total_slices::float8 AS running, coalesce(h.active_slices, 'NaN'::float8)::float8 AS in_use,
       h.slices_rss_bytes::float8 AS slices_rss, h.slices_swap_bytes::float8 AS slices_swap,
       h.disk_used_bytes::float8 AS disk_used, h.disk_total_bytes::float8 AS disk_total, coalesce(h.oom_kills, 0)::bigint AS kills
FROM gateway.server_telemetry_1h h
WHERE h.server = @server AND h.timestamp >= @since::timestamptz AND h.timestamp <= @until::timestamptz
ORDER BY h.timestamp;

-- name: GrowersByBins :many
-- What each slice of a server held of RAM and swap at the beginning of a time and at its end, those that
-- grew most first. One that was not there at both is none of them.
WITH first AS (
    SELECT b.slice_id, avg((b.rss_bytes + b.swap_bytes)::float8) AS bytes, max(b.started_at) AS started_at FROM gateway.telemetry_5m b
    WHERE b.timestamp >= @since::timestamptz AND b.timestamp < @begun::timestamptz GROUP BY b.slice_id
), last AS (
    SELECT b.slice_id, avg((b.rss_bytes + b.swap_bytes)::float8) AS bytes, max(b.started_at) AS started_at FROM gateway.telemetry_5m b
    WHERE b.timestamp >= @ending::timestamptz AND b.timestamp <= @until::timestamptz GROUP BY b.slice_id
)
SELECT s.id, first.bytes::float8 AS first_bytes, last.bytes::float8 AS last_bytes, (first.started_at <> last.started_at)::boolean AS restarted
FROM first JOIN last ON last.slice_id = first.slice_id JOIN gateway.slices s ON s.id = first.slice_id
WHERE s.server = @server AND last.bytes > first.bytes
ORDER BY last.bytes - first.bytes DESC, s.id LIMIT @most;

-- name: GrowersByHours :many
WITH first AS (
    SELECT h.slice_id, avg((h.rss_bytes + h.swap_bytes)::float8) AS bytes, max(h.started_at) AS started_at FROM gateway.telemetry_1h h
    WHERE h.timestamp >= @since::timestamptz AND h.timestamp < @begun::timestamptz GROUP BY h.slice_id
), last AS (
    SELECT h.slice_id, avg((h.rss_bytes + h.swap_bytes)::float8) AS bytes, max(h.started_at) AS started_at FROM gateway.telemetry_1h h
    WHERE h.timestamp >= @ending::timestamptz AND h.timestamp <= @until::timestamptz GROUP BY h.slice_id
)
SELECT s.id, first.bytes::float8 AS first_bytes, last.bytes::float8 AS last_bytes, (first.started_at <> last.started_at)::boolean AS restarted
FROM first JOIN last ON last.slice_id = first.slice_id JOIN gateway.slices s ON s.id = first.slice_id
WHERE s.server = @server AND last.bytes > first.bytes
ORDER BY last.bytes - first.bytes DESC, s.id LIMIT @most;

-- name: SliceMinutes :many
-- The amounts are bytes a second. A state that was not told is empty.
SELECT t.timestamp, t.started_at, t.rss_bytes::float8 AS rss, t.swap_bytes::float8 AS swap, coalesce(t.idle_seconds, 'NaN'::float8)::float8 AS idle,
       coalesce(t.cpu_percent, 'NaN'::float8)::float8 AS cpu, coalesce(t.user_bytes / nullif(t.seconds, 0), 'NaN'::float8)::float8 AS user_rate,
       coalesce(t.platform_bytes / nullif(t.seconds, 0), 'NaN'::float8)::float8 AS platform_rate,
       coalesce(t.upstream_bytes / nullif(t.seconds, 0), 'NaN'::float8)::float8 AS upstream_rate,
       coalesce(t.wa_state, '') AS state, coalesce(t.oom_kills, 0)::bigint AS kills
FROM gateway.telemetry t
WHERE t.slice_id = @slice_id AND t.timestamp >= @since::timestamptz AND t.timestamp <= @until::timestamptz
ORDER BY t.timestamp;

-- name: SliceQuarters :many
SELECT date_bin('15 minutes', b.timestamp, '2000-01-01 00:00Z')::timestamptz AS timestamp, max(b.started_at)::timestamptz AS started_at,
       avg(b.rss_bytes::float8)::float8 AS rss, avg(b.swap_bytes::float8)::float8 AS swap, coalesce(avg(b.idle_seconds::float8), 'NaN')::float8 AS idle,
       coalesce(avg(b.cpu_percent), 'NaN')::float8 AS cpu, coalesce(sum(b.user_bytes) / nullif(sum(b.seconds), 0), 'NaN'::float8)::float8 AS user_rate,
       coalesce(sum(b.platform_bytes) / nullif(sum(b.seconds), 0), 'NaN'::float8)::float8 AS platform_rate,
       coalesce(sum(b.upstream_bytes) / nullif(sum(b.seconds), 0), 'NaN'::float8)::float8 AS upstream_rate,
       CASE WHEN sum(b.known_samples) = 0 THEN '' WHEN sum(b.ready_samples) = sum(b.known_samples) THEN 'ready'
            WHEN sum(b.ready_samples) = 0 THEN 'not ready' ELSE 'ready at times' END::text AS state, coalesce(sum(b.oom_kills), 0)::bigint AS kills
FROM gateway.telemetry_5m b
WHERE b.slice_id = @slice_id AND b.timestamp >= @since::timestamptz AND b.timestamp <= @until::timestamptz
GROUP BY 1 ORDER BY 1;

-- name: SliceHours :many
SELECT h.timestamp, h.started_at, h.rss_bytes::float8 AS rss, h.swap_bytes::float8 AS swap, coalesce(h.idle_seconds, 'NaN'::float8)::float8 AS idle,
       coalesce(h.cpu_percent, 'NaN'::float8)::float8 AS cpu, coalesce(h.user_bytes / nullif(h.seconds, 0), 'NaN'::float8)::float8 AS user_rate,
       coalesce(h.platform_bytes / nullif(h.seconds, 0), 'NaN'::float8)::float8 AS platform_rate,
       coalesce(h.upstream_bytes / nullif(h.seconds, 0), 'NaN'::float8)::float8 AS upstream_rate,
       CASE WHEN h.known_samples = 0 THEN '' WHEN h.ready_samples = h.known_samples THEN 'ready'
            WHEN h.ready_samples = 0 THEN 'not ready' ELSE 'ready at times' END::text AS state, coalesce(h.oom_kills, 0)::bigint AS kills
FROM gateway.telemetry_1h h
WHERE h.slice_id = @slice_id AND h.timestamp >= @since::timestamptz AND h.timestamp <= @until::timestamptz
ORDER BY h.timestamp;

-- name: ReclaimsOfSlice :many
-- Steps with less than half an hour between them are one event; the newest first.
SELECT min(step.at)::timestamptz AS at, max(step.at)::timestamptz AS until, step.kind, count(*) AS steps, sum(step.given_bytes)::bigint AS given,
       ((array_agg(step.rss_before ORDER BY step.at))[1])::bigint AS rss_before, ((array_agg(step.rss_after ORDER BY step.at DESC))[1])::bigint AS rss_after
FROM (
    SELECT b.at, b.kind, b.given_bytes, b.rss_before, b.rss_after, sum(b.begins) OVER (PARTITION BY b.kind ORDER BY b.at) AS run
    FROM (
        SELECT r.at, r.kind, r.given_bytes, r.rss_before, r.rss_after,
               CASE WHEN r.at - lag(r.at) OVER (PARTITION BY r.kind ORDER BY r.at) < interval '30 minutes' THEN 0 ELSE 1 END AS begins
        FROM gateway.reclaims r
        WHERE r.slice_id = @slice_id AND r.at >= @since::timestamptz AND r.at <= @until::timestamptz
    ) b
) step
GROUP BY step.kind, step.run ORDER BY at DESC LIMIT @most;

-- name: WakesOfSlice :many
SELECT * FROM gateway.wakes WHERE slice_id = @slice_id AND at >= @since::timestamptz AND at <= @until::timestamptz ORDER BY at DESC LIMIT @most;

-- name: AlertsOfSliceSince :many
SELECT * FROM gateway.alerts WHERE subject = @subject AND opened_at >= @since::timestamptz AND opened_at <= @until::timestamptz ORDER BY opened_at DESC LIMIT @most;

-- name: CapacityOfServers :many
-- A server's slices count as the runner counts them against MAX_SLICES.
SELECT v.name, v.room, v.max_slices,
       count(s.id) FILTER (WHERE s.status NOT IN ('destroyed', 'failed') OR s.user_id IS NOT NULL) AS live,
       count(s.id) FILTER (WHERE s.user_id IS NOT NULL) AS with_user,
       count(s.id) FILTER (WHERE s.status = 'available') AS ready,
       count(s.id) FILTER (WHERE s.status = 'provisioning') AS coming
FROM gateway.servers v LEFT JOIN gateway.slices s ON s.server = v.name AND s.status <> 'destroyed'
GROUP BY v.name ORDER BY v.name;

-- name: SlicesByDay :many
-- The most slices that ran on each whole day.
SELECT date_trunc('day', h.timestamp, 'UTC')::timestamptz AS day, max(h.total_slices)::integer AS slices
FROM gateway.server_telemetry_1h h
WHERE h.server = @server AND h.timestamp >= @since::timestamptz AND h.timestamp < @until::timestamptz
GROUP BY 1 ORDER BY 1;
