-- name: PastAlerts :many
-- Of some kinds (none: of all), the last to be over first, below one that is known.
SELECT * FROM gateway.alerts a
WHERE a.closed_at IS NOT NULL AND (cardinality(@kinds::text[]) = 0 OR a.kind = ANY(@kinds)) AND (@subject::text = '' OR a.subject = @subject)
  AND (sqlc.narg(below_at)::timestamptz IS NULL OR (a.closed_at, a.id) < (sqlc.narg(below_at)::timestamptz, @below_id::bigint))
ORDER BY a.closed_at DESC, a.id DESC LIMIT @most;

-- name: AlertKinds :many
-- All that there are, for who looks for one.
SELECT DISTINCT kind FROM gateway.alerts ORDER BY kind;

-- name: LockedAlert :one
SELECT * FROM gateway.alerts WHERE id = @id FOR UPDATE;

-- name: AcknowledgeAlert :exec
UPDATE gateway.alerts SET acknowledged_at = sqlc.narg(at)::timestamptz, acknowledged_by = sqlc.narg(actor)::text WHERE id = @id;

-- name: RestartLines :many
-- What the audit has of restarts: ordered, of a crash, given up. The newest first.
SELECT * FROM gateway.audit WHERE action IN ('slice.recycle', 'slice.crash', 'slice.fail', 'slice.resume')
  AND (@subject::text = '' OR subject = @subject)
ORDER BY id DESC LIMIT @most;
