-- What the slices and servers weigh and do, minute by minute; what was taken from idle slices and
-- given back to woken ones. Sizes are bytes. A minute that was missed has no row, and what could not
-- be read is NULL: nothing here is ever zero because nobody looked.
--
-- Time series have no foreign keys: a slice's row is never deleted, and dropping a day would have to
-- lock gateway.slices for it.

ALTER TABLE gateway.slices
    ADD COLUMN floor_bytes    bigint CHECK (floor_bytes >= 0), -- resident, below which it has been seen to refault
    ADD COLUMN floor_at       timestamptz,                     -- when that was learned
    ADD COLUMN reclaim_paused boolean NOT NULL DEFAULT false;  -- by an operator

ALTER TABLE gateway.servers
    ADD COLUMN reclaim_paused boolean NOT NULL DEFAULT false, -- by an operator, for all of its slices
    ADD COLUMN probe_error    text;                           -- why traffic cannot be counted here, in words; NULL: it is

-- The time series, one partition a day or month, in UTC. Rows for which there is no partition yet go
-- to NAME_default, which tend_partitions empties: no insert fails because a job was late.
CREATE TABLE gateway.partitioned (
    name      text PRIMARY KEY, -- of a table of this schema
    by_column text NOT NULL,    -- that it is partitioned by
    step      text NOT NULL CHECK (step IN ('day', 'month')),
    keep      interval NOT NULL -- a partition that ended so long ago is dropped
);

-- One row a minute for each slice whose container runs. The amounts are those since its last row.
CREATE TABLE gateway.telemetry (
    slice_id       bigint NOT NULL,
    timestamp      timestamptz NOT NULL,
    started_at     timestamptz NOT NULL, -- its container: a restart is another
    rss_bytes      bigint NOT NULL CHECK (rss_bytes >= 0),
    swap_bytes     bigint NOT NULL CHECK (swap_bytes >= 0),
    wa_state       text,                 -- as last known; NULL: it was asked and did not answer
    idle_seconds   integer,              -- since its user's last packet, or since it started; NULL: traffic is not counted
    cpu_percent    real,                 -- of one core
    user_bytes     bigint,
    platform_bytes bigint,
    upstream_bytes bigint,
    refaults       bigint,               -- pages that were taken and came back
    pressure_us    bigint,               -- that its processes stood still for memory (PSI some)
    oom_kills      integer,
    seconds        real,                 -- that the amounts cover
    PRIMARY KEY (slice_id, timestamp)
) PARTITION BY RANGE (timestamp);

-- All slices of a minute: the newest are rolled up. The times of a sample are one, so it stays small.
CREATE INDEX telemetry_by_time ON gateway.telemetry (timestamp);

-- One row a minute for each server.
CREATE TABLE gateway.server_telemetry (
    server             text NOT NULL,
    timestamp          timestamptz NOT NULL,
    ram_used_bytes     bigint NOT NULL, -- what new processes could not have
    ram_total_bytes    bigint NOT NULL,
    swap_used_bytes    bigint NOT NULL,
    swap_total_bytes   bigint NOT NULL,
    swap_ram_bytes     bigint NOT NULL, -- of RAM, that compressed swap takes
    swap_in_rate       bigint,          -- pages a second
    swap_out_rate      bigint,
    cpu_percent        real,            -- of all cores together
    disk_used_bytes    bigint NOT NULL, -- of the file system that holds the slices' data
    disk_total_bytes   bigint NOT NULL,
    active_slices      integer,         -- used within five minutes; NULL: traffic is not counted
    total_slices       integer NOT NULL, -- that run
    slices_rss_bytes   bigint NOT NULL, -- of those together
    slices_swap_bytes  bigint NOT NULL,
    memory_pressure_us bigint,
    io_pressure_us     bigint,
    cpu_pressure_us    bigint,
    oom_kills          integer,
    seconds            real,
    PRIMARY KEY (server, timestamp)
) PARTITION BY RANGE (timestamp);

