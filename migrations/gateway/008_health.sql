-- What is wrong, since when, who is told of it and by what; and what a mail makes possible: an
-- address that is known to be its owner's, and a forgotten password.

ALTER TABLE gateway.slices
    ADD COLUMN wa_reason       text,        -- why it is in wa_state, as its backend has it
    -- Since when its user has had a phone linked. NULL: not yet, or they took it off themselves: nobody
    -- misses it then.
    ADD COLUMN linked_at       timestamptz,
    ADD COLUMN silent_since    timestamptz, -- its backend does not answer; NULL: it did when it was asked last
    ADD COLUMN page_dead_since timestamptz, -- it says `ready`, and its page does not answer
    ADD COLUMN working_bytes   bigint NOT NULL DEFAULT 0 CHECK (working_bytes >= 0), -- of memory_bytes, without the cache of files
    ADD COLUMN user_restart_at timestamptz; -- the last that its user asked for
UPDATE gateway.slices SET linked_at = now() WHERE user_id IS NOT NULL AND wa_phone IS NOT NULL;

-- What is the case and is not an alert yet: that takes until it has been so for the rule's time.
CREATE TABLE gateway.conditions (
    kind    text NOT NULL,
    subject text NOT NULL,
    server  text NOT NULL,
    since   timestamptz NOT NULL,
    PRIMARY KEY (kind, subject)
);

ALTER TABLE gateway.alerts
    ADD COLUMN since       timestamptz, -- the condition; NULL: it was an alert at once
    ADD COLUMN server      text,        -- whose slice or machine it is about
    ADD COLUMN user_id     bigint REFERENCES gateway.users (id) ON DELETE SET NULL, -- who is told
    ADD COLUMN cause       text NOT NULL DEFAULT '', -- a word of the slice contract's, for the mail's words
    -- The alert that stands for this one and others: of these nobody is told one by one.
    ADD COLUMN incident_id bigint REFERENCES gateway.alerts (id),
    ADD COLUMN settled_at  timestamptz; -- it is over, and all are told who have to be
UPDATE gateway.alerts SET settled_at = closed_at;
CREATE INDEX alerts_unsettled ON gateway.alerts (kind, subject) WHERE settled_at IS NULL;
CREATE INDEX alerts_of_incident ON gateway.alerts (incident_id) WHERE incident_id IS NOT NULL;

-- Who has been told of an alert, and how often.
CREATE TABLE gateway.notices (
    alert_id  bigint NOT NULL REFERENCES gateway.alerts (id) ON DELETE CASCADE,
    recipient text NOT NULL CHECK (recipient IN ('user', 'admin')),
    channel   text NOT NULL CHECK (channel IN ('email', 'whatsapp')),
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    times     integer NOT NULL DEFAULT 1 CHECK (times > 0),
    ended_at  timestamptz, -- told that it is over
    PRIMARY KEY (alert_id, recipient, channel)
);

-- Times in which alerts are opened as ever, and nobody is told.
CREATE TABLE gateway.silences (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text, -- of alerts; NULL: all
    subject   text, -- 'slice:12'; NULL: all
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL CHECK (ends_at >= starts_at),
    reason    text NOT NULL,
    actor     text NOT NULL
);
CREATE INDEX silences_by_end ON gateway.silences (ends_at);

ALTER TABLE gateway.emails
    ALTER COLUMN user_id DROP NOT NULL, -- NULL: it is the admin's
    DROP CONSTRAINT emails_kind_check,
    ADD CONSTRAINT emails_kind_check CHECK (kind IN ('place_free', 'verify', 'reset', 'password_changed', 'alert')),
    ADD COLUMN address    text, -- of one of the admins; NULL: it goes to its user's
    ADD COLUMN detail     jsonb NOT NULL DEFAULT '{}', -- what it says beside its kind's words; never a secret
    ADD COLUMN message_id text,        -- the provider's
    ADD COLUMN failed_at  timestamptz, -- it cannot be sent, or came back
    ADD COLUMN error      text;        -- why, in words
CREATE INDEX emails_of_user ON gateway.emails (user_id, created_at);

ALTER TABLE gateway.users
    ADD COLUMN email_verified_at timestamptz, -- alerts go to no address before
    ADD COLUMN email_bounced_at  timestamptz, -- mails to it come back
    ADD COLUMN verify_hash       bytea UNIQUE CHECK (length(verify_hash) = 32), -- SHA-256 of the newest link's token
    ADD COLUMN verify_expires_at timestamptz,
    ADD COLUMN tell_by_email     boolean NOT NULL DEFAULT true,
    ADD COLUMN tell_by_whatsapp  boolean NOT NULL DEFAULT true;
-- Whoever is here already has been told by mail what they were told.
UPDATE gateway.users SET email_verified_at = created_at;

CREATE TABLE gateway.password_resets (
    email_id     bigint PRIMARY KEY REFERENCES gateway.emails (id) ON DELETE CASCADE,
    user_id      bigint NOT NULL REFERENCES gateway.users (id) ON DELETE CASCADE,
    requested_at timestamptz NOT NULL,
    token_hash   bytea UNIQUE CHECK (length(token_hash) = 32), -- SHA-256; NULL until the mail is on its way
    expires_at   timestamptz,
    used_at      timestamptz
);
CREATE INDEX password_resets_of_user ON gateway.password_resets (user_id, requested_at);

-- Wrong passwords, by the SHA-256 of the address: of one that has no account too.
CREATE TABLE gateway.login_failures (
    email_hash bytea PRIMARY KEY CHECK (length(email_hash) = 32),
    failures   integer NOT NULL,
    first_at   timestamptz NOT NULL -- of those that count
);

-- The version of this schema: functions may not read the table that it is kept in.
CREATE FUNCTION gateway.schema_version() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
AS $$ SELECT version FROM public.gateway_version $$;

---- create above / drop below ----

DROP FUNCTION gateway.schema_version;
DROP TABLE gateway.login_failures, gateway.password_resets, gateway.silences, gateway.notices, gateway.conditions;
DELETE FROM gateway.emails WHERE kind <> 'place_free' OR user_id IS NULL;
DROP INDEX gateway.emails_of_user;
ALTER TABLE gateway.emails
    DROP COLUMN address, DROP COLUMN detail, DROP COLUMN message_id, DROP COLUMN failed_at, DROP COLUMN error,
    DROP CONSTRAINT emails_kind_check,
    ADD CONSTRAINT emails_kind_check CHECK (kind IN ('place_free')),
    ALTER COLUMN user_id SET NOT NULL;
ALTER TABLE gateway.users
    DROP COLUMN email_verified_at, DROP COLUMN email_bounced_at, DROP COLUMN verify_hash, DROP COLUMN verify_expires_at,
    DROP COLUMN tell_by_email, DROP COLUMN tell_by_whatsapp;
ALTER TABLE gateway.alerts
    DROP COLUMN since, DROP COLUMN server, DROP COLUMN user_id, DROP COLUMN cause,
    DROP COLUMN incident_id, DROP COLUMN settled_at;
ALTER TABLE gateway.slices
    DROP COLUMN wa_reason, DROP COLUMN linked_at, DROP COLUMN silent_since, DROP COLUMN page_dead_since, DROP COLUMN working_bytes, DROP COLUMN user_restart_at;
