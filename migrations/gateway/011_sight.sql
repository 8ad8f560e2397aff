-- An operator sees the app as a user sees it: their own session shows them that user's slice for a
-- while, and may only look, unless the user has allowed more.

ALTER TABLE gateway.sessions
    ADD COLUMN sees_user_id bigint REFERENCES gateway.users (id) ON DELETE SET NULL, -- NULL: themselves
    ADD COLUMN sees_until   timestamptz;
ALTER TABLE gateway.users
    ADD COLUMN support_until timestamptz; -- until then whoever sees as them may also act and export; NULL: never
CREATE INDEX sessions_by_seen ON gateway.sessions (sees_user_id) WHERE sees_user_id IS NOT NULL;

---- create above / drop below ----

DROP INDEX gateway.sessions_by_seen;
ALTER TABLE gateway.users DROP COLUMN support_until;
ALTER TABLE gateway.sessions DROP COLUMN sees_user_id, DROP COLUMN sees_until;
