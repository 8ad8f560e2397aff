-- name: LockPlaces :exec
-- Held to the end of the transaction: places are given away and promised by one at a time. The row of a user is
-- locked before it, that of a server after it.
SELECT pg_advisory_xact_lock(hashtextextended('places', 0));

-- name: MatchNext :one
-- Gives the slice that has been ready longest to the user who has waited longest; those whom an operator has put first,
-- then those who have paid, or for whom a place is kept, come before the others, and what is kept for somebody is given to nobody else. No row: nobody
-- waits, or nothing is free that was found healthy lately. Rows that another transaction holds are passed over;
-- whoever is missed that way is matched by the fill_pool job which every transaction that matches enqueues. The
-- trial begins with the slice: the wait is added to it, and what follows from its end is found out anew.
WITH kept AS (
    SELECT (SELECT count(*) FROM gateway.users k WHERE k.place_until > sqlc.arg(now)::timestamptz
                AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = k.id))
         + (SELECT count(*) FROM gateway.users k WHERE k.waiting_since IS NOT NULL AND (k.subscription_status = 'active' OR k.put_first_at IS NOT NULL)
                AND NOT coalesce(k.place_until > sqlc.arg(now)::timestamptz, false)) AS places
), waiting AS (
    SELECT u.id, u.waiting_since, u.wait_listed FROM gateway.users u
    WHERE u.waiting_since IS NOT NULL AND (
        u.put_first_at IS NOT NULL OR u.place_until > sqlc.arg(now)::timestamptz OR u.subscription_status = 'active'
        OR (SELECT places FROM kept) = 0
        OR (SELECT places FROM kept) < (SELECT count(*) FROM gateway.slices WHERE status = 'available' OR status = 'provisioning' AND moved_from IS NULL)
                                     + (SELECT coalesce(sum(room), 0) FROM gateway.servers))
    ORDER BY u.put_first_at IS NULL, u.put_first_at DESC, coalesce(u.place_until > sqlc.arg(now)::timestamptz, false) OR u.subscription_status = 'active' DESC, u.waiting_since, u.id
    LIMIT 1 FOR UPDATE SKIP LOCKED
), free AS (
    SELECT id FROM gateway.slices
    WHERE status = 'available' AND last_health_at > @checked_since::timestamptz
        AND EXISTS (SELECT FROM waiting) -- or its lock would have others pass it over for nobody's sake
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), served AS (
    UPDATE gateway.users u SET waiting_since = NULL, wait_listed = false, place_until = NULL, put_first_at = NULL,
        trial_ends_at = u.trial_ends_at + greatest(sqlc.arg(now)::timestamptz - waiting.waiting_since, '0'::interval),
        settle_at = CASE WHEN u.subscription_status = 'trial' THEN sqlc.arg(now)::timestamptz ELSE u.settle_at END
    FROM waiting, free WHERE u.id = waiting.id
), told AS (
    INSERT INTO gateway.emails (user_id, kind)
    SELECT waiting.id, 'place_free' FROM waiting, free WHERE waiting.wait_listed
)
UPDATE gateway.slices s SET status = 'assigned', user_id = waiting.id
FROM waiting, free WHERE s.id = free.id
RETURNING s.*;

-- name: OfferPlaces :many
-- Keeps the places that are left when all who wait and all for whom one is kept have theirs for those on the list
-- who pay first, and owes each the mail that says until when.
WITH offered AS (
    UPDATE gateway.users SET wait_listed = false, put_first_at = NULL, place_until = @until::timestamptz
    WHERE id IN (
        SELECT u.id FROM gateway.users u
        WHERE u.wait_listed AND u.waiting_since IS NULL AND u.held_at IS NULL
            AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id)
        ORDER BY u.put_first_at IS NULL, u.put_first_at DESC, u.id
        LIMIT CASE WHEN EXISTS (SELECT FROM gateway.users WHERE wait_listed AND waiting_since IS NULL) THEN greatest(0,
            (SELECT count(*) FROM gateway.slices WHERE status = 'available' OR status = 'provisioning' AND moved_from IS NULL)
            + (SELECT coalesce(sum(room), 0) FROM gateway.servers)
            - (SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL)
            - (SELECT count(*) FROM gateway.users k WHERE k.place_until > @now::timestamptz AND k.waiting_since IS NULL
                AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = k.id))) ELSE 0 END
        FOR UPDATE SKIP LOCKED)
    RETURNING id
), told AS (
    INSERT INTO gateway.emails (user_id, kind, detail, created_at)
    SELECT id, 'place_free', jsonb_build_object('at', @until::timestamptz), @now::timestamptz FROM offered
)
SELECT id FROM offered;

