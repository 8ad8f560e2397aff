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

-- Accounts, as the operator sees and changes them.

ALTER TABLE gateway.users
    -- What a month costs, as Stripe had it when it was asked last, in the smallest unit of the currency; NULL: nothing
    -- is subscribed, or Stripe has not been asked since these are noted.
    ADD COLUMN monthly_price    bigint CHECK (monthly_price >= 0),    -- with storage, discounts taken off
    ADD COLUMN monthly_storage  bigint CHECK (monthly_storage >= 0),  -- of that, before discounts, the storage
    ADD COLUMN monthly_discount bigint CHECK (monthly_discount >= 0), -- what is taken off
    ADD COLUMN currency         text CHECK (currency ~ '^[a-z]{3}$'),
    -- An operator ends it: stopped at once, destroyed and forgotten once Stripe knows. NULL: no.
    ADD COLUMN terminate_at     timestamptz,
    ADD COLUMN terminate_by     text,
    ADD COLUMN put_first_at     timestamptz, -- an operator has put it before all others who wait; NULL: no
    ADD COLUMN grace_until      timestamptz; -- until then an operator lets it run although a payment has failed; NULL: no longer than others
CREATE INDEX users_to_terminate ON gateway.users (terminate_at) WHERE terminate_at IS NOT NULL;

-- The months before this one are made of what the audit says of accounts.
CREATE INDEX audit_of_money ON gateway.audit (id) WHERE action IN ('user.status', 'user.price', 'account.end');
-- The log of restarts.
CREATE INDEX audit_of_restarts ON gateway.audit (id) WHERE action IN ('slice.recycle', 'slice.crash', 'slice.fail', 'slice.resume');

ALTER TABLE gateway.recovery_codes
    ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();

-- The past alerts of some kinds, the newest first.
CREATE INDEX alerts_closed_of_kind ON gateway.alerts (kind, closed_at DESC, id DESC) WHERE closed_at IS NOT NULL;

---- create above / drop below ----

DROP INDEX gateway.audit_of_restarts, gateway.alerts_closed_of_kind, gateway.audit_of_money, gateway.users_to_terminate;
ALTER TABLE gateway.recovery_codes DROP COLUMN made_at;
ALTER TABLE gateway.users
    DROP COLUMN monthly_price, DROP COLUMN monthly_storage, DROP COLUMN monthly_discount, DROP COLUMN currency,
    DROP COLUMN terminate_at, DROP COLUMN terminate_by, DROP COLUMN put_first_at, DROP COLUMN grace_until;
ALTER TABLE gateway.alerts DROP COLUMN acknowledged_at, DROP COLUMN acknowledged_by;
DROP TABLE gateway.maintenance, gateway.announcements;
DROP FUNCTION gateway.notify_maintenance(), gateway.notify_announcements();
