-- What a server is and since when it runs, as its runner announces it.

ALTER TABLE gateway.servers
    ADD COLUMN booted_at      timestamptz,
    ADD COLUMN cores          integer,
    ADD COLUMN kernel         text,
    ADD COLUMN engine_version text, -- of Docker
    ADD COLUMN runner_version text;
ALTER TABLE gateway.server_telemetry
    ADD COLUMN load_1m  real,
    ADD COLUMN load_5m  real,
    ADD COLUMN load_15m real;

ALTER TABLE gateway.servers
    ADD COLUMN max_slices integer; -- MAX_SLICES, as its runner counts against it; NULL: not told yet

---- create above / drop below ----

ALTER TABLE gateway.server_telemetry DROP COLUMN load_1m, DROP COLUMN load_5m, DROP COLUMN load_15m;
ALTER TABLE gateway.servers DROP COLUMN booted_at, DROP COLUMN cores, DROP COLUMN kernel, DROP COLUMN engine_version, DROP COLUMN runner_version;
ALTER TABLE gateway.servers DROP COLUMN max_slices;
