-- What is shown to Prometheus. Each is asked at every scrape and must be cheap, also with 200 slices.

-- name: SliceFigures :many
-- The slices of a server that should run, each with its newest sample, if it has one since a time. -1: not known.
SELECT s.id, s.wa_connected, (s.linked_at IS NOT NULL)::boolean AS linked, (t.timestamp IS NOT NULL)::boolean AS sampled,
       coalesce(t.rss_bytes, -1)::bigint AS rss_bytes, coalesce(t.swap_bytes, -1)::bigint AS swap_bytes,
       coalesce(t.idle_seconds, -1)::integer AS idle_seconds, coalesce(t.cpu_percent, -1)::real AS cpu_percent
FROM gateway.slices s
LEFT JOIN LATERAL (
    SELECT * FROM gateway.telemetry WHERE slice_id = s.id AND timestamp > @since::timestamptz ORDER BY timestamp DESC LIMIT 1
) t ON true
WHERE s.server = @server AND s.status IN ('available', 'assigned')
ORDER BY s.id;

-- name: SampleTimes :many
-- When each server was last sampled; one that was not since a time counts from then, or from when it came.
SELECT s.name, coalesce(
    (SELECT max(t.timestamp) FROM gateway.server_telemetry t WHERE t.server = s.name AND t.timestamp > @since::timestamptz),
    greatest(s.registered_at, @since))::timestamptz AS sampled_at
FROM gateway.servers s ORDER BY s.name;

-- name: CountSlices :many
SELECT server, status, count(*) AS slices FROM gateway.slices WHERE status <> 'destroyed' GROUP BY server, status ORDER BY server, status;

-- name: CountUsers :many
SELECT subscription_status, count(*) AS users FROM gateway.users GROUP BY subscription_status ORDER BY subscription_status;

-- name: CountAlerts :many
SELECT kind, severity, count(*) AS alerts FROM gateway.alerts WHERE closed_at IS NULL GROUP BY kind, severity ORDER BY kind, severity;

-- name: CountEmails :one
-- Those that are owed, since when the oldest is (now, if none is), and those that could not be sent or came back since a time.
SELECT count(*) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL) AS owed,
       coalesce(min(created_at) FILTER (WHERE sent_at IS NULL AND failed_at IS NULL), @now::timestamptz)::timestamptz AS oldest,
       count(*) FILTER (WHERE failed_at > @since::timestamptz) AS failed
FROM gateway.emails;

-- name: CountJobs :many
-- Jobs that are not done, and those that River keeps because they failed for good; since when the oldest of
-- those that could be worked has waited (now, if none does).
SELECT queue, state::text AS state, count(*) AS jobs,
       coalesce(min(scheduled_at) FILTER (WHERE state IN ('available', 'retryable', 'scheduled') AND scheduled_at <= @now::timestamptz), @now)::timestamptz AS oldest
FROM river.river_job WHERE state IN ('available', 'pending', 'running', 'retryable', 'scheduled', 'discarded')
GROUP BY queue, state ORDER BY queue, state;

-- name: ServerIsLocked :one
-- Whether a runner holds the lock of a server (TryLockServer).
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_locks l, (SELECT hashtextextended('runner ' || @server::text, 0) AS key) wanted
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND (l.classid::bigint << 32 | l.objid::bigint) = wanted.key
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
) AS locked;
