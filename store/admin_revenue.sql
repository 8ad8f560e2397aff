-- name: MoneyLines :many
-- What the audit says of how accounts stood and what they paid, the oldest first.
SELECT at, action, subject, detail FROM gateway.audit WHERE action IN ('user.status', 'user.price', 'account.end') ORDER BY id;

-- name: PayingUsers :many
-- Those with a subscription, and whether it has a slice.
SELECT u.id, u.subscription_status, u.monthly_price, u.monthly_storage, u.monthly_discount, u.currency, u.ends_at, u.held_at, u.stripe_read_at,
    EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id) AS has_slice
FROM gateway.users u
WHERE NOT u.is_admin AND u.stripe_subscription IS NOT NULL AND u.subscription_status IN ('active', 'past_due') ORDER BY u.id;

-- name: CountServers :one
SELECT count(*) FROM gateway.servers;

-- name: UsersWithSlices :one
-- Slices that somebody has, whatever they pay.
SELECT count(*) FROM gateway.slices WHERE user_id IS NOT NULL;

-- name: OpenMoneyAlerts :many
SELECT * FROM gateway.alerts WHERE closed_at IS NULL AND (kind LIKE 'billing.%' OR kind LIKE 'stripe.%') ORDER BY opened_at, id;

-- name: LastComparison :one
-- No row: River has forgotten it, or there was none.
SELECT state::text AS state, coalesce(finalized_at, attempted_at, created_at)::timestamptz AS at FROM river.river_job
WHERE kind = 'compare_subscriptions' ORDER BY id DESC LIMIT 1;
