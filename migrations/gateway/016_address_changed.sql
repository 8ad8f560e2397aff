-- Who had the account's address is told that it has another one.

ALTER TABLE gateway.emails
    DROP CONSTRAINT emails_kind_check,
    ADD CONSTRAINT emails_kind_check CHECK (kind IN ('place_free', 'verify', 'reset', 'password_changed', 'address_changed', 'alert',
        'trial_ends', 'trial_over', 'payment_failed', 'payment_action', 'paused', 'resumed', 'will_end', 'ended',
        'deleted_soon', 'export_ready'));
COMMENT ON COLUMN gateway.emails.address IS 'of one of the admins, or that its user had when it was owed; NULL: it goes to its user''s as it is when it is sent';

---- create above / drop below ----

COMMENT ON COLUMN gateway.emails.address IS NULL;
DELETE FROM gateway.emails WHERE kind = 'address_changed';
ALTER TABLE gateway.emails
    DROP CONSTRAINT emails_kind_check,
    ADD CONSTRAINT emails_kind_check CHECK (kind IN ('place_free', 'verify', 'reset', 'password_changed', 'alert',
        'trial_ends', 'trial_over', 'payment_failed', 'payment_action', 'paused', 'resumed', 'will_end', 'ended',
        'deleted_soon', 'export_ready'));
