-- How often a slice's container has ended by itself, and when it is started again.
ALTER TABLE gateway.slices
    ADD COLUMN crashes    integer NOT NULL DEFAULT 0 CHECK (crashes >= 0), -- one after the other
    ADD COLUMN crashed_at timestamptz, -- the last end that was counted
    ADD COLUMN start_at   timestamptz; -- not before this

---- create above / drop below ----

ALTER TABLE gateway.slices DROP COLUMN crashes, DROP COLUMN crashed_at, DROP COLUMN start_at;
