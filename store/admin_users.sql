-- name: FindUsers :many
-- Those whose address has a text in it, or whose number or slice it is, in a state of payment, or all; the newest
-- first, below an id.
SELECT u.id, u.email, u.is_admin, u.subscription_status, u.trial_ends_at, u.waiting_since, u.created_at, u.last_login_at,
    u.held_at, u.terminate_at, u.ends_at, slice.id AS slice_id, slice.status AS slice_status, slice.last_activity_at
FROM gateway.users u LEFT JOIN gateway.slices slice ON slice.user_id = u.id
WHERE u.id < @below::bigint AND (@part::text = '' OR strpos(u.email, @part) > 0 OR u.id::text = @part OR slice.id::text = @part)
  AND CASE @state::text
    WHEN '' THEN true
    WHEN 'waiting' THEN u.waiting_since IS NOT NULL OR u.wait_listed
    WHEN 'held' THEN u.held_at IS NOT NULL
    WHEN 'admin' THEN u.is_admin
    ELSE u.subscription_status = @state AND NOT u.is_admin END
ORDER BY u.id DESC LIMIT @most;

-- name: CountUserStates :one
-- How many are in each state; admins have none of payment.
SELECT count(*) FILTER (WHERE NOT is_admin AND subscription_status = 'trial') AS trial,
       count(*) FILTER (WHERE NOT is_admin AND subscription_status = 'unpaid') AS unpaid,
       count(*) FILTER (WHERE NOT is_admin AND subscription_status = 'active') AS active,
       count(*) FILTER (WHERE NOT is_admin AND subscription_status = 'past_due') AS past_due,
       count(*) FILTER (WHERE NOT is_admin AND subscription_status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE waiting_since IS NOT NULL OR wait_listed) AS waiting,
       count(*) FILTER (WHERE held_at IS NOT NULL) AS held,
       count(*) FILTER (WHERE is_admin) AS admin
FROM gateway.users;

-- name: WaitingUsers :many
-- Those who wait, in the order in which MatchNext serves them; then those who pay first and are told of a free place,
-- in the order of OfferPlaces.
SELECT u.id, u.email, u.subscription_status, u.created_at, u.waiting_since, u.wait_listed, u.place_until, u.put_first_at
FROM gateway.users u WHERE u.waiting_since IS NOT NULL OR u.wait_listed
ORDER BY u.waiting_since IS NULL, u.put_first_at IS NULL, u.put_first_at DESC,
    coalesce(u.place_until > @now::timestamptz, false) OR u.subscription_status = 'active' DESC, u.waiting_since, u.id
LIMIT 500;

-- name: RoomOfServers :many
-- Where a place could come from.
SELECT s.name, s.room, (SELECT count(*) FROM gateway.slices p WHERE p.server = s.name AND p.status = 'available') AS ready,
    (SELECT count(*) FROM gateway.slices p WHERE p.server = s.name AND p.status = 'provisioning' AND p.moved_from IS NULL) AS made
FROM gateway.servers s ORDER BY s.name;

-- name: PutFirst :execrows
-- Zero rows: they do not wait.
UPDATE gateway.users SET put_first_at = @now::timestamptz WHERE id = @id AND (waiting_since IS NOT NULL OR wait_listed);

-- name: TakeOffList :execrows
-- Zero rows: they do not wait.
UPDATE gateway.users SET waiting_since = NULL, wait_listed = false, place_until = NULL, put_first_at = NULL, settle_at = @now::timestamptz
WHERE id = @id AND (waiting_since IS NOT NULL OR wait_listed);

-- name: EmailsOfUser :many
SELECT id, kind, created_at, sent_at, failed_at, error FROM gateway.emails WHERE user_id = @user_id::bigint ORDER BY id DESC LIMIT @most;

-- name: EmailOfUser :one
SELECT * FROM gateway.emails WHERE id = @id AND user_id = @user_id::bigint;

-- name: AccountStands :one
-- What an admin's act has before and after of an account: nothing that names its user.
SELECT u.subscription_status, u.is_admin, u.trial_ends_at, u.grace_until, u.waiting_since, u.put_first_at, u.held_at, u.terminate_at, u.email_verified_at,
    s.id AS slice_id, s.status AS slice_status, s.suspended_for
FROM gateway.users u LEFT JOIN gateway.slices s ON s.user_id = u.id WHERE u.id = @id;
