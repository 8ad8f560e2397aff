-- name: TendPartitions :one
-- Makes the partitions of the next days, and drops those that have been kept long enough.
SELECT t.made::integer AS made, t.dropped::integer AS dropped FROM gateway.tend_partitions(@now::timestamptz) t;

-- name: LockSamples :exec
-- Held to the end of the transaction: one sample of a server is written at a time.
SELECT pg_advisory_xact_lock(hashtextextended('sample ' || @server::text, 0));

-- name: MetersOfServer :many
SELECT m.* FROM gateway.meters m JOIN gateway.slices s ON s.id = m.slice_id WHERE s.server = @server;

-- name: AddTelemetry :copyfrom
INSERT INTO gateway.telemetry (slice_id, timestamp, started_at, rss_bytes, swap_bytes, wa_state, idle_seconds, cpu_percent,
    user_bytes, platform_bytes, upstream_bytes, refaults, pressure_us, oom_kills, seconds)
VALUES (@slice_id, @timestamp, @started_at, @rss_bytes, @swap_bytes, @wa_state, @idle_seconds, @cpu_percent,
    @user_bytes, @platform_bytes, @upstream_bytes, @refaults, @pressure_us, @oom_kills, @seconds);

-- name: SetMeter :batchexec
INSERT INTO gateway.meters (slice_id, cgroup_id, read_at, started_at, cpu_us, refaults, pressure_us, oom_kills,
    user_bytes, platform_bytes, upstream_bytes, owed_user, owed_platform, owed_upstream, last_user_at, last_upstream_at, asked_at)
VALUES (@slice_id, @cgroup_id, @read_at, @started_at, @cpu_us, @refaults, @pressure_us, @oom_kills,
    @user_bytes, @platform_bytes, @upstream_bytes, @owed_user, @owed_platform, @owed_upstream, @last_user_at, @last_upstream_at, @asked_at)
ON CONFLICT (slice_id) DO UPDATE SET cgroup_id = excluded.cgroup_id, read_at = excluded.read_at, started_at = excluded.started_at,
    cpu_us = excluded.cpu_us, refaults = excluded.refaults, pressure_us = excluded.pressure_us, oom_kills = excluded.oom_kills,
    user_bytes = excluded.user_bytes, platform_bytes = excluded.platform_bytes, upstream_bytes = excluded.upstream_bytes,
    owed_user = excluded.owed_user, owed_platform = excluded.owed_platform, owed_upstream = excluded.owed_upstream,
    last_user_at = excluded.last_user_at, last_upstream_at = excluded.last_upstream_at, asked_at = excluded.asked_at;

-- name: DropMeters :exec
-- Of slices that are no more.
DELETE FROM gateway.meters m USING gateway.slices s WHERE s.id = m.slice_id AND s.server = @server AND s.status = 'destroyed';

-- name: ServerMeter :one
SELECT * FROM gateway.server_meters WHERE server = @server;

-- name: SetServerMeter :exec
INSERT INTO gateway.server_meters (server, read_at, swap_in, swap_out, cpu_busy_us, cpu_us,
    memory_pressure_us, io_pressure_us, cpu_pressure_us, oom_kills)
VALUES (@server, @read_at, @swap_in, @swap_out, @cpu_busy_us, @cpu_us,
    @memory_pressure_us, @io_pressure_us, @cpu_pressure_us, @oom_kills)
ON CONFLICT (server) DO UPDATE SET read_at = excluded.read_at, swap_in = excluded.swap_in,
    swap_out = excluded.swap_out, cpu_busy_us = excluded.cpu_busy_us, cpu_us = excluded.cpu_us,
    memory_pressure_us = excluded.memory_pressure_us, io_pressure_us = excluded.io_pressure_us,
    cpu_pressure_us = excluded.cpu_pressure_us, oom_kills = excluded.oom_kills;

-- name: AddServerTelemetry :copyfrom
INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes,
    swap_ram_bytes, swap_in_rate, swap_out_rate, cpu_percent, disk_used_bytes, disk_total_bytes, active_slices, total_slices,
    slices_rss_bytes, slices_swap_bytes, memory_pressure_us, io_pressure_us, cpu_pressure_us, oom_kills, seconds, load_1m, load_5m, load_15m)
VALUES (@server, @timestamp, @ram_used_bytes, @ram_total_bytes, @swap_used_bytes, @swap_total_bytes,
    @swap_ram_bytes, @swap_in_rate, @swap_out_rate, @cpu_percent, @disk_used_bytes, @disk_total_bytes, @active_slices, @total_slices,
    @slices_rss_bytes, @slices_swap_bytes, @memory_pressure_us, @io_pressure_us, @cpu_pressure_us, @oom_kills, @seconds, @load_1m, @load_5m, @load_15m);

-- name: NoteMemory :exec
-- What slices have of RAM and swap, in one statement for all of a server.
UPDATE gateway.slices s SET memory_bytes = used.memory, working_bytes = used.working, swap_bytes = used.swap, measured_at = @now::timestamptz
FROM (
    SELECT unnest(@ids::bigint[]) AS id, unnest(@memories::bigint[]) AS memory, unnest(@workings::bigint[]) AS working, unnest(@swaps::bigint[]) AS swap
) used
WHERE s.id = used.id AND s.status <> 'destroyed';

-- name: NoteStorage :exec
-- What slices have of the disk, in one statement for all of a server.
UPDATE gateway.slices s SET storage_bytes = used.storage
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@storages::bigint[]) AS storage) used
WHERE s.id = used.id AND s.status <> 'destroyed' AND s.storage_bytes <> used.storage;

-- name: NoteAlive :exec
-- Slices that answered, or whose WhatsApp was heard. Those of the pool are fill_pool's to judge.
UPDATE gateway.slices SET last_health_at = @now::timestamptz WHERE id = ANY(@ids::bigint[]) AND status = 'assigned' AND recycle_at IS NULL;

-- name: NoteActivity :exec
-- When users last came. Within a minute it is the same to whoever reads it.
UPDATE gateway.slices s SET last_activity_at = seen.at
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@times::timestamptz[]) AS at) seen
WHERE s.id = seen.id AND s.status <> 'destroyed' AND (s.last_activity_at IS NULL OR seen.at > s.last_activity_at + interval '1 minute');

-- name: NoteProbe :exec
-- Why traffic cannot be counted on a server; NULL: it is.
UPDATE gateway.servers SET probe_error = sqlc.narg(probe_error) WHERE name = @name AND probe_error IS DISTINCT FROM sqlc.narg(probe_error);
