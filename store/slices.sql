-- name: MatchNext :one
-- Gives the slice that has been ready longest to the user who has waited longest. No row: nobody
-- waits, or nothing is free. Rows that another transaction is matching are passed over; whoever is
-- missed that way is matched by the fill_pool job which every such transaction enqueues.
WITH waiting AS (
    SELECT id FROM gateway.users WHERE waiting_since IS NOT NULL
    ORDER BY waiting_since, id LIMIT 1 FOR UPDATE SKIP LOCKED
), free AS (
    SELECT id FROM gateway.slices WHERE status = 'available'
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), served AS (
    UPDATE gateway.users u SET waiting_since = NULL
    FROM waiting, free WHERE u.id = waiting.id
)
UPDATE gateway.slices s SET status = 'assigned', user_id = waiting.id
FROM waiting, free WHERE s.id = free.id
RETURNING s.*;

-- name: SliceByUser :one
SELECT * FROM gateway.slices WHERE user_id = @user_id::bigint;

-- name: SliceByID :one
SELECT * FROM gateway.slices WHERE id = @id;

-- name: LockPool :exec
-- Held to the end of the transaction: the pool of a server is counted and filled by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('pool ' || @server::text, 0));

-- name: CountPool :one
SELECT count(*) FILTER (WHERE status = 'available')    AS available,
       count(*) FILTER (WHERE status = 'provisioning') AS provisioning,
       count(*) FILTER (WHERE status NOT IN ('destroyed', 'failed')) AS live,
       count(*) FILTER (WHERE status = 'failed' AND created_at > @failed_since::timestamptz) AS failed_lately
FROM gateway.slices WHERE server = @server;

-- name: CreateSlice :one
INSERT INTO gateway.slices (server, image) VALUES (@server, @image) RETURNING *;

-- name: SlicesInStatus :many
SELECT id FROM gateway.slices WHERE server = @server AND status = ANY(@statuses::text[]) ORDER BY id;

-- name: PortsInUse :many
SELECT port::integer FROM gateway.slices WHERE server = @server AND port IS NOT NULL;

-- name: SetPort :execrows
UPDATE gateway.slices SET port = @port::integer WHERE id = @id AND status = @status;

-- name: MakeAvailable :execrows
UPDATE gateway.slices SET status = 'available' WHERE id = @id AND status = 'provisioning';

-- name: MarkFailed :execrows
UPDATE gateway.slices SET status = 'failed' WHERE id = @id AND status = 'provisioning';

-- name: FreePort :exec
UPDATE gateway.slices SET port = NULL WHERE id = @id AND status IN ('failed', 'destroyed');

-- name: SlicesToRelease :many
-- Failed slices that may still have something on the server: release clears the port last.
SELECT id FROM gateway.slices WHERE server = @server AND status = 'failed' AND port IS NOT NULL ORDER BY id;

-- name: TryLockSlice :one
-- A lock of the connection, not of the transaction: held over work outside Postgres.
SELECT pg_try_advisory_lock(hashtextextended('slice ' || @slice::bigint, 0));

-- name: UnlockSlice :exec
SELECT pg_advisory_unlock(hashtextextended('slice ' || @slice::bigint, 0));

-- name: MoveSlice :one
-- Takes a slice from one of some statuses to another, with its crashes forgotten, and a restart that was
-- asked for: the way there ends the container, or begins with none. No row: it is in none of them.
UPDATE gateway.slices SET status = @to_status, crashes = 0, start_at = NULL, recycle_at = NULL WHERE id = @id AND status = ANY(@from_statuses::text[]) RETURNING *;

-- name: AskRecycle :one
UPDATE gateway.slices SET recycle_at = @now::timestamptz, crashes = 0, start_at = NULL WHERE id = @id AND status = ANY(@from_statuses::text[]) RETURNING *;

-- name: FinishRecycle :execrows
-- Zero rows: it was asked for again meanwhile, and a job for that is there.
UPDATE gateway.slices SET recycle_at = NULL WHERE id = @id AND recycle_at = @recycle_at;

-- name: FinishDestroy :execrows
-- What stays of a slice says nothing of its user.
UPDATE gateway.slices SET status = 'destroyed', port = NULL, user_id = NULL, wa_phone = NULL, wa_state = 'starting',
    wa_connected = false, wa_changed_at = NULL, last_activity_at = NULL, last_health_at = NULL, recycle_at = NULL, crashes = 0, crashed_at = NULL, start_at = NULL, storage_bytes = 0
WHERE id = @id AND status = 'destroying';

-- name: ListSlices :many
SELECT s.*, u.email AS user_email FROM gateway.slices s LEFT JOIN gateway.users u ON u.id = s.user_id
WHERE s.status <> 'destroyed' ORDER BY s.server, s.id;

-- name: SlicesOfServer :many
SELECT * FROM gateway.slices WHERE server = @server AND status <> 'destroyed' ORDER BY id;

-- name: NoteCrash :execrows
UPDATE gateway.slices SET crashes = @crashes, crashed_at = @crashed_at, start_at = @start_at
WHERE id = @id AND status IN ('available', 'assigned');

-- name: ForgetCrashes :exec
UPDATE gateway.slices SET crashes = 0, start_at = NULL WHERE id = @id;
