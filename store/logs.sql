-- name: LockTails :exec
-- Held to the end of the transaction: the tails of a server are counted and opened by one at a time.
SELECT pg_advisory_xact_lock(hashtextextended('log tails ' || @server::text, 0));

-- name: KeepTailOf :one
-- The tail of a slice that somebody has open already. No row: none.
UPDATE gateway.log_tails SET wanted_until = @until::timestamptz
WHERE id = (SELECT t.id FROM gateway.log_tails t
    WHERE t.slice_id = @slice_id AND t.actor = @actor AND t.wanted_until > @now::timestamptz ORDER BY t.id DESC LIMIT 1)
RETURNING id;

-- name: CountTails :one
SELECT count(*) FROM gateway.log_tails WHERE server = @server AND wanted_until > @now::timestamptz;

-- name: OpenTail :one
INSERT INTO gateway.log_tails (slice_id, server, actor, opened_at, wanted_until)
VALUES (@slice_id, @server, @actor, @now::timestamptz, @until::timestamptz) RETURNING id;

-- name: TellTail :exec
-- Tells the runner of a server that a log is wanted.
SELECT pg_notify('log_tails', @server::text);

-- name: WantTail :one
-- Whoever opened a tail goes on looking. No row: it is not theirs, or it is over.
UPDATE gateway.log_tails SET wanted_until = greatest(wanted_until, @until::timestamptz)
WHERE id = @id AND actor = @actor RETURNING *;

-- name: TailsOfServer :many
-- What a runner has to relay.
SELECT * FROM gateway.log_tails WHERE server = @server AND wanted_until > @now::timestamptz ORDER BY id;

-- name: NewestLine :one
-- Where a tail is that another runner began, and when its container wrote last.
SELECT coalesce(max(seq), 0)::bigint AS seq, coalesce(max(at) FILTER (WHERE stream <> 'relay'), 'epoch')::timestamptz AS at
FROM gateway.log_lines WHERE tail_id = @tail_id;

-- name: AddLogLines :execrows
-- The lines of a tail, and who reads them is told. Zero rows: the tail is gone.
WITH tail AS (
    SELECT id FROM gateway.log_tails WHERE id = @tail_id FOR KEY SHARE
), added AS (
    INSERT INTO gateway.log_lines (tail_id, seq, at, stream, line)
    SELECT tail.id, l.seq, l.at, l.stream, l.line FROM tail,
        (SELECT unnest(@seqs::bigint[]) AS seq, unnest(@ats::timestamptz[]) AS at, unnest(@streams::text[]) AS stream, unnest(@lines::text[]) AS line) l
)
SELECT pg_notify('log_lines', id::text) FROM tail;

-- name: DropLogLines :exec
-- Those of a tail up to a number: the newest are kept.
DELETE FROM gateway.log_lines WHERE tail_id = @tail_id AND seq <= @seq;

-- name: LogLinesAfter :many
SELECT seq, at, stream, line FROM gateway.log_lines WHERE tail_id = @tail_id AND seq > @after ORDER BY seq LIMIT @most;

-- name: DropTails :execrows
-- Of any server: those that nobody has wanted since a time.
DELETE FROM gateway.log_tails WHERE wanted_until < @before::timestamptz;
