-- name: LockRollUp :exec
-- Held to the end of the transaction: the bins of a table are written by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('roll_up ' || @name::text, 0));

-- name: RolledUpTo :one
SELECT up_to FROM gateway.roll_ups WHERE name = @name;

-- name: SetRolledUp :exec
INSERT INTO gateway.roll_ups (name, up_to) VALUES (@name, @up_to) ON CONFLICT (name) DO UPDATE SET up_to = excluded.up_to;

-- name: FirstTelemetry :one
-- When the oldest sample was taken, of slices or servers. No row: there is none.
SELECT oldest.first::timestamptz AS first
FROM (SELECT least((SELECT min(t.timestamp) FROM gateway.telemetry t), (SELECT min(s.timestamp) FROM gateway.server_telemetry s)) AS first) oldest
WHERE oldest.first IS NOT NULL;

-- name: FirstBin :one
SELECT oldest.first::timestamptz AS first
FROM (SELECT least((SELECT min(t.timestamp) FROM gateway.telemetry_5m t), (SELECT min(s.timestamp) FROM gateway.server_telemetry_5m s)) AS first) oldest
WHERE oldest.first IS NOT NULL;

-- name: RollUpSlices :exec
-- Writes the five minutes' bins of all slices anew, from `since`, which is the beginning of one; `before`
-- is ten minutes earlier. A slice that told nothing for so long is not held against what it said before.
WITH sample AS (
    SELECT t.slice_id, t.timestamp, t.started_at, t.rss_bytes, t.swap_bytes, t.wa_state, t.idle_seconds, t.cpu_percent,
           t.user_bytes, t.platform_bytes, t.upstream_bytes, t.refaults, t.pressure_us, t.oom_kills, t.seconds, date_bin('5 minutes', t.timestamp, '2000-01-01 00:00Z') AS bin,
           coalesce(t.idle_seconds >= 1800, false) AND t.timestamp - t.started_at >= interval '30 minutes' AS rests,
           t.swap_bytes > 0 AND t.swap_bytes >= t.rss_bytes AS swapped,
           least(coalesce(t.seconds, 60), 600) AS covers
    FROM gateway.telemetry t
    WHERE t.timestamp >= @before::timestamptz AND t.timestamp < @until::timestamptz
), known AS (
    SELECT slice_id, bin, timestamp, started_at, wa_state,
           lag(wa_state) OVER earlier AS state_before, lag(started_at) OVER earlier AS started_before,
           lag(timestamp) OVER earlier AS before, lag(swapped) OVER earlier AS swapped_before
    FROM sample WHERE wa_state IS NOT NULL
    WINDOW earlier AS (PARTITION BY slice_id ORDER BY timestamp)
), broken AS (
    SELECT slice_id, bin, count(*) AS disconnects, count(*) FILTER (WHERE swapped_before) AS swapped_disconnects
    FROM known
    WHERE state_before = 'ready' AND wa_state <> 'ready' AND started_before = started_at AND timestamp - before <= interval '10 minutes'
    GROUP BY slice_id, bin
)
INSERT INTO gateway.telemetry_5m
SELECT s.slice_id, s.bin, max(s.started_at), count(*), sum(s.seconds),
       avg(s.rss_bytes)::bigint, max(s.rss_bytes), avg(s.swap_bytes)::bigint, max(s.swap_bytes), avg(s.idle_seconds)::integer,
       count(*) FILTER (WHERE s.rests), (avg(s.rss_bytes) FILTER (WHERE s.rests))::bigint, (avg(s.swap_bytes) FILTER (WHERE s.rests))::bigint,
       avg(s.cpu_percent), sum(s.user_bytes)::bigint, sum(s.platform_bytes)::bigint, sum(s.upstream_bytes)::bigint,
       sum(s.refaults)::bigint, sum(s.pressure_us)::bigint, sum(s.oom_kills),
       count(s.wa_state), count(*) FILTER (WHERE s.wa_state = 'ready'),
       coalesce(sum(s.covers) FILTER (WHERE s.wa_state = 'ready'), 0), coalesce(sum(s.covers) FILTER (WHERE s.wa_state = 'ready' AND s.swapped), 0),
       coalesce(max(b.disconnects), 0), coalesce(max(b.swapped_disconnects), 0)
FROM sample s LEFT JOIN broken b ON b.slice_id = s.slice_id AND b.bin = s.bin
WHERE s.timestamp >= @since::timestamptz
GROUP BY s.slice_id, s.bin
ON CONFLICT (slice_id, timestamp) DO UPDATE SET started_at = excluded.started_at, samples = excluded.samples, seconds = excluded.seconds,
    rss_bytes = excluded.rss_bytes, rss_max_bytes = excluded.rss_max_bytes, swap_bytes = excluded.swap_bytes, swap_max_bytes = excluded.swap_max_bytes,
    idle_seconds = excluded.idle_seconds, idle_samples = excluded.idle_samples, idle_rss_bytes = excluded.idle_rss_bytes, idle_swap_bytes = excluded.idle_swap_bytes,
    cpu_percent = excluded.cpu_percent, user_bytes = excluded.user_bytes, platform_bytes = excluded.platform_bytes, upstream_bytes = excluded.upstream_bytes,
    refaults = excluded.refaults, pressure_us = excluded.pressure_us, oom_kills = excluded.oom_kills,
    known_samples = excluded.known_samples, ready_samples = excluded.ready_samples, ready_seconds = excluded.ready_seconds,
    swapped_ready_seconds = excluded.swapped_ready_seconds, disconnects = excluded.disconnects, swapped_disconnects = excluded.swapped_disconnects;

