-- name: AccountsToForget :many
-- Whose time is over and whose slice is gone, and those who never paid nor ever had one.
SELECT u.id FROM gateway.users u
WHERE NOT u.is_admin AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id)
  AND (u.subscription_status = 'cancelled' AND u.delete_after <= @now::timestamptz
       OR u.subscription_status = 'unpaid' AND u.created_at <= @unpaid_since::timestamptz)
ORDER BY u.id LIMIT 1000;

-- name: AccountToForget :one
-- One of these, held until the transaction ends: nobody gives it back meanwhile. No row: it is none.
SELECT u.* FROM gateway.users u
WHERE u.id = @id AND NOT u.is_admin AND NOT EXISTS (SELECT FROM gateway.slices s WHERE s.user_id = u.id)
  AND (u.subscription_status = 'cancelled' AND u.delete_after <= @now::timestamptz
       OR u.subscription_status = 'unpaid' AND u.created_at <= @unpaid_since::timestamptz)
FOR UPDATE;

-- name: SlicesThatWere :many
-- The slices that somebody has had and that are no more. Their rows do not say so: the audit does.
SELECT s.id FROM gateway.slices s
WHERE s.status = 'destroyed' AND s.id IN (
    SELECT substr(a.subject, 7)::bigint FROM gateway.audit a
    WHERE a.action = 'slice.assign' AND a.subject LIKE 'slice:%' AND a.detail->>'user' = (@user_id::bigint)::text
    UNION SELECT e.slice_id FROM gateway.exports e WHERE e.user_id = @user_id
)
ORDER BY s.id;

-- name: ServersOfExports :many
SELECT DISTINCT server FROM gateway.exports WHERE user_id = @user_id::bigint ORDER BY server;

-- name: ForgetJobs :exec
-- River's own rows of what is over: their args are numbers, their errors may be the words of a mail server.
DELETE FROM river.river_job j WHERE j.finalized_at IS NOT NULL AND (
    j.args->>'slice' = ANY(SELECT unnest(@slices::bigint[])::text)
    OR j.kind IN ('settle_account', 'terminate_account', 'forget_account') AND j.args->>'user' = (@user_id::bigint)::text
    OR j.kind IN ('send_email', 'follow_email') AND j.args->>'email' IN (SELECT e.id::text FROM gateway.emails e WHERE e.user_id = @user_id)
    OR j.kind = 'export' AND j.args->>'export' IN (SELECT e.id::text FROM gateway.exports e WHERE e.user_id = @user_id)
    OR j.kind = 'handle_stripe_event' AND j.args->>'event' IN (
        SELECT e.id FROM gateway.stripe_events e WHERE e.user_id = @user_id OR e.customer = sqlc.narg(customer)::text));

-- name: ForgetStripeEvents :exec
DELETE FROM gateway.stripe_events e
WHERE e.user_id = @user_id::bigint OR e.customer = sqlc.narg(customer)::text OR e.object IN (sqlc.narg(customer)::text, sqlc.narg(subscription)::text);

-- name: ForgetAlerts :exec
-- With the notices of them; an incident that they were part of stays.
DELETE FROM gateway.alerts a WHERE a.user_id = @user_id::bigint OR a.subject = ANY(@subjects::text[]);

-- name: ForgetConditions :exec
DELETE FROM gateway.conditions WHERE subject = ANY(@subjects::text[]);

-- name: ForgetSilences :exec
DELETE FROM gateway.silences WHERE subject = ANY(@subjects::text[]);

-- name: ForgetAdminEmails :exec
-- What the admins were told of these slices.
DELETE FROM gateway.emails e WHERE e.user_id IS NULL AND EXISTS (
    SELECT FROM jsonb_array_elements(CASE jsonb_typeof(e.detail->'told') WHEN 'array' THEN e.detail->'told' ELSE '[]' END) told
    WHERE told->>'subject' = ANY(@subjects::text[]));

-- name: ForgetSlices :exec
-- When slices were used, and what of memory they had then.
WITH a AS (DELETE FROM gateway.telemetry t WHERE t.slice_id = ANY(@slices::bigint[])),
     b AS (DELETE FROM gateway.telemetry_5m t WHERE t.slice_id = ANY(@slices::bigint[])),
     c AS (DELETE FROM gateway.telemetry_1h t WHERE t.slice_id = ANY(@slices::bigint[])),
     d AS (DELETE FROM gateway.reclaims t WHERE t.slice_id = ANY(@slices::bigint[])),
     e AS (DELETE FROM gateway.wakes t WHERE t.slice_id = ANY(@slices::bigint[])),
     f AS (DELETE FROM gateway.meters t WHERE t.slice_id = ANY(@slices::bigint[])),
     g AS (DELETE FROM gateway.starts t WHERE t.slice_id = ANY(@slices::bigint[]))
DELETE FROM gateway.rollout_slices t USING gateway.rollouts r
WHERE t.slice_id = ANY(@slices::bigint[]) AND r.id = t.rollout_id AND r.finished_at IS NOT NULL;

-- name: ForgetUser :execrows
-- With their sessions, mails, links and disputes; their exports lose their user, and are deleted for that.
DELETE FROM gateway.users WHERE id = @id;
