-- The inbox of one slice. Applied with the slice's own role inside its own schema
-- (search_path = slice_N), so no name here carries a schema.

CREATE TABLE contacts (
    id           text PRIMARY KEY,
    name         text NOT NULL,
    phone_number text,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE chats (
    id              text PRIMARY KEY,
    name            text NOT NULL,
    phone_number    text,
    unread          integer NOT NULL DEFAULT 0 CHECK (unread >= 0),
    last_message_at timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX chats_newest_first ON chats (last_message_at DESC NULLS LAST, id);

CREATE TABLE messages (
    id      text PRIMARY KEY,
    chat_id text NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    from_me boolean NOT NULL,
    text    text NOT NULL,
    at      timestamptz NOT NULL,
    -- NULL for a received message.
    ack     text CHECK (ack IN ('pending', 'sent', 'delivered', 'read', 'failed')),
    CHECK (from_me = (ack IS NOT NULL))
);

CREATE INDEX messages_of_chat ON messages (chat_id, at DESC, id DESC);

-- Own messages that are still on their way: what is sent and asked for when a slice becomes ready.
CREATE INDEX messages_on_their_way ON messages (at, id) WHERE ack IN ('pending', 'sent', 'delivered');

-- What the engine must remember across a restart: the linked number, the state of the simulated phone.
CREATE TABLE engine_state (
    key   text PRIMARY KEY,
    value jsonb NOT NULL
);

---- create above / drop below ----

DROP TABLE engine_state, messages, chats, contacts;