-- name: RollUpSliceHours :exec
-- Writes the hours of all slices anew from their bins, from `since`, which is the beginning of one. An
-- average of averages counts each by the samples behind it.
INSERT INTO gateway.telemetry_1h
SELECT b.slice_id, date_bin('1 hour', b.timestamp, '2000-01-01 00:00Z') AS hour, max(b.started_at), sum(b.samples), sum(b.seconds),
       (sum(b.rss_bytes * b.samples) / sum(b.samples))::bigint, max(b.rss_max_bytes), (sum(b.swap_bytes * b.samples) / sum(b.samples))::bigint, max(b.swap_max_bytes),
       (sum(b.idle_seconds::bigint * b.samples) / sum(b.samples) FILTER (WHERE b.idle_seconds IS NOT NULL))::integer,
       sum(b.idle_samples), (sum(b.idle_rss_bytes * b.idle_samples) / nullif(sum(b.idle_samples), 0))::bigint, (sum(b.idle_swap_bytes * b.idle_samples) / nullif(sum(b.idle_samples), 0))::bigint,
       sum(b.cpu_percent * b.samples) / sum(b.samples) FILTER (WHERE b.cpu_percent IS NOT NULL), sum(b.user_bytes)::bigint, sum(b.platform_bytes)::bigint, sum(b.upstream_bytes)::bigint,
       sum(b.refaults)::bigint, sum(b.pressure_us)::bigint, sum(b.oom_kills),
       sum(b.known_samples), sum(b.ready_samples), sum(b.ready_seconds), sum(b.swapped_ready_seconds), sum(b.disconnects), sum(b.swapped_disconnects)
FROM gateway.telemetry_5m b
WHERE b.timestamp >= @since::timestamptz AND b.timestamp < @until::timestamptz
GROUP BY b.slice_id, hour
ON CONFLICT (slice_id, timestamp) DO UPDATE SET started_at = excluded.started_at, samples = excluded.samples, seconds = excluded.seconds,
    rss_bytes = excluded.rss_bytes, rss_max_bytes = excluded.rss_max_bytes, swap_bytes = excluded.swap_bytes, swap_max_bytes = excluded.swap_max_bytes,
    idle_seconds = excluded.idle_seconds, idle_samples = excluded.idle_samples, idle_rss_bytes = excluded.idle_rss_bytes, idle_swap_bytes = excluded.idle_swap_bytes,
    cpu_percent = excluded.cpu_percent, user_bytes = excluded.user_bytes, platform_bytes = excluded.platform_bytes, upstream_bytes = excluded.upstream_bytes,
    refaults = excluded.refaults, pressure_us = excluded.pressure_us, oom_kills = excluded.oom_kills,
    known_samples = excluded.known_samples, ready_samples = excluded.ready_samples, ready_seconds = excluded.ready_seconds,
    swapped_ready_seconds = excluded.swapped_ready_seconds, disconnects = excluded.disconnects, swapped_disconnects = excluded.swapped_disconnects;

-- name: RollUpServers :exec
-- Writes the five minutes' bins of all servers anew.
INSERT INTO gateway.server_telemetry_5m
SELECT t.server, date_bin('5 minutes', t.timestamp, '2000-01-01 00:00Z') AS bin, count(*), sum(t.seconds),
       avg(t.ram_used_bytes)::bigint, max(t.ram_used_bytes), max(t.ram_total_bytes),
       avg(t.swap_used_bytes)::bigint, max(t.swap_used_bytes), max(t.swap_total_bytes), avg(t.swap_ram_bytes)::bigint,
       avg(t.swap_in_rate), max(t.swap_in_rate), avg(t.swap_out_rate), max(t.swap_out_rate), avg(t.cpu_percent), max(t.cpu_percent),
       max(t.disk_used_bytes), max(t.disk_total_bytes), avg(t.active_slices), max(t.active_slices), max(t.total_slices),
       avg(t.slices_rss_bytes)::bigint, avg(t.slices_swap_bytes)::bigint,
       sum(t.memory_pressure_us)::bigint, sum(t.io_pressure_us)::bigint, sum(t.cpu_pressure_us)::bigint, sum(t.oom_kills)
