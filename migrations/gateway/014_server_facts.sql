-- What a server is and since when it runs, as its runner announces it.

ALTER TABLE gateway.servers
    ADD COLUMN booted_at      timestamptz,
    ADD COLUMN cores          integer,
    ADD COLUMN kernel         text,
    ADD COLUMN engine_version text, -- of Docker
    ADD COLUMN runner_version text,
    ADD COLUMN announced_at   timestamptz, -- when its runner last said so; NULL: never
    ADD COLUMN max_slices     integer;     -- MAX_SLICES, as its runner counts against it; NULL: not told yet
ALTER TABLE gateway.server_telemetry
    ADD COLUMN load_1m  real,
    ADD COLUMN load_5m  real,
    ADD COLUMN load_15m real;

---- create above / drop below ----

ALTER TABLE gateway.server_telemetry DROP COLUMN load_1m, DROP COLUMN load_5m, DROP COLUMN load_15m;
ALTER TABLE gateway.servers DROP COLUMN booted_at, DROP COLUMN cores, DROP COLUMN kernel, DROP COLUMN engine_version, DROP COLUMN runner_version,
    DROP COLUMN announced_at, DROP COLUMN max_slices;
