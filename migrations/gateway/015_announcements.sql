-- What the operator tells all users: a banner in the app, and the page that stands in for it during
-- maintenance.

CREATE TABLE gateway.announcements (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    level        text NOT NULL CHECK (level IN ('info', 'warning')),
    words        text NOT NULL CHECK (length(words) BETWEEN 1 AND 500),
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL CHECK (ends_at > starts_at),
    withdrawn_at timestamptz,
    actor        text NOT NULL,
    created_at   timestamptz NOT NULL
);

-- One row while there is maintenance, none otherwise.
CREATE TABLE gateway.maintenance (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    since  timestamptz NOT NULL,
    until  timestamptz, -- when it is thought to be over; NULL: not known
    words  text NOT NULL DEFAULT '' CHECK (length(words) <= 500),
    actor  text NOT NULL
);

-- The caches of `functions proxy` hold whether there is maintenance, and the open pages ask what is announced.
CREATE FUNCTION gateway.notify_maintenance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gateway_access', 'maintenance');
    RETURN NULL;
END $$;

CREATE TRIGGER maintenance_changed AFTER INSERT OR UPDATE OR DELETE ON gateway.maintenance
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_maintenance();

CREATE FUNCTION gateway.notify_announcements() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gateway_access', 'announcements');
    RETURN NULL;
END $$;

CREATE TRIGGER announcements_changed AFTER INSERT OR UPDATE OR DELETE ON gateway.announcements
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_announcements();

ALTER TABLE gateway.alerts
    ADD COLUMN acknowledged_at timestamptz, -- an operator is at it: it is not repeated to admins
    ADD COLUMN acknowledged_by text;

---- create above / drop below ----

ALTER TABLE gateway.alerts DROP COLUMN acknowledged_at, DROP COLUMN acknowledged_by;
DROP TABLE gateway.maintenance, gateway.announcements;
DROP FUNCTION gateway.notify_maintenance(), gateway.notify_announcements();
