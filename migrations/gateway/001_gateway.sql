-- The gateway schema: who has an account, which slice is theirs, who is logged in.
-- Times are timestamptz, sizes are bytes.

CREATE SCHEMA gateway;

CREATE TABLE gateway.users (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email               text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    password_hash       text NOT NULL,
    is_admin            boolean NOT NULL DEFAULT false,
    stripe_customer     text UNIQUE,
    subscription_status text NOT NULL DEFAULT 'trial'
        CHECK (subscription_status IN ('trial', 'active', 'past_due', 'cancelled')),
    trial_ends_at       timestamptz,
    -- Set while the user is owed a slice and none was free: they are served in this order.
    waiting_since       timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    last_login_at       timestamptz
);

CREATE INDEX users_waiting ON gateway.users (waiting_since, id) WHERE waiting_since IS NOT NULL;

-- Every server that has a runner. A server announces itself when its runner starts;
-- work for "all servers" is fanned out to the queues of these.
CREATE TABLE gateway.servers (
    name          text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    registered_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gateway.slices (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    server           text NOT NULL REFERENCES gateway.servers (name),
    -- On 127.0.0.1 of that server. NULL until provisioning has found a free one, and again once the slice is gone.
    port             integer CHECK (port BETWEEN 1024 AND 65535),
    image            text NOT NULL,
    status           text NOT NULL DEFAULT 'provisioning'
        CHECK (status IN ('provisioning', 'available', 'assigned', 'suspended', 'destroying', 'destroyed', 'failed')),
    -- The one truth about who has which slice.
    user_id          bigint UNIQUE REFERENCES gateway.users (id),
    wa_state         text NOT NULL DEFAULT 'starting'
        CHECK (wa_state IN ('starting', 'qr', 'authenticated', 'ready', 'disconnected', 'logged_out', 'restricted', 'failed')),
    wa_connected     boolean NOT NULL DEFAULT false,
    wa_phone         text,
    wa_changed_at    timestamptz,
    last_health_at   timestamptz,
    last_activity_at timestamptz,
    storage_bytes    bigint NOT NULL DEFAULT 0 CHECK (storage_bytes >= 0),
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (server, port),
    CHECK (user_id IS NULL OR status IN ('assigned', 'suspended', 'destroying')),
    CHECK (user_id IS NOT NULL OR status NOT IN ('assigned', 'suspended')),
    CHECK (port IS NOT NULL OR status IN ('provisioning', 'destroyed', 'failed')),
    -- A gone slice holds no port: what is `failed` is cleaned up by release, which clears it.
    CHECK (port IS NULL OR status <> 'destroyed')
);

CREATE INDEX slices_pool ON gateway.slices (server, status, id);

CREATE TABLE gateway.sessions (
    -- SHA-256 of the token in the cookie: whoever reads this table cannot log in with it.
    id          bytea PRIMARY KEY CHECK (length(id) = 32),
    user_id     bigint NOT NULL REFERENCES gateway.users (id) ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL,
    extended_at timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX sessions_of_user ON gateway.sessions (user_id);
CREATE INDEX sessions_by_expiry ON gateway.sessions (expires_at);

-- Who did what, for the operator and the courts. Append only; never a secret, never a message's text.
CREATE TABLE gateway.audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    actor    text NOT NULL, -- 'user:7', 'job:fill_pool', 'operator'
    action   text NOT NULL, -- 'slice.assign', 'session.start', ...
    subject  text NOT NULL, -- 'slice:12', 'user:7'
    detail   jsonb NOT NULL DEFAULT '{}'
);

CREATE INDEX audit_of_subject ON gateway.audit (subject, id);

-- What a change of these rows means to the caches of `functions proxy`: the session or the
-- user whose answers are no longer true. The payload names no secret: it is the hash.
CREATE FUNCTION gateway.notify_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gateway_access', 'session ' || encode(OLD.id, 'hex'));
    RETURN NULL;
END $$;

CREATE TRIGGER session_ended AFTER DELETE ON gateway.sessions
    FOR EACH ROW EXECUTE FUNCTION gateway.notify_session();

CREATE FUNCTION gateway.notify_slice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.user_id IS NOT NULL THEN
        PERFORM pg_notify('gateway_access', 'user ' || OLD.user_id);
    END IF;
    IF NEW.user_id IS NOT NULL AND NEW.user_id IS DISTINCT FROM OLD.user_id THEN
        PERFORM pg_notify('gateway_access', 'user ' || NEW.user_id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER slice_moved AFTER UPDATE ON gateway.slices
    FOR EACH ROW
    WHEN (OLD.user_id IS DISTINCT FROM NEW.user_id
          OR OLD.port IS DISTINCT FROM NEW.port
          OR OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION gateway.notify_slice();

---- create above / drop below ----

DROP SCHEMA gateway CASCADE;
