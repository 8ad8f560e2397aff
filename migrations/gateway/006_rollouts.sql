-- The fleet's update to another image: what is to be done, how far each server and slice is.

ALTER TABLE gateway.servers
    ADD COLUMN configured_image text, -- SLICE_IMAGE as its runner last started with
    ADD COLUMN image            text; -- of new slices since a rollout; NULL: SLICE_IMAGE

CREATE TABLE gateway.rollouts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_image text NOT NULL, -- as it was asked for
    image       text NOT NULL, -- a tag of our own for it, which names one image for good
    image_id    text NOT NULL, -- the engine's
    state       text NOT NULL DEFAULT 'preparing' CHECK (state IN
        ('preparing', 'running', 'halted', 'aborted', 'done', 'rolling_back', 'rolled_back')),
    paused      boolean NOT NULL DEFAULT false, -- nothing more is begun; what is begun goes on
    batch_size  integer NOT NULL CHECK (batch_size BETWEEN 1 AND 10),
    reason      text NOT NULL DEFAULT '', -- why it was halted, in words
    actor       text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz, -- nothing of it is under way any more
    CHECK (finished_at IS NULL OR state NOT IN ('preparing', 'running', 'rolling_back')),
    CHECK (finished_at IS NOT NULL OR state NOT IN ('done', 'rolled_back'))
);

-- One at a time.
CREATE UNIQUE INDEX rollouts_unfinished ON gateway.rollouts ((true)) WHERE finished_at IS NULL;

CREATE TABLE gateway.rollout_servers (
    rollout_id  bigint NOT NULL REFERENCES gateway.rollouts (id) ON DELETE CASCADE,
    server      text NOT NULL REFERENCES gateway.servers (name) ON DELETE CASCADE,
    from_image  text,                     -- of new slices before; NULL until prepared
    prepared_at timestamptz,              -- its engine has the image, and the old ones have tags
    error       text NOT NULL DEFAULT '', -- why it cannot take part, in words
    PRIMARY KEY (rollout_id, server)
);

CREATE TABLE gateway.rollout_slices (
    rollout_id  bigint NOT NULL REFERENCES gateway.rollouts (id) ON DELETE CASCADE,
    slice_id    bigint NOT NULL REFERENCES gateway.slices (id),
    from_image  text NOT NULL, -- what it came from, and goes back to
    state       text NOT NULL DEFAULT 'pending' CHECK (state IN
        ('pending', 'updating', 'verifying', 'done', 'to_roll_back', 'rolling_back', 'rolled_back', 'failed', 'skipped')),
    canary      boolean NOT NULL DEFAULT false,
    batch       integer,                        -- counted from 1, the canary's; NULL until begun
    resting     boolean NOT NULL DEFAULT false, -- it was down on purpose: only its image was set
    -- What its backend said before, and is to say again; NULL: it did not answer, or has not been asked.
    wa_state    text,
    heard_at    timestamptz, -- the last that WhatsApp had said then
    reached_at  timestamptz, -- it would have been its turn, and it was in use
    asked_at    timestamptz, -- the restart on the other image; a container that is older is not it
    answered_at timestamptz, -- that container's backend
    ready_at    timestamptz, -- since when that was seen ready
    failed_at   timestamptz, -- it failed on the new image
    ended_at    timestamptz,
    note        text NOT NULL DEFAULT '', -- why it failed, or what a person should know of it
    PRIMARY KEY (rollout_id, slice_id)
);

CREATE INDEX rollout_slices_of_slice ON gateway.rollout_slices (slice_id);

---- create above / drop below ----

DROP TABLE gateway.rollout_slices, gateway.rollout_servers, gateway.rollouts;
ALTER TABLE gateway.servers DROP COLUMN configured_image, DROP COLUMN image;