-- The readings that the next row's amounts are counted from. One group's counters only rise; another
-- group's begin at zero, and so do a server's when it has been started anew.
CREATE TABLE gateway.meters (
    slice_id       bigint PRIMARY KEY REFERENCES gateway.slices (id),
    cgroup_id      bigint, -- of its container; NULL: that has ended, and its last bytes are owed
    read_at        timestamptz NOT NULL,
    started_at     timestamptz NOT NULL,
    cpu_us         bigint NOT NULL,
    refaults       bigint NOT NULL,
    pressure_us    bigint NOT NULL,
    oom_kills      bigint NOT NULL,
    user_bytes     bigint NOT NULL,
    platform_bytes bigint NOT NULL,
    upstream_bytes bigint NOT NULL,
    owed_user      bigint NOT NULL DEFAULT 0, -- counted of groups that have ended, and in no row yet
    owed_platform  bigint NOT NULL DEFAULT 0,
    owed_upstream  bigint NOT NULL DEFAULT 0,
    last_user_at     timestamptz,
    last_upstream_at timestamptz,
    asked_at         timestamptz -- its backend, for its state
);

CREATE TABLE gateway.server_meters (
    server             text PRIMARY KEY REFERENCES gateway.servers (name),
    read_at            timestamptz NOT NULL,
    swap_in            bigint NOT NULL, -- pages
    swap_out           bigint NOT NULL,
    cpu_busy_us        bigint NOT NULL,
    cpu_us             bigint NOT NULL,
    memory_pressure_us bigint NOT NULL,
    io_pressure_us     bigint NOT NULL,
    cpu_pressure_us    bigint NOT NULL,
    oom_kills          bigint NOT NULL
);

-- Telemetry by the minute-of-five and by the hour; `timestamp` is when a bin begins. Averages are
-- over the samples that there were, and NULL where there was none.
CREATE TABLE gateway.telemetry_5m (
    slice_id              bigint NOT NULL,
    timestamp             timestamptz NOT NULL,
    started_at            timestamptz NOT NULL, -- of the newest container in it
    samples               integer NOT NULL CHECK (samples > 0),
    seconds               real,     -- that they cover
    rss_bytes             bigint NOT NULL, -- averages
    rss_max_bytes         bigint NOT NULL,
    swap_bytes            bigint NOT NULL,
    swap_max_bytes        bigint NOT NULL,
    idle_seconds          integer,
    -- Of the samples that were idle for half an hour, and as long after a start.
    idle_samples          integer NOT NULL,
    idle_rss_bytes        bigint,
    idle_swap_bytes       bigint,
    cpu_percent           real,
    user_bytes            bigint,   -- sums
    platform_bytes        bigint,
    upstream_bytes        bigint,
    refaults              bigint,
    pressure_us           bigint,
    oom_kills             integer,
    known_samples         integer NOT NULL, -- with a WhatsApp state
    ready_samples         integer NOT NULL,
    ready_seconds         real NOT NULL,
    swapped_ready_seconds real NOT NULL,    -- with half of its memory or more in swap
    disconnects           integer NOT NULL, -- from ready to anything else, in the same container
    swapped_disconnects   integer NOT NULL, -- with half of its memory or more in swap before
    PRIMARY KEY (slice_id, timestamp)
) PARTITION BY RANGE (timestamp);

CREATE INDEX telemetry_5m_by_time ON gateway.telemetry_5m (timestamp);

CREATE TABLE gateway.telemetry_1h (LIKE gateway.telemetry_5m INCLUDING ALL) PARTITION BY RANGE (timestamp);

