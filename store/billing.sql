-- name: AccountToSettle :one
-- With the time of Postgres's clock before Stripe is asked.
SELECT u.id, u.is_admin, u.stripe_customer, u.stripe_subscription, clock_timestamp()::timestamptz AS at
FROM gateway.users u WHERE u.id = @id;

-- name: LockedAccount :one
SELECT * FROM gateway.users WHERE id = @id FOR UPDATE;

-- name: WriteAccount :exec
UPDATE gateway.users SET
    subscription_status = @subscription_status, stripe_subscription = sqlc.narg(stripe_subscription)::text,
    paid_until = sqlc.narg(paid_until)::timestamptz, ends_at = sqlc.narg(ends_at)::timestamptz, discounted = @discounted,
    storage_extra = @storage_extra, action_url = sqlc.narg(action_url)::text, grace_ends_at = sqlc.narg(grace_ends_at)::timestamptz,
    cancelled_at = sqlc.narg(cancelled_at)::timestamptz, delete_after = sqlc.narg(delete_after)::timestamptz,
    held_at = sqlc.narg(held_at)::timestamptz, settle_at = sqlc.narg(settle_at)::timestamptz,
    stripe_read_at = @stripe_read_at::timestamptz, monthly_price = sqlc.narg(monthly_price)::bigint, monthly_storage = sqlc.narg(monthly_storage)::bigint,
    monthly_discount = sqlc.narg(monthly_discount)::bigint, currency = sqlc.narg(currency)::text
WHERE id = @id;

-- name: SetWaiting :exec
-- Since when an account waits for a slice; NULL: it does not.
UPDATE gateway.users SET waiting_since = sqlc.narg(since)::timestamptz WHERE id = @id;

-- name: HeldSince :one
-- Since when a user's payments are in doubt. No row: they are not.
SELECT opened_at FROM gateway.disputes WHERE user_id = @user_id AND open AND closed_by IS NULL ORDER BY opened_at LIMIT 1;

-- name: OweEmailOnce :one
-- No row: it is owed, or was sent, already.
INSERT INTO gateway.emails (user_id, kind, detail, once, created_at)
VALUES (@user_id::bigint, @kind, @detail, @once::text, @now::timestamptz) ON CONFLICT (once) DO NOTHING RETURNING id;

-- name: AccountsDue :many
-- Accounts of which something is due to be different, those that wait longest first.
SELECT id FROM gateway.users WHERE settle_at <= @now::timestamptz ORDER BY settle_at, id LIMIT 500;

-- name: PutOffSettle :exec
-- The job that settles an account sets the next time; should it be lost, it is due again.
UPDATE gateway.users SET settle_at = @again::timestamptz WHERE id = ANY(@ids::bigint[]);

-- name: PaidWithoutSlice :many
-- Accounts that are paid and have been waiting for their slice for too long.
SELECT u.id FROM gateway.users u WHERE u.subscription_status = 'active' AND u.held_at IS NULL AND u.waiting_since < @before::timestamptz
ORDER BY u.waiting_since LIMIT 50;

-- name: RunsUnpaid :many
-- Slices that run although nothing is paid for them, and the trial and the grace are over.
SELECT s.id, s.user_id::bigint AS user_id FROM gateway.slices s JOIN gateway.users u ON u.id = s.user_id
WHERE s.status = 'assigned' AND NOT u.is_admin AND (u.subscription_status IN ('unpaid', 'cancelled') OR u.held_at IS NOT NULL
    OR u.subscription_status = 'past_due' AND u.grace_ends_at < @now::timestamptz)
ORDER BY s.id LIMIT 50;

-- name: StripeEvent :one
SELECT * FROM gateway.stripe_events WHERE id = @id;

-- name: NoteStripeEvent :exec
UPDATE gateway.stripe_events SET handled_at = @now::timestamptz WHERE id = @id;

-- name: StripeEventsLeft :many
SELECT id FROM gateway.stripe_events WHERE handled_at IS NULL AND received_at < @before::timestamptz ORDER BY received_at LIMIT 500;

-- name: DropOldStripeEvents :exec
DELETE FROM gateway.stripe_events WHERE handled_at < @before::timestamptz;

-- name: UserByCustomer :one
SELECT id FROM gateway.users WHERE stripe_customer = @customer::text;

-- name: AdoptCustomer :execrows
-- A user's customer at Stripe. Zero rows: they have another one, or it is another's.
UPDATE gateway.users u SET stripe_customer = @customer::text WHERE u.id = @id
    AND (u.stripe_customer IS NULL OR u.stripe_customer = @customer) AND NOT EXISTS (SELECT FROM gateway.users o WHERE o.stripe_customer = @customer AND o.id <> u.id);

-- name: PutDispute :exec
INSERT INTO gateway.disputes (id, user_id, kind, status, open, opened_at) VALUES (@id, @user_id, @kind, @status, @open, @opened_at)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, open = excluded.open;

-- name: AccountsWithCustomer :many
SELECT id, coalesce(stripe_customer, '')::text AS customer, coalesce(stripe_subscription, '')::text AS subscription, subscription_status, paid_until, ends_at, storage_extra,
    coalesce(monthly_price, 0)::bigint AS monthly_price, coalesce(monthly_storage, 0)::bigint AS monthly_storage, coalesce(monthly_discount, 0)::bigint AS monthly_discount, coalesce(currency, '')::text AS currency
FROM gateway.users WHERE stripe_customer IS NOT NULL ORDER BY id;

-- name: SuspendFor :exec
-- Why a slice is suspended; an operator's reason stands.
UPDATE gateway.slices SET suspended_for = @reason::text WHERE id = @id AND status = 'suspended' AND suspended_for IS DISTINCT FROM 'operator';

-- name: StripeEventsLate :one
SELECT count(*) FROM gateway.stripe_events WHERE handled_at IS NULL AND received_at < @before::timestamptz;
