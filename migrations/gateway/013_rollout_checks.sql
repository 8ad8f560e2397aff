-- Rollouts that are begun where nobody has the engine at hand: a server checks the image first. And one
-- slice alone on another image.

ALTER TABLE gateway.rollouts
    ADD COLUMN slice_id     bigint REFERENCES gateway.slices (id), -- this one alone; NULL: all
    ADD COLUMN check_server text REFERENCES gateway.servers (name) ON DELETE SET NULL, -- whose runner checks the image; NULL: it was checked before
    ADD COLUMN checked      text NOT NULL DEFAULT '';              -- what the check of the image said, in words, line by line
ALTER TABLE gateway.rollouts DROP CONSTRAINT rollouts_state_check;
ALTER TABLE gateway.rollouts ADD CONSTRAINT rollouts_state_check CHECK (state IN
    ('checking', 'refused', 'preparing', 'running', 'halted', 'aborted', 'done', 'rolling_back', 'rolled_back'));
-- What has not been checked has no name yet, and nothing was begun of it.
ALTER TABLE gateway.rollouts ADD CONSTRAINT rollouts_image_check
    CHECK (image <> '' AND image_id <> '' OR state IN ('checking', 'refused', 'aborted'));
ALTER TABLE gateway.rollouts ADD CONSTRAINT rollouts_refused_check
    CHECK (CASE state WHEN 'checking' THEN finished_at IS NULL WHEN 'refused' THEN finished_at IS NOT NULL ELSE true END);

---- create above / drop below ----

DELETE FROM gateway.rollouts WHERE image = '' OR state IN ('checking', 'refused');
ALTER TABLE gateway.rollouts DROP CONSTRAINT rollouts_refused_check, DROP CONSTRAINT rollouts_image_check, DROP CONSTRAINT rollouts_state_check;
ALTER TABLE gateway.rollouts ADD CONSTRAINT rollouts_state_check CHECK (state IN
    ('preparing', 'running', 'halted', 'aborted', 'done', 'rolling_back', 'rolled_back'));
ALTER TABLE gateway.rollouts DROP COLUMN slice_id, DROP COLUMN check_server, DROP COLUMN checked;
