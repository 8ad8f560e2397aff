-- name: ExtendTrial :exec
-- From now on, or from when it ends. Who has no slice waits for one.
UPDATE gateway.users u SET trial_ends_at = greatest(u.trial_ends_at, @now::timestamptz) + make_interval(days => @days::integer), settle_at = @now::timestamptz,
    waiting_since = CASE WHEN NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id) THEN coalesce(u.waiting_since, @now::timestamptz) END
WHERE u.id = @id;

-- name: ExtendGrace :exec
-- Of a payment that has failed: from now on, or from when it ends.
UPDATE gateway.users SET grace_until = greatest(grace_ends_at, @now::timestamptz) + make_interval(days => @days::integer), settle_at = @now::timestamptz
WHERE id = @id;

-- name: ReleaseHold :execrows
-- An operator has looked at what was doubted. Zero rows: nothing is.
UPDATE gateway.disputes SET closed_by = @actor::text WHERE user_id = @user_id AND open AND closed_by IS NULL;

-- name: SettleNow :exec
UPDATE gateway.users SET settle_at = @now::timestamptz WHERE id = @id;

-- name: EndAccount :exec
-- As if everything had been over for long: what settles it destroys the slice, and has the account forgotten.
UPDATE gateway.users SET subscription_status = 'cancelled', stripe_customer = NULL, stripe_subscription = NULL, paid_until = NULL, ends_at = NULL,
    trial_ends_at = @trial_ends_at::timestamptz, cancelled_at = @now::timestamptz, delete_after = @now::timestamptz, settle_at = @now::timestamptz,
    waiting_since = NULL, place_until = NULL, put_first_at = NULL, terminate_at = NULL, terminate_by = NULL,
    monthly_price = NULL, monthly_storage = NULL, monthly_discount = NULL, currency = NULL
WHERE id = @id;

-- name: TerminateAccount :exec
-- Nobody gives it a slice any more; the job of the same name does the rest.
UPDATE gateway.users SET terminate_at = @now::timestamptz, terminate_by = @actor::text, waiting_since = NULL, wait_listed = false, place_until = NULL, put_first_at = NULL
WHERE id = @id;

-- name: AccountsToTerminate :many
-- Those whose job has not done it by a time.
SELECT id FROM gateway.users WHERE terminate_at < @before::timestamptz ORDER BY id LIMIT 100;

-- name: DisputesOf :many
SELECT * FROM gateway.disputes WHERE user_id = @user_id ORDER BY opened_at DESC;

-- name: EmailsOf :many
SELECT kind, created_at, sent_at, failed_at, error FROM gateway.emails WHERE user_id = @user_id::bigint ORDER BY id DESC LIMIT 10;

-- name: AuditOf :many
SELECT at, actor, action, detail FROM gateway.audit WHERE subject = @subject ORDER BY id DESC LIMIT 20;
