-- name: OpenAlert :execrows
-- Opens an alert, takes up again one that ended so lately that nobody has been told, or says anew what
-- an open one says; one that has become critical is acknowledged no more. Zero rows: it is open already, and says the same.
WITH subject AS (
    SELECT CASE WHEN @subject::text LIKE 'server:%' THEN substr(@subject, 8) END AS server, NULL::bigint AS user_id
    WHERE @subject NOT LIKE 'slice:%'
    UNION ALL
    SELECT server, user_id FROM gateway.slices WHERE @subject LIKE 'slice:%' AND id = substr(@subject, 7)::bigint
), again AS (
    UPDATE gateway.alerts old SET closed_at = NULL, severity = @severity, detail = @detail,
        acknowledged_at = CASE WHEN old.severity = 'critical' OR @severity <> 'critical' THEN old.acknowledged_at END,
        acknowledged_by = CASE WHEN old.severity = 'critical' OR @severity <> 'critical' THEN old.acknowledged_by END
    WHERE old.id = (
        SELECT max(ended.id) FROM gateway.alerts ended
        WHERE ended.kind = @kind AND ended.subject = @subject AND ended.settled_at IS NULL
    ) AND old.closed_at IS NOT NULL
    RETURNING old.id
), opened AS (
    INSERT INTO gateway.alerts AS open (kind, subject, severity, detail, opened_at, server, user_id)
    SELECT @kind, @subject, @severity, @detail, @now::timestamptz, (SELECT server FROM subject), (SELECT user_id FROM subject)
    WHERE NOT EXISTS (SELECT FROM again)
    ON CONFLICT (kind, subject) WHERE closed_at IS NULL
    DO UPDATE SET severity = excluded.severity, detail = excluded.detail,
        acknowledged_at = CASE WHEN open.severity = 'critical' OR excluded.severity <> 'critical' THEN open.acknowledged_at END,
        acknowledged_by = CASE WHEN open.severity = 'critical' OR excluded.severity <> 'critical' THEN open.acknowledged_by END
    WHERE (open.severity, open.detail) IS DISTINCT FROM (excluded.severity, excluded.detail)
    RETURNING id
)
SELECT id FROM again UNION ALL SELECT id FROM opened;

-- name: CloseAlert :execrows
UPDATE gateway.alerts SET closed_at = greatest(@now::timestamptz, opened_at)
WHERE kind = @kind AND subject = @subject AND closed_at IS NULL;

-- name: CloseAlertsOf :exec
UPDATE gateway.alerts SET closed_at = greatest(@now::timestamptz, opened_at) WHERE subject = @subject AND closed_at IS NULL;

-- name: OpenSubjects :many
SELECT subject FROM gateway.alerts WHERE kind = @kind AND closed_at IS NULL ORDER BY subject;

-- name: ListAlerts :many
-- Those that are open, the newest first, and whether one is told of: it is not while an incident stands for it, or it is silenced.
SELECT a.*, EXISTS (
    SELECT FROM gateway.silences s
    WHERE s.starts_at <= @now::timestamptz AND s.ends_at > @now AND (s.kind IS NULL OR s.kind = a.kind) AND (s.subject IS NULL OR s.subject = a.subject)
) AS silenced
FROM gateway.alerts a WHERE a.closed_at IS NULL ORDER BY a.opened_at DESC, a.id DESC;

-- name: LockAlerts :exec
-- Held to the end of the transaction: a server's conditions are judged by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('alerts ' || @server::text, 0));

-- name: ConditionsOfServer :many
SELECT * FROM gateway.conditions WHERE server = @server;

-- name: UnsettledAlerts :many
-- Of a server, of some kinds.
SELECT * FROM gateway.alerts WHERE server = @server::text AND kind = ANY(@kinds::text[]) AND settled_at IS NULL ORDER BY id;

-- name: SetConditions :exec
INSERT INTO gateway.conditions (kind, subject, server, since)
SELECT kind, subject, @server::text, since
FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@subjects::text[]) AS subject, unnest(@sinces::timestamptz[]) AS since) new
ON CONFLICT (kind, subject) DO UPDATE SET server = excluded.server, since = excluded.since;

-- name: DropConditions :exec
DELETE FROM gateway.conditions c
USING (SELECT unnest(@kinds::text[]) AS kind, unnest(@subjects::text[]) AS subject) gone
WHERE c.kind = gone.kind AND c.subject = gone.subject;

-- name: RaiseAlert :batchone
-- One whose condition has been there for its rule's time.
INSERT INTO gateway.alerts (kind, subject, severity, detail, cause, opened_at, since, server, user_id)
VALUES (@kind, @subject, @severity, @detail, @cause, @now::timestamptz, @since, @server, @user_id) RETURNING id;

-- name: RestateAlert :batchexec
-- Says anew what an alert says, and opens it again where it was over. One that has become critical is acknowledged no more.
UPDATE gateway.alerts SET severity = @severity, detail = @detail, cause = @cause, closed_at = NULL,
    acknowledged_at = CASE WHEN severity = 'critical' OR @severity <> 'critical' THEN acknowledged_at END,
    acknowledged_by = CASE WHEN severity = 'critical' OR @severity <> 'critical' THEN acknowledged_by END
WHERE id = @id;

-- name: CloseAlerts :exec
UPDATE gateway.alerts SET closed_at = greatest(@now::timestamptz, opened_at) WHERE id = ANY(@ids::bigint[]) AND closed_at IS NULL;

-- name: EndQuietly :exec
-- What they were about is gone: nobody is told that all is well.
UPDATE gateway.alerts SET closed_at = coalesce(closed_at, greatest(@now::timestamptz, opened_at)), settled_at = @now::timestamptz WHERE id = ANY(@ids::bigint[]);

-- name: PutUnderIncident :exec
UPDATE gateway.alerts SET incident_id = @incident::bigint WHERE id = ANY(@ids::bigint[]);

-- name: ReleaseFromIncident :exec
-- What is still the case when an incident is over is told of by itself.
UPDATE gateway.alerts SET incident_id = NULL WHERE incident_id = ANY(@incidents::bigint[]) AND closed_at IS NULL;

-- name: MarkDisconnected :exec
-- Of slices whose WhatsApp has been away for longer than it takes to come back by itself.
UPDATE gateway.slices SET wa_connected = false WHERE id = ANY(@ids::bigint[]) AND wa_connected AND wa_state <> 'ready';
