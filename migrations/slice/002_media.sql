-- Files that messages carry, who writes in a group, and requests that may be repeated.

ALTER TABLE messages
    ADD COLUMN kind        text NOT NULL DEFAULT 'text'
        CHECK (kind IN ('text', 'image', 'video', 'audio', 'voice', 'document', 'sticker', 'other')),
    ADD COLUMN media_state text
        CHECK (media_state IN ('pending', 'stored', 'over_quota', 'too_large', 'gone')),
    ADD COLUMN media_type  text,
    ADD COLUMN media_name  text,
    ADD COLUMN media_bytes bigint CHECK (media_bytes >= 0),
    ADD COLUMN author_id   text,
    ADD COLUMN author_name text,
    -- The Idempotency-Key of the request that wrote it.
    ADD COLUMN request_key text UNIQUE,
    ADD CHECK ((media_state IS NULL) = (media_type IS NULL)),
    ADD CHECK ((author_id IS NULL) = (author_name IS NULL));

-- Files that are still to be fetched, oldest first.
CREATE INDEX messages_media_to_fetch ON messages (at, id) WHERE media_state = 'pending';

---- create above / drop below ----

ALTER TABLE messages
    DROP COLUMN kind, DROP COLUMN media_state, DROP COLUMN media_type, DROP COLUMN media_name,
    DROP COLUMN media_bytes, DROP COLUMN author_id, DROP COLUMN author_name, DROP COLUMN request_key;