CREATE TABLE gateway.server_telemetry_5m (
    server              text NOT NULL,
    timestamp           timestamptz NOT NULL,
    samples             integer NOT NULL CHECK (samples > 0),
    seconds             real,
    ram_used_bytes      bigint NOT NULL,
    ram_used_max_bytes  bigint NOT NULL,
    ram_total_bytes     bigint NOT NULL,
    swap_used_bytes     bigint NOT NULL,
    swap_used_max_bytes bigint NOT NULL,
    swap_total_bytes    bigint NOT NULL,
    swap_ram_bytes      bigint NOT NULL,
    swap_in_rate        real,
    swap_in_max_rate    bigint,
    swap_out_rate       real,
    swap_out_max_rate   bigint,
    cpu_percent         real,
    cpu_max_percent     real,
    disk_used_bytes     bigint NOT NULL, -- the most
    disk_total_bytes    bigint NOT NULL,
    active_slices       real,
    active_max_slices   integer,
    total_slices        integer NOT NULL, -- the most
    slices_rss_bytes    bigint NOT NULL,
    slices_swap_bytes   bigint NOT NULL,
    memory_pressure_us  bigint,
    io_pressure_us      bigint,
    cpu_pressure_us     bigint,
    oom_kills           integer,
    PRIMARY KEY (server, timestamp)
) PARTITION BY RANGE (timestamp);

CREATE TABLE gateway.server_telemetry_1h (LIKE gateway.server_telemetry_5m INCLUDING ALL) PARTITION BY RANGE (timestamp);

-- How far the bins of a table are complete.
CREATE TABLE gateway.roll_ups (
    name     text PRIMARY KEY,
    up_to    timestamptz NOT NULL
);

-- What the telemetry of so many days says to the questions that it is kept for, found every hour: a
-- page shows it at once, however many slices there are.
CREATE TABLE gateway.answers (
    days  integer PRIMARY KEY CHECK (days > 0),
    at    timestamptz NOT NULL,
    found jsonb NOT NULL
);

-- What was taken from idle slices, and fetched back ahead of a user: every step.
CREATE TABLE gateway.reclaims (
    slice_id           bigint NOT NULL,
    at                 timestamptz NOT NULL,
    kind               text NOT NULL CHECK (kind IN ('step', 'probe', 'prefetch')),
    asked_bytes        bigint NOT NULL,
    given_bytes        bigint NOT NULL,
    took_us            bigint NOT NULL,
    rss_before         bigint NOT NULL,
    rss_after          bigint NOT NULL,
    swap_after         bigint NOT NULL,
    refaults_before    bigint NOT NULL, -- pages since its group was made
    pressure_before_us bigint NOT NULL, -- PSI some, as long
    pressure_after_us  bigint NOT NULL,
    reason             text NOT NULL,   -- why this much, and why now
    CHECK (asked_bytes >= 0 AND took_us >= 0)
) PARTITION BY RANGE (at);

CREATE INDEX reclaims_of_slice ON gateway.reclaims (slice_id, at);

-- Slices that were idle and whose user came back, and what the first ten seconds cost.
CREATE TABLE gateway.wakes (
    slice_id         bigint NOT NULL,
    at               timestamptz NOT NULL,
    cause            text NOT NULL CHECK (cause IN ('login', 'open', 'traffic')),
    idle_seconds     integer,         -- before; NULL: not known
    rss_before       bigint NOT NULL,
    swap_before      bigint NOT NULL,
    prefetched_bytes bigint NOT NULL, -- brought back ahead of the first request
    prefetch_us      bigint NOT NULL,
    back_bytes       bigint,          -- resident gained in ten seconds; NULL: it ended before
    refaults         bigint,          -- pages, in that time
    stall_us         bigint,          -- that its processes stood still for memory (PSI some), in that time
    answer_us        bigint,          -- the backend's first answer; NULL: it was not asked, or did not answer
    PRIMARY KEY (slice_id, at)
) PARTITION BY RANGE (at);

CREATE INDEX wakes_by_time ON gateway.wakes (at);

INSERT INTO gateway.partitioned (name, by_column, step, keep) VALUES
    ('telemetry', 'timestamp', 'day', '7 days'),
    ('telemetry_5m', 'timestamp', 'day', '30 days'),
    ('telemetry_1h', 'timestamp', 'month', '1 year'),
    ('server_telemetry', 'timestamp', 'day', '7 days'),
    ('server_telemetry_5m', 'timestamp', 'day', '30 days'),
    ('server_telemetry_1h', 'timestamp', 'month', '1 year'),
    ('reclaims', 'at', 'day', '30 days'),
    ('wakes', 'at', 'day', '30 days');

