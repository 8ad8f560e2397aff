-- A prompt for a passkey that stands between the code and the link is a state of its own.
ALTER TABLE gateway.slices DROP CONSTRAINT slices_wa_state_check;
ALTER TABLE gateway.slices ADD CONSTRAINT slices_wa_state_check CHECK (wa_state IN
    ('starting', 'qr', 'authenticated', 'ready', 'disconnected', 'logged_out', 'passkey', 'restricted', 'failed'));

---- create above / drop below ----

UPDATE gateway.slices SET wa_state = 'disconnected' WHERE wa_state = 'passkey';
ALTER TABLE gateway.slices DROP CONSTRAINT slices_wa_state_check;
ALTER TABLE gateway.slices ADD CONSTRAINT slices_wa_state_check CHECK (wa_state IN
    ('starting', 'qr', 'authenticated', 'ready', 'disconnected', 'logged_out', 'restricted', 'failed'));
