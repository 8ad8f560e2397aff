-- name: CreateRollout :one
-- A duplicate: another one is unfinished.
INSERT INTO gateway.rollouts (state, asked_image, image, image_id, slice_id, check_server, checked, batch_size, actor)
VALUES (@state, @asked_image, @image, @image_id, @slice_id, @check_server, @checked, @batch_size, @actor) RETURNING *;

-- name: RolloutByID :one
SELECT * FROM gateway.rollouts WHERE id = @id;

-- name: LockRollout :one
-- To the end of the transaction nobody else decides about it.
SELECT * FROM gateway.rollouts WHERE id = @id FOR UPDATE;

-- name: UnfinishedRollout :one
SELECT * FROM gateway.rollouts WHERE finished_at IS NULL;

-- name: LastRollout :one
SELECT * FROM gateway.rollouts ORDER BY id DESC LIMIT 1;

-- name: LastBegunRollout :one
-- The last one that has touched anything: what was never found fit has not.
SELECT * FROM gateway.rollouts WHERE image <> '' AND state NOT IN ('checking', 'refused') ORDER BY id DESC LIMIT 1;

-- name: ServerHeardLast :one
-- The server whose runner was heard of last; for a slice, its own. No row: none since that time.
SELECT s.name FROM gateway.servers s
JOIN LATERAL (
    SELECT t.timestamp AS at FROM gateway.server_telemetry t WHERE t.server = s.name AND t.timestamp > @since::timestamptz ORDER BY t.timestamp DESC LIMIT 1
) heard ON true
WHERE sqlc.narg(slice)::bigint IS NULL OR s.name = (SELECT x.server FROM gateway.slices x WHERE x.id = sqlc.narg(slice)::bigint)
ORDER BY heard.at DESC LIMIT 1;

-- name: NoteRolloutCheck :execrows
-- How far the check is. Zero rows: nobody waits for it any more.
UPDATE gateway.rollouts SET checked = @checked WHERE id = @id AND state = 'checking';

-- name: PassRolloutCheck :execrows
UPDATE gateway.rollouts SET state = 'preparing', image = @image, image_id = @image_id WHERE id = @id AND state = 'checking';

-- name: MoveRollout :execrows
UPDATE gateway.rollouts SET state = @to_state, reason = @reason, paused = false, finished_at = @finished_at
WHERE id = @id AND state = ANY(@from_states::text[]);

-- name: PauseRollout :execrows
UPDATE gateway.rollouts SET paused = @paused
WHERE id = @id AND paused <> @paused AND state IN ('preparing', 'running', 'rolling_back');

-- name: FinishRollout :execrows
UPDATE gateway.rollouts SET finished_at = @now::timestamptz WHERE id = @id AND finished_at IS NULL AND state IN ('halted', 'aborted');

-- name: AddRolloutServers :exec
-- Every server takes part, also one that has come meanwhile; for a slice alone, its own.
INSERT INTO gateway.rollout_servers (rollout_id, server)
SELECT r.id, s.name FROM gateway.rollouts r CROSS JOIN gateway.servers s
WHERE r.id = @rollout AND (r.slice_id IS NULL OR s.name = (SELECT x.server FROM gateway.slices x WHERE x.id = r.slice_id))
ON CONFLICT DO NOTHING;

-- name: RolloutServers :many
SELECT * FROM gateway.rollout_servers WHERE rollout_id = @rollout ORDER BY server;

-- name: RolloutServer :one
SELECT * FROM gateway.rollout_servers WHERE rollout_id = @rollout AND server = @server;

-- name: PrepareRolloutServer :execrows
UPDATE gateway.rollout_servers SET from_image = coalesce(from_image, sqlc.narg(from_image)::text), prepared_at = @now::timestamptz, error = ''
WHERE rollout_id = @rollout AND server = @server AND prepared_at IS NULL;

-- name: RefuseRolloutServer :execrows
UPDATE gateway.rollout_servers SET error = @error WHERE rollout_id = @rollout AND server = @server AND prepared_at IS NULL;

-- name: AddRolloutSlices :exec
-- Every slice on another image takes part, also one that has come meanwhile, or the one that was
-- asked for. One that is being made comes later.
INSERT INTO gateway.rollout_slices (rollout_id, slice_id, from_image)
SELECT r.id, s.id, s.image
FROM gateway.rollouts r
JOIN gateway.rollout_servers rs ON rs.rollout_id = r.id AND rs.prepared_at IS NOT NULL
JOIN gateway.slices s ON s.server = rs.server AND s.image <> r.image
WHERE r.id = @rollout AND (r.slice_id IS NULL OR s.id = r.slice_id) AND (s.status IN ('available', 'assigned', 'suspended') OR s.status = 'failed' AND s.user_id IS NOT NULL)
ON CONFLICT DO NOTHING;