-- name: SliceByUser :one
SELECT s.*, EXISTS (SELECT FROM gateway.slices t WHERE t.moved_from = s.id AND t.status = 'provisioning') AS moving
FROM gateway.slices s WHERE s.user_id = @user_id::bigint;

-- name: SliceByID :one
SELECT * FROM gateway.slices WHERE id = @id;

-- name: LockedSlice :one
SELECT * FROM gateway.slices WHERE id = @id FOR UPDATE;

-- name: IsMoving :one
SELECT EXISTS (SELECT FROM gateway.slices WHERE moved_from = @slice::bigint AND status = 'provisioning');

-- name: TakeSlice :one
-- What a job calls that begins to work on a slice, under its lock: whoever took it before writes nothing any more.
UPDATE gateway.slices SET version = version + 1 WHERE id = @id RETURNING *;

-- name: LockPool :exec
-- Held to the end of the transaction: the pool of a server is counted and filled by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('pool ' || @server::text, 0));

-- name: CountPool :one
-- All of one moment: a user who is served between two statements would be waited for, and their slice be gone.
SELECT count(*) FILTER (WHERE pool.status = 'provisioning' AND pool.moved_from IS NULL) AS provisioning,
       count(*) FILTER (WHERE pool.status NOT IN ('destroyed', 'failed') OR pool.user_id IS NOT NULL) AS live,
       coalesce(array_agg(pool.id) FILTER (WHERE pool.status = 'available'), '{}')::bigint[] AS available,
       (SELECT count(*) FROM gateway.users WHERE waiting_since IS NOT NULL) AS waiting,
       (SELECT count(*) FROM gateway.users u WHERE u.place_until > @now::timestamptz AND u.waiting_since IS NULL
            AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id)) AS kept
FROM gateway.slices pool WHERE pool.server = @server;

-- name: PoolSlices :many
SELECT * FROM gateway.slices WHERE server = @server AND status = 'available' ORDER BY id;

-- name: NoteHealthy :exec
UPDATE gateway.slices SET last_health_at = @now::timestamptz
WHERE id = @id AND status = 'available' AND version = @version AND recycle_at IS NULL;

-- name: CreateSlice :one
INSERT INTO gateway.slices (server, image) VALUES (@server, @image) RETURNING *;

-- name: SlicesInStatus :many
SELECT * FROM gateway.slices WHERE server = @server AND status = ANY(@statuses::text[]) ORDER BY id;

-- name: PortsInUse :many
SELECT port::integer FROM gateway.slices WHERE server = @server AND port IS NOT NULL;

-- name: SetPort :execrows
UPDATE gateway.slices SET port = @port::integer WHERE id = @id AND status = @status AND version = @version;

-- name: MakeAvailable :execrows
UPDATE gateway.slices SET status = 'available', last_health_at = @now::timestamptz WHERE id = @id AND status = 'provisioning' AND version = @version;

-- name: MarkFailed :execrows
-- Of a slice that cannot be made, or has ended too often.
UPDATE gateway.slices SET status = 'failed', recycle_at = NULL, start_at = NULL WHERE id = @id AND status = @status AND version = @version;

-- name: FreePort :execrows
UPDATE gateway.slices SET port = NULL WHERE id = @id AND status = 'failed' AND user_id IS NULL AND version = @version;

-- name: SlicesToRelease :many
-- Failed slices of nobody that may still have something on the server: release clears the port last.
SELECT id FROM gateway.slices WHERE server = @server AND status = 'failed' AND user_id IS NULL AND port IS NOT NULL ORDER BY id;

-- name: TryLockSlice :one
-- A lock of the connection, not of the transaction: held over work outside Postgres.
SELECT pg_try_advisory_lock(hashtextextended('slice ' || @slice::bigint, 0));

-- name: UnlockSlice :exec
SELECT pg_advisory_unlock(hashtextextended('slice ' || @slice::bigint, 0));

-- name: MoveSlice :one
-- Takes a slice from one of some statuses to another, with its crashes forgotten, and a restart that was
-- asked for: the way there ends the container, or begins with none. No row: it is in none of them, or it is
-- about to be moved elsewhere, or has failed without ever having had a user.
UPDATE gateway.slices s SET status = @to_status, crashes = 0, crash_times = '{}', start_at = NULL, recycle_at = NULL,
    suspended_for = CASE WHEN @to_status = 'suspended' THEN s.suspended_for END
