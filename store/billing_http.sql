-- name: BillingByUser :one
-- Where an account stands, and its slice.
SELECT sqlc.embed(u), s.status AS slice_status, coalesce(s.storage_bytes, 0)::bigint AS storage_bytes
FROM gateway.users u LEFT JOIN gateway.slices s ON s.user_id = u.id WHERE u.id = @id;

-- name: KeepPlace :exec
UPDATE gateway.users SET place_until = @until::timestamptz, wait_listed = false WHERE id = @id;

-- name: WaitForPlace :exec
-- Whoever pays first and finds no place is in no line: nothing is owed to them but word of a free one, see OfferPlaces.
UPDATE gateway.users SET wait_listed = true WHERE id = @id;

-- name: NoteCheckoutCustomer :execrows
-- Zero rows: another request has stored one since.
UPDATE gateway.users SET stripe_customer = @customer::text WHERE id = @id AND stripe_customer IS NOT DISTINCT FROM sqlc.narg(known);

-- name: ClaimRefresh :execrows
-- Zero rows: Stripe has just been asked.
UPDATE gateway.users SET refreshed_at = @now::timestamptz
WHERE id = @id AND (refreshed_at IS NULL OR refreshed_at <= @not_since::timestamptz OR refreshed_at > @now::timestamptz);

-- name: TakeStripeEvent :execrows
-- Zero rows: it was told before.
INSERT INTO gateway.stripe_events (id, type, object, customer, user_id, created_at, received_at)
VALUES (@id, @type, @object, sqlc.narg(customer), sqlc.narg(user_id), @created_at, @received_at) ON CONFLICT (id) DO NOTHING;