DO $$
DECLARE
    parent text;
BEGIN
    FOR parent IN SELECT name FROM gateway.partitioned LOOP
        EXECUTE format('CREATE TABLE gateway.%I PARTITION OF gateway.%I DEFAULT', parent || '_default', parent);
    END LOOP;
END $$;

-- Makes the partitions from yesterday's to those of the next days, and drops what has been kept long
-- enough. A partition is filled from the default one before it is attached. Whoever reads for long
-- makes this fail after five seconds rather than hold up all who come after; it is then tried again.
CREATE FUNCTION gateway.tend_partitions(at timestamptz, OUT made integer, OUT dropped integer)
LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
DECLARE
    series  gateway.partitioned;
    today   timestamp;
    first   timestamptz;
    beyond  timestamptz;
    part    text;
    pattern text;
BEGIN
    made := 0;
    dropped := 0;
    -- Two at a time would make the same.
    PERFORM pg_advisory_xact_lock(hashtextextended('tend_partitions', 0));
    FOR series IN SELECT * FROM gateway.partitioned ORDER BY name LOOP
        today := date_trunc(series.step, at AT TIME ZONE 'UTC');
        pattern := CASE series.step WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END;
        FOR n IN -1..(CASE series.step WHEN 'day' THEN 3 ELSE 1 END) LOOP
            first := (today + n * ('1 ' || series.step)::interval) AT TIME ZONE 'UTC';
            beyond := (today + (n + 1) * ('1 ' || series.step)::interval) AT TIME ZONE 'UTC';
            part := series.name || '_' || to_char(first AT TIME ZONE 'UTC', pattern);
            CONTINUE WHEN to_regclass('gateway.' || quote_ident(part)) IS NOT NULL;
            EXECUTE format('LOCK TABLE gateway.%I IN ACCESS EXCLUSIVE MODE', series.name || '_default');
            EXECUTE format('CREATE TABLE gateway.%I (LIKE gateway.%I INCLUDING ALL)', part, series.name);
            EXECUTE format('WITH moved AS (DELETE FROM gateway.%I WHERE %I >= $1 AND %I < $2 RETURNING *) INSERT INTO gateway.%I SELECT * FROM moved',
                series.name || '_default', series.by_column, series.by_column, part) USING first, beyond;
            EXECUTE format('ALTER TABLE gateway.%I ATTACH PARTITION gateway.%I FOR VALUES FROM (%L) TO (%L)', series.name, part, first, beyond);
            made := made + 1;
        END LOOP;
        FOR part IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = ('gateway.' || quote_ident(series.name))::regclass AND c.relname ~ '_[0-9]+$'
        LOOP
            beyond := (to_date(substring(part FROM '[0-9]+$'), pattern) + ('1 ' || series.step)::interval) AT TIME ZONE 'UTC';
            CONTINUE WHEN beyond > at - series.keep;
            EXECUTE format('DROP TABLE gateway.%I', part);
            dropped := dropped + 1;
        END LOOP;
        EXECUTE format('DELETE FROM gateway.%I WHERE %I < $1', series.name || '_default', series.by_column) USING at - series.keep;
    END LOOP;
END $$;

SELECT gateway.tend_partitions(now());

---- create above / drop below ----

DROP FUNCTION gateway.tend_partitions;
DROP TABLE gateway.telemetry, gateway.server_telemetry, gateway.telemetry_5m, gateway.telemetry_1h,
    gateway.server_telemetry_5m, gateway.server_telemetry_1h, gateway.reclaims, gateway.wakes,
    gateway.meters, gateway.server_meters, gateway.roll_ups, gateway.answers, gateway.partitioned;
ALTER TABLE gateway.servers DROP COLUMN reclaim_paused, DROP COLUMN probe_error;
ALTER TABLE gateway.slices DROP COLUMN floor_bytes, DROP COLUMN floor_at, DROP COLUMN reclaim_paused;
