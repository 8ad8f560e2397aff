-- name: LockStarts :exec
-- Held to the end of the transaction: the turns of a server are given by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('starts ' || @server::text, 0));

-- name: AskStart :exec
-- Says that a slice wants to start, or still is starting. Its rank follows what has happened since:
-- a user who came to the door goes before those who are away.
INSERT INTO gateway.starts AS mine (slice_id, server, rank, asked_at, seen_at)
SELECT s.id, s.server, CASE
        WHEN s.status = 'provisioning' AND EXISTS (SELECT FROM gateway.users u WHERE u.waiting_since IS NOT NULL) THEN 0
        WHEN s.user_id IS NULL THEN 2
        WHEN EXISTS (SELECT FROM gateway.sessions l WHERE l.user_id = s.user_id AND l.extended_at > @present_since::timestamptz) THEN 0
        ELSE 1
    END, @now::timestamptz, @now::timestamptz
FROM gateway.slices s WHERE s.id = @slice_id
ON CONFLICT (slice_id) DO UPDATE SET server = excluded.server, rank = excluded.rank, seen_at = excluded.seen_at,
    -- Who has not asked for long begins anew, at the end of the line.
    asked_at = CASE WHEN mine.seen_at > @alive_since::timestamptz THEN mine.asked_at ELSE excluded.asked_at END,
    began_at = CASE WHEN mine.seen_at > @alive_since::timestamptz THEN mine.began_at END;

-- name: BeginStart :execrows
-- Gives the slice its turn if there is one: fewer than the limit start or come before it.
UPDATE gateway.starts mine SET began_at = coalesce(mine.began_at, @now::timestamptz)
WHERE mine.slice_id = @slice_id AND (mine.began_at IS NOT NULL OR (
    SELECT count(*) FROM gateway.starts other
    WHERE other.server = mine.server AND other.slice_id <> mine.slice_id AND other.seen_at > @alive_since::timestamptz
      AND (other.began_at IS NOT NULL OR (other.rank, other.asked_at, other.slice_id) < (mine.rank, mine.asked_at, mine.slice_id))
) < @at_once::bigint);

-- name: EndStart :exec
DELETE FROM gateway.starts WHERE slice_id = @slice_id;
