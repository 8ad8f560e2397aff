-- name: RestByMinutes :many
-- What slices that somebody had used held in each of the first twelve five minutes after it. `band` is
-- which of them, from zero.
SELECT b.slice_id, (b.idle_seconds / 300)::integer AS band, count(*) AS bins, avg(b.idle_seconds::float8)::float8 AS idle_seconds,
       avg(b.rss_bytes::float8)::float8 AS rss_bytes, avg(b.swap_bytes::float8)::float8 AS swap_bytes
FROM gateway.telemetry_5m b
WHERE b.timestamp >= @since::timestamptz AND b.timestamp < @until::timestamptz
  AND b.idle_seconds < 3600 AND b.timestamp - b.started_at >= interval '1 hour'
GROUP BY b.slice_id, band;

-- name: RestByHours :many
-- What slices held in whole hours of rest. `band` 0 is from one to two hours after their last use, 1 to
-- four, and so on; 5 is all that is more than 32 hours. A difference says that all samples are of rest,
-- since the planner takes two columns that are equal for a rarity.
SELECT h.slice_id, width_bucket(h.idle_seconds, ARRAY[7200, 14400, 28800, 57600, 115200])::integer AS band, count(*) AS bins, avg(h.idle_seconds::float8)::float8 AS idle_seconds,
       avg(h.idle_rss_bytes::float8)::float8 AS rss_bytes, avg(h.idle_swap_bytes::float8)::float8 AS swap_bytes
FROM gateway.telemetry_1h h
WHERE h.timestamp >= @since::timestamptz AND h.timestamp < @until::timestamptz AND h.samples - h.idle_samples < 1 AND h.idle_seconds >= 3600
GROUP BY h.slice_id, band;

-- name: RestByDay :many
-- What slices held at rest, RAM and swap together, day by day and container by container. A container's
-- first six hours are left out: a browser grows until it is warm.
SELECT h.slice_id, h.started_at, date_trunc('day', h.timestamp, 'UTC')::timestamptz AS day, count(*) AS hours,
       (sum((h.idle_rss_bytes + h.idle_swap_bytes)::float8 * h.idle_samples) / sum(h.idle_samples))::float8 AS bytes
FROM gateway.telemetry_1h h
WHERE h.timestamp >= @since::timestamptz AND h.timestamp < @until::timestamptz AND h.idle_samples > 0
  AND h.timestamp >= h.started_at + interval '6 hours'
GROUP BY h.slice_id, h.started_at, day
ORDER BY h.slice_id, day, h.started_at;

-- name: Connections :many
-- How long each slice was connected, and how often that broke, by which fifth of its memory was in swap.
-- Hours in which it broke for more than a third of all slices are WhatsApp's own, and left out.
WITH outages AS (
    SELECT broken.timestamp FROM gateway.telemetry_1h broken
    WHERE broken.timestamp >= @since::timestamptz AND broken.timestamp < @until::timestamptz AND broken.disconnects > 0
    GROUP BY broken.timestamp
    HAVING count(*) > 5 AND count(*) > (SELECT count(*) / 3 FROM gateway.telemetry_1h there WHERE there.timestamp = broken.timestamp)
)
SELECT h.slice_id, coalesce(least(floor(5 * h.swap_bytes::float8 / nullif(h.rss_bytes + h.swap_bytes, 0)), 4), 0)::integer AS band,
       sum(h.ready_seconds::float8)::float8 AS ready_seconds, sum(h.swapped_ready_seconds::float8)::float8 AS swapped_ready_seconds,
       sum(h.disconnects)::bigint AS disconnects, sum(h.swapped_disconnects)::bigint AS swapped_disconnects,
       (SELECT count(*) FROM outages)::bigint AS outage_hours
FROM gateway.telemetry_1h h
WHERE h.timestamp >= @since::timestamptz AND h.timestamp < @until::timestamptz AND h.known_samples > 0
  AND h.timestamp NOT IN (SELECT outages.timestamp FROM outages)
GROUP BY h.slice_id, band;

-- name: ServerBins :many
SELECT b.timestamp, b.ram_used_bytes, b.ram_total_bytes, b.swap_used_bytes, b.swap_total_bytes, b.swap_ram_bytes, b.swap_in_rate,
       b.cpu_percent, b.disk_used_bytes, b.disk_total_bytes, b.active_max_slices, b.total_slices, b.slices_rss_bytes, b.slices_swap_bytes
FROM gateway.server_telemetry_5m b
WHERE b.server = @server AND b.timestamp >= @since::timestamptz AND b.timestamp < @until::timestamptz
ORDER BY b.timestamp;

-- name: WakeDelays :many
-- What it cost to come back, by how long a slice had been idle: `band` 0 is a slice that was resident but
-- for a tenth, 1 one that was idle for less than an hour, 2 less than six, 3 less than a day, 4 more.
SELECT w.band::integer AS band, count(*) AS wakes, count(w.answer_us) AS answers,
       (percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY coalesce(w.stall_us, 0)))::float8[] AS stall_us,
       coalesce(percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY w.answer_us), '{}')::float8[] AS answer_us,
       (percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY coalesce(w.back_bytes, 0)))::float8[] AS back_bytes
FROM (
    SELECT a.stall_us, a.answer_us, a.back_bytes,
           CASE WHEN a.swap_before * 10 < a.rss_before + a.swap_before THEN 0 WHEN a.idle_seconds < 3600 THEN 1 WHEN a.idle_seconds < 21600 THEN 2
                WHEN a.idle_seconds < 86400 THEN 3 ELSE 4 END AS band
    FROM gateway.wakes a WHERE a.at >= @since::timestamptz AND a.at < @until::timestamptz
) w
GROUP BY w.band ORDER BY w.band;

-- name: WakesAtOnce :one
-- The most slices of a server that came back within five minutes, and what nine of ten of all of them took of RAM at most.
SELECT coalesce(max(at_once.n), 0)::bigint AS most,
       coalesce((SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY b.back_bytes) FROM gateway.wakes b JOIN gateway.slices t ON t.id = b.slice_id
                 WHERE t.server = @server AND b.at >= @since::timestamptz AND b.at < @until::timestamptz), 0)::float8 AS back_bytes
FROM (
    SELECT count(*) AS n FROM gateway.wakes w JOIN gateway.slices s ON s.id = w.slice_id
    WHERE s.server = @server AND w.at >= @since::timestamptz AND w.at < @until::timestamptz
    GROUP BY date_bin('5 minutes', w.at, '2000-01-01 00:00Z')
) at_once;

-- name: StorageOfSlices :one
-- What the slices of a server have of its disk, as last measured.
SELECT count(*) AS slices, coalesce(sum(storage_bytes), 0)::bigint AS bytes
FROM gateway.slices WHERE server = @server AND status <> 'destroyed' AND storage_bytes > 0;

-- name: SetAnswers :exec
INSERT INTO gateway.answers (days, at, found) VALUES (@days, @at, @found)
ON CONFLICT (days) DO UPDATE SET at = excluded.at, found = excluded.found;

-- name: AnswersOf :one
SELECT at, found FROM gateway.answers WHERE days = @days;
