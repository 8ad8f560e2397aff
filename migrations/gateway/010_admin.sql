-- The operator's seat: the second factor of admins, and which sessions have passed it.

-- Its row is made by `runner admin add`, with a word that only who could run that has been told: a
-- stolen session of an admin who has not set it up yet sets up nothing.
CREATE TABLE gateway.second_factors (
    user_id       bigint PRIMARY KEY REFERENCES gateway.users (id) ON DELETE CASCADE,
    setup_hash    bytea CHECK (length(setup_hash) = 32), -- of that word; NULL: it has been used
    setup_until   timestamptz,
    setup_session bytea,       -- that the secret is shown to, until confirmed_at
    sealed        bytea,       -- what codes are made of, sealed with ADMIN_KEY for this user; NULL: not yet
    confirmed_at  timestamptz, -- a first code was right; NULL: it opens nothing yet
    last_step     bigint NOT NULL DEFAULT 0, -- the half minute of the last code that was taken: no code works twice
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0), -- wrong codes since failed_at
    failed_at     timestamptz,
    CHECK (confirmed_at IS NULL OR sealed IS NOT NULL)
);

-- What an admin without their phone has on paper; each works once.
CREATE TABLE gateway.recovery_codes (
    hash    bytea PRIMARY KEY CHECK (length(hash) = 32), -- HMAC-SHA-256 with ADMIN_KEY
    user_id bigint NOT NULL REFERENCES gateway.second_factors (user_id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_of_user ON gateway.recovery_codes (user_id);

ALTER TABLE gateway.sessions
    ADD COLUMN second_factor_at timestamptz; -- when it was asked for last, and right

-- What is listed on the pages: alerts that are over, the newest first.
CREATE INDEX alerts_closed ON gateway.alerts (closed_at DESC, id DESC) WHERE closed_at IS NOT NULL;
CREATE INDEX alerts_of_subject ON gateway.alerts (subject, opened_at DESC);

---- create above / drop below ----

DROP INDEX gateway.alerts_of_subject, gateway.alerts_closed;
ALTER TABLE gateway.sessions DROP COLUMN second_factor_at;
DROP TABLE gateway.recovery_codes, gateway.second_factors;
