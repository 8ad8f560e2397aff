-- An operator sees the app as a user sees it: their own session shows them that user's account for a
-- while, and may only look, unless the user has allowed more.

ALTER TABLE gateway.sessions
    ADD COLUMN sees_user_id bigint REFERENCES gateway.users (id) ON DELETE SET NULL, -- NULL: themselves
    ADD COLUMN sees_until   timestamptz;
ALTER TABLE gateway.users
    ADD COLUMN support_until timestamptz; -- until then whoever sees as them may also act and export; NULL: never
CREATE INDEX sessions_by_seen ON gateway.sessions (sees_user_id) WHERE sees_user_id IS NOT NULL;

-- Whoever begins to see somebody, or ceases to, is answered anew.
CREATE TRIGGER session_sees AFTER UPDATE ON gateway.sessions
    FOR EACH ROW
    WHEN (OLD.sees_user_id IS DISTINCT FROM NEW.sees_user_id OR OLD.sees_until IS DISTINCT FROM NEW.sees_until)
    EXECUTE FUNCTION gateway.notify_session();

-- Who is no admin any more sees nobody, and nobody sees as an admin: however somebody became one.
CREATE FUNCTION gateway.end_sight() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE gateway.sessions SET sees_user_id = NULL, sees_until = NULL
    WHERE sees_user_id IS NOT NULL AND (user_id = NEW.id OR sees_user_id = NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER admin_changed AFTER UPDATE OF is_admin ON gateway.users
    FOR EACH ROW WHEN (OLD.is_admin IS DISTINCT FROM NEW.is_admin)
    EXECUTE FUNCTION gateway.end_sight();

CREATE FUNCTION gateway.notify_support() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gateway_access', 'support ' || NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER support_changed AFTER UPDATE OF support_until ON gateway.users
    FOR EACH ROW WHEN (OLD.support_until IS DISTINCT FROM NEW.support_until)
    EXECUTE FUNCTION gateway.notify_support();

---- create above / drop below ----

DROP TRIGGER support_changed ON gateway.users;
DROP FUNCTION gateway.notify_support();
DROP TRIGGER admin_changed ON gateway.users;
DROP FUNCTION gateway.end_sight();
DROP TRIGGER session_sees ON gateway.sessions;
DROP INDEX gateway.sessions_by_seen;
ALTER TABLE gateway.users DROP COLUMN support_until;
ALTER TABLE gateway.sessions DROP COLUMN sees_user_id, DROP COLUMN sees_until;
