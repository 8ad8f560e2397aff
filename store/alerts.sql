-- name: OpenAlert :execrows
-- Zero rows: it is open already, and says the same.
INSERT INTO gateway.alerts AS open (kind, subject, severity, detail, opened_at)
VALUES (@kind, @subject, @severity, @detail, @now::timestamptz)
ON CONFLICT (kind, subject) WHERE closed_at IS NULL
DO UPDATE SET severity = excluded.severity, detail = excluded.detail
WHERE (open.severity, open.detail) IS DISTINCT FROM (excluded.severity, excluded.detail);

-- name: CloseAlert :execrows
UPDATE gateway.alerts SET closed_at = greatest(@now::timestamptz, opened_at)
WHERE kind = @kind AND subject = @subject AND closed_at IS NULL;

-- name: CloseAlertsOf :exec
UPDATE gateway.alerts SET closed_at = greatest(@now::timestamptz, opened_at) WHERE subject = @subject AND closed_at IS NULL;

-- name: OpenSubjects :many
SELECT subject FROM gateway.alerts WHERE kind = @kind AND closed_at IS NULL ORDER BY subject;

-- name: ListAlerts :many
-- Those that are open, the newest first.
SELECT * FROM gateway.alerts WHERE closed_at IS NULL ORDER BY opened_at DESC, id DESC;