-- name: CountLate :one
-- Slices on another image that take no part yet, because they are still being made.
SELECT count(*) FROM gateway.slices s JOIN gateway.rollouts r ON r.id = @rollout AND (r.slice_id IS NULL OR s.id = r.slice_id)
WHERE s.image <> r.image AND s.status IN ('provisioning', 'available', 'assigned', 'suspended')
  AND NOT EXISTS (SELECT FROM gateway.rollout_slices rs WHERE rs.slice_id = s.id AND rs.rollout_id = r.id);

-- name: RolloutSlices :many
-- How far each slice is, and how it stands now. In use: a session of its user was used lately.
SELECT rs.*, s.server, s.status, s.user_id, s.crashes, s.wa_state AS last_wa_state,
       EXISTS (SELECT FROM gateway.sessions x WHERE x.user_id = s.user_id AND x.extended_at > @present_since::timestamptz) AS in_use
FROM gateway.rollout_slices rs JOIN gateway.slices s ON s.id = rs.slice_id
WHERE rs.rollout_id = @rollout ORDER BY rs.slice_id;

-- name: RolloutSlice :one
SELECT * FROM gateway.rollout_slices WHERE rollout_id = @rollout AND slice_id = @slice;

-- name: BeginRolloutSlice :execrows
-- The next step of a slice, forth or back, which its server's job then takes.
UPDATE gateway.rollout_slices SET state = @to_state, batch = @batch::integer, canary = canary OR @canary::boolean,
    asked_at = NULL, answered_at = NULL, ready_at = NULL, ended_at = NULL
WHERE rollout_id = @rollout AND slice_id = @slice AND state = ANY(@from_states::text[]);

-- name: ReachRolloutSlice :exec
UPDATE gateway.rollout_slices SET reached_at = @now::timestamptz
WHERE rollout_id = @rollout AND slice_id = @slice AND state = 'pending' AND reached_at IS NULL;

-- name: AskRolloutSlice :execrows
-- Zero rows: somebody else has just done it.
UPDATE gateway.rollout_slices SET asked_at = @now::timestamptz, wa_state = @wa_state, heard_at = @heard_at
WHERE rollout_id = @rollout AND slice_id = @slice AND state = @state AND asked_at IS NULL;

-- name: AnswerRolloutSlice :execrows
UPDATE gateway.rollout_slices SET answered_at = @now::timestamptz,
    state = CASE WHEN state = 'updating' THEN 'verifying' ELSE state END
WHERE rollout_id = @rollout AND slice_id = @slice AND asked_at = @asked_at AND state IN ('updating', 'rolling_back') AND answered_at IS NULL;

-- name: NoteReady :execrows
UPDATE gateway.rollout_slices SET ready_at = @ready_at
WHERE rollout_id = @rollout AND slice_id = @slice AND asked_at = @asked_at AND state IN ('verifying', 'rolling_back');

-- name: EndRolloutSlice :execrows
UPDATE gateway.rollout_slices SET state = @to_state, ended_at = @now::timestamptz, resting = @resting,
    note = CASE WHEN @note::text = '' THEN note WHEN note = '' THEN @note ELSE note || '; ' || @note END
WHERE rollout_id = @rollout AND slice_id = @slice AND state = ANY(@from_states::text[]);

-- name: FailRolloutSlice :execrows
-- On the new image. It is on its way back from here, or has not left, or cannot go.
UPDATE gateway.rollout_slices SET state = @to_state, failed_at = @now::timestamptz, note = @note,
    asked_at = @asked_at, answered_at = NULL, ready_at = NULL, ended_at = @ended_at
WHERE rollout_id = @rollout AND slice_id = @slice AND state IN ('updating', 'verifying');

-- name: RetryRollBack :exec
-- Those that could not be taken back are tried once more with everybody.
UPDATE gateway.rollout_slices SET state = 'to_roll_back', ended_at = NULL
WHERE rollout_id = @rollout AND state = 'failed';

-- name: SetSliceImage :execrows
UPDATE gateway.slices SET image = @image WHERE id = @id AND image = @from_image AND status = ANY(@statuses::text[]);

-- name: PinSliceImage :execrows
-- Another name of the same image.
UPDATE gateway.slices SET image = @image WHERE id = @id AND image = @from_image;

-- name: SwitchServerImages :exec
-- What new slices are made of: the rollout's image, or what it was before. Of a slice alone it stays.
UPDATE gateway.servers s SET image = CASE WHEN @forth::boolean THEN r.image ELSE rs.from_image END
FROM gateway.rollout_servers rs JOIN gateway.rollouts r ON r.id = rs.rollout_id
WHERE r.id = @rollout AND rs.server = s.name AND rs.prepared_at IS NOT NULL AND r.slice_id IS NULL;