WHERE s.id = @id AND s.status = ANY(@from_statuses::text[]) AND (s.status <> 'failed' OR s.user_id IS NOT NULL)
  AND NOT EXISTS (SELECT FROM gateway.slices t WHERE t.moved_from = s.id AND t.status = 'provisioning')
RETURNING s.*;

-- name: AskRecycle :one
UPDATE gateway.slices s SET recycle_at = @now::timestamptz, crashes = 0, crash_times = '{}', start_at = NULL, last_health_at = NULL
WHERE s.id = @id AND s.status = ANY(@from_statuses::text[]) RETURNING s.*;

-- name: FinishRecycle :execrows
-- Zero rows: it was asked for again meanwhile, and a job for that is there.
UPDATE gateway.slices SET recycle_at = NULL WHERE id = @id AND recycle_at = @recycle_at AND version = @version;

-- name: FinishDestroy :execrows
-- What stays of a slice says nothing of its user.
UPDATE gateway.slices SET status = 'destroyed', port = NULL, user_id = NULL, wa_phone = NULL, wa_state = 'starting',
    wa_connected = false, wa_changed_at = NULL, last_activity_at = NULL, last_health_at = NULL, recycle_at = NULL,
    crashes = 0, crashed_at = NULL, crash_times = '{}', start_at = NULL, moved_from = NULL, moved_status = NULL,
    storage_bytes = 0, memory_bytes = 0, working_bytes = 0, swap_bytes = 0, measured_at = NULL, floor_bytes = NULL, floor_at = NULL,
    wa_reason = NULL, linked_at = NULL, silent_since = NULL, page_dead_since = NULL, user_restart_at = NULL, suspended_for = NULL
WHERE id = @id AND status = 'destroying' AND version = @version;

-- name: ListSlices :many
SELECT s.*, u.email AS user_email, t.id AS moving_to
FROM gateway.slices s
LEFT JOIN gateway.users u ON u.id = s.user_id
LEFT JOIN gateway.slices t ON t.moved_from = s.id AND t.status = 'provisioning'
WHERE s.status <> 'destroyed' ORDER BY s.server, s.id;

-- name: SlicesOfServer :many
SELECT * FROM gateway.slices WHERE server = @server AND status <> 'destroyed' ORDER BY id;

-- name: AllSlices :many
-- Every slice there ever was on any server, as briefly as a comparison with what is there needs it.
SELECT id, server, status, status_at, user_id FROM gateway.slices ORDER BY id;

-- name: NoteCrash :execrows
UPDATE gateway.slices SET crashes = @crashes, crashed_at = @crashed_at, crash_times = @crash_times, start_at = @start_at, last_health_at = NULL
WHERE id = @id AND status IN ('available', 'assigned') AND version = @version;

-- name: ForgetCrashes :exec
UPDATE gateway.slices SET crashes = 0, start_at = NULL WHERE id = @id AND version = @version;

-- name: TakeTarget :one
-- Takes a pool slice of the same server out of the pool, for the user and the data of another. No row: none is ready.
UPDATE gateway.slices SET status = 'provisioning', moved_from = @source::bigint, moved_status = @moved_status::text
WHERE id = (SELECT free.id FROM gateway.slices free WHERE free.server = @server AND free.status = 'available' ORDER BY free.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: LeaveForMove :execrows
-- Gives up the user of a slice whose data have been moved.
UPDATE gateway.slices SET status = 'destroying', user_id = NULL WHERE id = @id AND status = 'suspended' AND user_id = @user_id::bigint;

-- name: ArriveFromMove :execrows
UPDATE gateway.slices t SET status = t.moved_status, user_id = @user_id::bigint, moved_from = NULL, moved_status = NULL,
    wa_state = @wa_state, wa_connected = @wa_connected, wa_phone = @wa_phone, wa_changed_at = @wa_changed_at,
    last_activity_at = @last_activity_at, storage_bytes = @storage_bytes, wa_reason = @wa_reason, linked_at = @linked_at,
    suspended_for = (SELECT source.suspended_for FROM gateway.slices source WHERE source.id = @source)
WHERE t.id = @id AND t.status = 'provisioning' AND t.moved_from = @source::bigint AND t.version = @version;
