-- What keeps slices alive through faults: who works on one, what has gone wrong with it, when it
-- may start, and what a person has to know.

ALTER TABLE gateway.slices
    -- How often a job has taken the slice in hand. What a job writes must name the version that it
    -- took: one that was believed dead, and goes on beside its successor, writes nothing.
    ADD COLUMN version      bigint NOT NULL DEFAULT 0,
    ADD COLUMN status_at    timestamptz NOT NULL DEFAULT now(), -- since when it has its status
    ADD COLUMN crash_times  timestamptz[] NOT NULL DEFAULT '{}', -- the last few, oldest first
    ADD COLUMN memory_bytes bigint NOT NULL DEFAULT 0 CHECK (memory_bytes >= 0), -- resident
    ADD COLUMN swap_bytes   bigint NOT NULL DEFAULT 0 CHECK (swap_bytes >= 0),
    ADD COLUMN measured_at  timestamptz, -- when memory_bytes, swap_bytes and storage_bytes were read
    -- The slice whose user and data this one takes over, and the status that it then has.
    ADD COLUMN moved_from   bigint UNIQUE REFERENCES gateway.slices (id),
    ADD COLUMN moved_status text CHECK (moved_status IN ('assigned', 'suspended'));

-- Whoever registers looks for the first that is free, past all that are not.
CREATE INDEX slices_free ON gateway.slices (id) WHERE status = 'available';

-- A slice that has failed too often keeps its user and their data.
ALTER TABLE gateway.slices DROP CONSTRAINT slices_check;
ALTER TABLE gateway.slices ADD CONSTRAINT slices_user_check
    CHECK (user_id IS NULL OR status IN ('assigned', 'suspended', 'failed', 'destroying'));

CREATE FUNCTION gateway.note_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status_at := now();
    RETURN NEW;
END $$;

CREATE TRIGGER slice_status BEFORE UPDATE ON gateway.slices
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION gateway.note_status();

-- The slices whose containers are starting or wait for their turn: START_CONCURRENCY of a server
-- start at a time. A job renews seen_at; one that does not for a minute has lost its turn.
CREATE TABLE gateway.starts (
    slice_id bigint PRIMARY KEY REFERENCES gateway.slices (id),
    server   text NOT NULL REFERENCES gateway.servers (name),
    rank     smallint NOT NULL, -- 0: somebody is waiting for it now; 1: it has a user; 2: it is for the pool
    asked_at timestamptz NOT NULL,
    seen_at  timestamptz NOT NULL,
    began_at timestamptz -- NULL: it waits
);

CREATE INDEX starts_of_server ON gateway.starts (server, rank, asked_at, slice_id);

-- What a person has to know, from when to when. Opened and closed by what is the case.
CREATE TABLE gateway.alerts (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text NOT NULL, -- 'slice.failed', 'pool.failing', ...
    subject   text NOT NULL, -- 'slice:12', 'server:local', as in the audit
    severity  text NOT NULL CHECK (severity IN ('warning', 'critical')),
    detail    text NOT NULL, -- a sentence: what is wrong, and what to do
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz CHECK (closed_at >= opened_at)
);

CREATE UNIQUE INDEX alerts_open ON gateway.alerts (kind, subject) WHERE closed_at IS NULL;
CREATE INDEX alerts_by_time ON gateway.alerts (opened_at);

ALTER TABLE gateway.servers
    -- Slices that could be made beyond those there are, as the last fill_pool found it.
    ADD COLUMN room          integer NOT NULL DEFAULT 0 CHECK (room >= 0),
    -- Slices in a row that could not be made, and when the next is tried.
    ADD COLUMN pool_failures integer NOT NULL DEFAULT 0 CHECK (pool_failures >= 0),
    ADD COLUMN pool_retry_at timestamptz;

-- Mails that are owed. Who waited for a place on a full server is told that there is one.
CREATE TABLE gateway.emails (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES gateway.users (id) ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('place_free')),
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at    timestamptz
);

CREATE INDEX emails_unsent ON gateway.emails (id) WHERE sent_at IS NULL;

ALTER TABLE gateway.users
    -- They were told that no place was free: a mail says when that changes.
    ADD COLUMN wait_listed boolean NOT NULL DEFAULT false;

---- create above / drop below ----

ALTER TABLE gateway.users DROP COLUMN wait_listed;
DROP TABLE gateway.emails, gateway.alerts, gateway.starts;
ALTER TABLE gateway.servers DROP COLUMN room, DROP COLUMN pool_failures, DROP COLUMN pool_retry_at;
DROP INDEX gateway.slices_free;
DROP TRIGGER slice_status ON gateway.slices;
DROP FUNCTION gateway.note_status;
UPDATE gateway.slices SET status = 'suspended' WHERE status = 'failed' AND user_id IS NOT NULL;
ALTER TABLE gateway.slices DROP CONSTRAINT slices_user_check;
ALTER TABLE gateway.slices ADD CONSTRAINT slices_check
    CHECK (user_id IS NULL OR status IN ('assigned', 'suspended', 'destroying'));
ALTER TABLE gateway.slices DROP COLUMN version, DROP COLUMN status_at, DROP COLUMN crash_times,
    DROP COLUMN memory_bytes, DROP COLUMN swap_bytes, DROP COLUMN measured_at, DROP COLUMN moved_from, DROP COLUMN moved_status;