FROM gateway.server_telemetry t
WHERE t.timestamp >= @since::timestamptz AND t.timestamp < @until::timestamptz
GROUP BY t.server, bin
ON CONFLICT (server, timestamp) DO UPDATE SET samples = excluded.samples, seconds = excluded.seconds,
    ram_used_bytes = excluded.ram_used_bytes, ram_used_max_bytes = excluded.ram_used_max_bytes, ram_total_bytes = excluded.ram_total_bytes,
    swap_used_bytes = excluded.swap_used_bytes, swap_used_max_bytes = excluded.swap_used_max_bytes, swap_total_bytes = excluded.swap_total_bytes, swap_ram_bytes = excluded.swap_ram_bytes,
    swap_in_rate = excluded.swap_in_rate, swap_in_max_rate = excluded.swap_in_max_rate, swap_out_rate = excluded.swap_out_rate, swap_out_max_rate = excluded.swap_out_max_rate,
    cpu_percent = excluded.cpu_percent, cpu_max_percent = excluded.cpu_max_percent, disk_used_bytes = excluded.disk_used_bytes, disk_total_bytes = excluded.disk_total_bytes,
    active_slices = excluded.active_slices, active_max_slices = excluded.active_max_slices, total_slices = excluded.total_slices,
    slices_rss_bytes = excluded.slices_rss_bytes, slices_swap_bytes = excluded.slices_swap_bytes,
    memory_pressure_us = excluded.memory_pressure_us, io_pressure_us = excluded.io_pressure_us, cpu_pressure_us = excluded.cpu_pressure_us, oom_kills = excluded.oom_kills;

-- name: RollUpServerHours :exec
-- Writes the hours of all servers anew from their bins.
INSERT INTO gateway.server_telemetry_1h
SELECT b.server, date_bin('1 hour', b.timestamp, '2000-01-01 00:00Z') AS hour, sum(b.samples), sum(b.seconds),
       (sum(b.ram_used_bytes * b.samples) / sum(b.samples))::bigint, max(b.ram_used_max_bytes), max(b.ram_total_bytes),
       (sum(b.swap_used_bytes * b.samples) / sum(b.samples))::bigint, max(b.swap_used_max_bytes), max(b.swap_total_bytes), (sum(b.swap_ram_bytes * b.samples) / sum(b.samples))::bigint,
       sum(b.swap_in_rate * b.samples) / sum(b.samples) FILTER (WHERE b.swap_in_rate IS NOT NULL), max(b.swap_in_max_rate),
       sum(b.swap_out_rate * b.samples) / sum(b.samples) FILTER (WHERE b.swap_out_rate IS NOT NULL), max(b.swap_out_max_rate),
       sum(b.cpu_percent * b.samples) / sum(b.samples) FILTER (WHERE b.cpu_percent IS NOT NULL), max(b.cpu_max_percent),
       max(b.disk_used_bytes), max(b.disk_total_bytes),
       sum(b.active_slices * b.samples) / sum(b.samples) FILTER (WHERE b.active_slices IS NOT NULL), max(b.active_max_slices), max(b.total_slices),
       (sum(b.slices_rss_bytes * b.samples) / sum(b.samples))::bigint, (sum(b.slices_swap_bytes * b.samples) / sum(b.samples))::bigint,
       sum(b.memory_pressure_us)::bigint, sum(b.io_pressure_us)::bigint, sum(b.cpu_pressure_us)::bigint, sum(b.oom_kills)
FROM gateway.server_telemetry_5m b
WHERE b.timestamp >= @since::timestamptz AND b.timestamp < @until::timestamptz
GROUP BY b.server, hour
ON CONFLICT (server, timestamp) DO UPDATE SET samples = excluded.samples, seconds = excluded.seconds,
    ram_used_bytes = excluded.ram_used_bytes, ram_used_max_bytes = excluded.ram_used_max_bytes, ram_total_bytes = excluded.ram_total_bytes,
    swap_used_bytes = excluded.swap_used_bytes, swap_used_max_bytes = excluded.swap_used_max_bytes, swap_total_bytes = excluded.swap_total_bytes, swap_ram_bytes = excluded.swap_ram_bytes,
    swap_in_rate = excluded.swap_in_rate, swap_in_max_rate = excluded.swap_in_max_rate, swap_out_rate = excluded.swap_out_rate, swap_out_max_rate = excluded.swap_out_max_rate,
    cpu_percent = excluded.cpu_percent, cpu_max_percent = excluded.cpu_max_percent, disk_used_bytes = excluded.disk_used_bytes, disk_total_bytes = excluded.disk_total_bytes,
    active_slices = excluded.active_slices, active_max_slices = excluded.active_max_slices, total_slices = excluded.total_slices,
    slices_rss_bytes = excluded.slices_rss_bytes, slices_swap_bytes = excluded.slices_swap_bytes,
    memory_pressure_us = excluded.memory_pressure_us, io_pressure_us = excluded.io_pressure_us, cpu_pressure_us = excluded.cpu_pressure_us, oom_kills = excluded.oom_kills;
