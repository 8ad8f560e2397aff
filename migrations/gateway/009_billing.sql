-- Money: what Stripe says of an account, what follows from it and when, and the copies of their data
-- that users take with them.

ALTER TABLE gateway.users
    DROP CONSTRAINT users_subscription_status_check,
    ADD CONSTRAINT users_subscription_status_check
        CHECK (subscription_status IN ('trial', 'unpaid', 'active', 'past_due', 'cancelled')),
    -- As Stripe had them when it was asked last, see stripe_read_at.
    ADD COLUMN stripe_subscription text UNIQUE,
    ADD COLUMN paid_until     timestamptz, -- the end of the period that is paid for
    ADD COLUMN ends_at        timestamptz, -- it is cancelled, and runs until then
    ADD COLUMN discounted     boolean NOT NULL DEFAULT false, -- it has the launch coupon, or another
    ADD COLUMN storage_extra  integer NOT NULL DEFAULT 0 CHECK (storage_extra >= 0), -- gigabytes that are bought
    ADD COLUMN action_url     text,        -- where the user has to confirm a payment; a secret of theirs
    ADD COLUMN stripe_read_at timestamptz,
    ADD COLUMN refreshed_at   timestamptz, -- when its user had Stripe asked last: once a second at most
    -- What follows from that.
    ADD COLUMN grace_ends_at  timestamptz, -- a payment has failed, or the trial is over: all goes on until then
    ADD COLUMN cancelled_at   timestamptz, -- since when nothing is paid for any more
    ADD COLUMN delete_after   timestamptz, -- then everything is destroyed
    ADD COLUMN held_at        timestamptz, -- a payment is disputed: stopped, whatever is paid
    ADD COLUMN settle_at      timestamptz, -- when time alone changes something next
    -- A place that is kept while its user is at Checkout.
    ADD COLUMN place_until    timestamptz;
CREATE INDEX users_to_settle ON gateway.users (settle_at) WHERE settle_at IS NOT NULL;
CREATE INDEX users_with_place ON gateway.users (place_until) WHERE place_until IS NOT NULL;
-- Whoever is here already has their trial looked at. Nobody was told before that it was over.
UPDATE gateway.users SET trial_ends_at = greatest(trial_ends_at, now() + interval '7 days') WHERE NOT is_admin;
UPDATE gateway.users SET settle_at = now() WHERE NOT is_admin;

-- Only what billing has suspended is resumed when it is paid: an operator's suspension stands.
ALTER TABLE gateway.slices ADD COLUMN suspended_for text CHECK (suspended_for IN ('billing', 'operator'));
UPDATE gateway.slices SET suspended_for = 'operator' WHERE status = 'suspended';

-- A mail that is owed once, whoever finds that it is: 'past_due:sub_123:1700000000:3'.
ALTER TABLE gateway.emails
    ADD COLUMN once text UNIQUE,
    DROP CONSTRAINT emails_kind_check,
    ADD CONSTRAINT emails_kind_check CHECK (kind IN ('place_free', 'verify', 'reset', 'password_changed', 'alert',
        'trial_ends', 'trial_over', 'payment_failed', 'payment_action', 'paused', 'resumed', 'will_end', 'ended',
        'deleted_soon', 'export_ready'));

-- What Stripe has told. The event's own copy of the object is not kept: the object is asked for anew.
CREATE TABLE gateway.stripe_events (
    id          text PRIMARY KEY,
    type        text NOT NULL,
    object      text NOT NULL, -- the id of what it is about: 'sub_…', 'in_…', 'dp_…'
    customer    text,          -- NULL: the object names none
    user_id     bigint,        -- of a Checkout session, its client reference
    created_at  timestamptz NOT NULL, -- by Stripe's clock
    received_at timestamptz NOT NULL,
    handled_at  timestamptz
);
CREATE INDEX stripe_events_by_time ON gateway.stripe_events (received_at);

-- Disputes and early fraud warnings, as Stripe has them now.
CREATE TABLE gateway.disputes (
    id         text PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES gateway.users (id) ON DELETE CASCADE,
    kind       text NOT NULL CHECK (kind IN ('dispute', 'fraud_warning')),
    status     text NOT NULL, -- Stripe's
    open       boolean NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_by  text           -- an operator who has looked at it
);
CREATE INDEX disputes_of_user ON gateway.disputes (user_id);

-- Copies of their data that users have asked for: a ZIP file on the slice's server, for seven days.
CREATE TABLE gateway.exports (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint REFERENCES gateway.users (id) ON DELETE SET NULL, -- NULL: the file is to be deleted
    slice_id    bigint NOT NULL REFERENCES gateway.slices (id),
    server      text NOT NULL REFERENCES gateway.servers (name),
    status      text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'ready', 'failed', 'deleted')),
    bytes       bigint NOT NULL DEFAULT 0 CHECK (bytes >= 0), -- written so far
    expected    bigint NOT NULL DEFAULT 0 CHECK (expected >= 0), -- about so many when it is whole
    error       text,        -- why it failed, in words for its user
    created_at  timestamptz NOT NULL,
    ready_at    timestamptz,
    expires_at  timestamptz
);
CREATE UNIQUE INDEX exports_unfinished ON gateway.exports (user_id) WHERE status IN ('waiting', 'running');
CREATE INDEX exports_of_server ON gateway.exports (server, id) WHERE status <> 'deleted';

---- create above / drop below ----

DROP TABLE gateway.exports, gateway.disputes, gateway.stripe_events;
DELETE FROM gateway.emails WHERE kind NOT IN ('place_free', 'verify', 'reset', 'password_changed', 'alert');
ALTER TABLE gateway.emails
    DROP COLUMN once,
    DROP CONSTRAINT emails_kind_check,
    ADD CONSTRAINT emails_kind_check CHECK (kind IN ('place_free', 'verify', 'reset', 'password_changed', 'alert'));
ALTER TABLE gateway.slices DROP COLUMN suspended_for;
DROP INDEX gateway.users_to_settle, gateway.users_with_place;
UPDATE gateway.users SET subscription_status = 'cancelled' WHERE subscription_status = 'unpaid';
ALTER TABLE gateway.users
    DROP COLUMN stripe_subscription, DROP COLUMN paid_until, DROP COLUMN ends_at, DROP COLUMN discounted, DROP COLUMN storage_extra,
    DROP COLUMN action_url, DROP COLUMN stripe_read_at, DROP COLUMN refreshed_at, DROP COLUMN grace_ends_at, DROP COLUMN cancelled_at, DROP COLUMN delete_after,
    DROP COLUMN held_at, DROP COLUMN settle_at, DROP COLUMN place_until,
    DROP CONSTRAINT users_subscription_status_check,
    ADD CONSTRAINT users_subscription_status_check CHECK (subscription_status IN ('trial', 'active', 'past_due', 'cancelled'));
