-- What a container writes, tailed live: an operator asks, the runner of the slice's server relays.
-- Nobody misses these rows after a crash.

CREATE UNLOGGED TABLE gateway.log_tails (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slice_id     bigint NOT NULL,
    server       text NOT NULL,
    actor        text NOT NULL, -- who may read it
    opened_at    timestamptz NOT NULL,
    wanted_until timestamptz NOT NULL  -- moved on for as long as somebody looks
);
CREATE UNLOGGED TABLE gateway.log_lines (
    tail_id bigint NOT NULL REFERENCES gateway.log_tails (id) ON DELETE CASCADE,
    seq     bigint NOT NULL, -- from 1
    at      timestamptz NOT NULL,
    stream  text NOT NULL CHECK (stream IN ('stdout', 'stderr', 'relay')), -- relay: what the runner itself says
    line    text NOT NULL,
    PRIMARY KEY (tail_id, seq)
);

ALTER TABLE gateway.slices
    ADD COLUMN reclaim_asked_at timestamptz; -- an operator wants it pushed out now, however short it has been idle; NULL: no

---- create above / drop below ----

ALTER TABLE gateway.slices DROP COLUMN reclaim_asked_at;
DROP TABLE gateway.log_lines, gateway.log_tails;
