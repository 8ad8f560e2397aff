-- The part of River's tables that our queries read. River's own migrations make them; this is for sqlc,
-- which has to know their columns.
CREATE SCHEMA river;
CREATE TABLE river.river_job (
    id           bigint PRIMARY KEY,
    state        text NOT NULL,
    kind         text NOT NULL,
    queue        text NOT NULL,
    attempt      smallint NOT NULL,
    max_attempts smallint NOT NULL,
    created_at   timestamptz NOT NULL,
    scheduled_at timestamptz NOT NULL,
    attempted_at timestamptz,
    finalized_at timestamptz,
    args         jsonb NOT NULL,
    errors       jsonb[]
);
