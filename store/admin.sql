-- name: OperatorBySession :one
-- The admin who holds a session. No row: it is nobody's who may sit here, or it is over.
SELECT u.id, u.email, s.second_factor_at, (f.confirmed_at IS NOT NULL)::boolean AS has_factor,
    seen.id AS sees_user_id, seen.email AS sees_email, s.sees_until,
    (SELECT count(*) FROM gateway.recovery_codes c WHERE c.user_id = u.id) AS recovery_codes
FROM gateway.sessions s
JOIN gateway.users u ON u.id = s.user_id AND u.is_admin
LEFT JOIN gateway.second_factors f ON f.user_id = u.id
LEFT JOIN gateway.users seen ON seen.id = s.sees_user_id AND s.sees_until > @now::timestamptz AND NOT seen.is_admin AND s.second_factor_at IS NOT NULL
WHERE s.id = @id AND s.expires_at > @now::timestamptz;

-- name: SecondFactor :one
SELECT * FROM gateway.second_factors WHERE user_id = @user_id;

-- name: LockSecondFactor :one
-- One code of a user is looked at after the other.
SELECT * FROM gateway.second_factors WHERE user_id = @user_id FOR UPDATE;

-- name: OfferSecondFactor :execrows
-- Lets an admin set one up. Zero rows: they have one.
INSERT INTO gateway.second_factors AS f (user_id, setup_hash, setup_until) VALUES (@user_id, @setup_hash, @setup_until::timestamptz)
ON CONFLICT (user_id) DO UPDATE SET setup_hash = excluded.setup_hash, setup_until = excluded.setup_until,
    setup_session = NULL, sealed = NULL, failures = 0, failed_at = NULL
WHERE f.confirmed_at IS NULL;

-- name: BeginSecondFactor :exec
UPDATE gateway.second_factors SET setup_hash = NULL, setup_until = @until::timestamptz, setup_session = @session, sealed = @sealed,
    failures = 0, failed_at = NULL
WHERE user_id = @user_id AND confirmed_at IS NULL;

-- name: ConfirmSecondFactor :exec
UPDATE gateway.second_factors SET confirmed_at = @now::timestamptz, setup_session = NULL, setup_until = NULL WHERE user_id = @user_id;

-- name: NoteCode :exec
-- A code that was right.
UPDATE gateway.second_factors SET last_step = greatest(last_step, @step::bigint), failures = 0, failed_at = NULL WHERE user_id = @user_id;

-- name: NoteWrongCode :exec
UPDATE gateway.second_factors SET failures = @failures, failed_at = @failed_at::timestamptz WHERE user_id = @user_id;

-- name: DropSecondFactor :execrows
DELETE FROM gateway.second_factors WHERE user_id = @user_id;

-- name: AddRecoveryCodes :exec
INSERT INTO gateway.recovery_codes (hash, user_id, made_at) SELECT unnest(@hashes::bytea[]), @user_id, @now::timestamptz;

-- name: DropRecoveryCodes :exec
DELETE FROM gateway.recovery_codes WHERE user_id = @user_id;

-- name: RecoveryCodesMade :one
-- When those that are left were made. No row: none is left.
SELECT made_at FROM gateway.recovery_codes WHERE user_id = @user_id ORDER BY made_at DESC LIMIT 1;

-- name: LockAdmins :many
-- Who is made an admin, and who is one no more, is decided by one at a time.
SELECT id FROM gateway.users WHERE is_admin ORDER BY id FOR UPDATE;

-- name: UseRecoveryCode :execrows
DELETE FROM gateway.recovery_codes WHERE hash = @hash AND user_id = @user_id;

-- name: CountRecoveryCodes :one
SELECT count(*) FROM gateway.recovery_codes WHERE user_id = @user_id;

-- name: PassSecondFactor :exec
UPDATE gateway.sessions SET second_factor_at = @now::timestamptz WHERE id = @id;

-- name: ForgetPasses :exec
-- Without the second factor nobody is seen, either.
UPDATE gateway.sessions SET second_factor_at = NULL, sees_user_id = NULL, sees_until = NULL WHERE user_id = @user_id;

-- name: SetAdmin :execrows
-- Zero rows: it is so already. Whoever is no admin any more is a customer like others from now on.
UPDATE gateway.users SET is_admin = @is_admin, settle_at = CASE WHEN @is_admin THEN settle_at ELSE @now::timestamptz END
WHERE id = @id AND is_admin <> @is_admin;

-- name: ListAdmins :many
SELECT u.id, u.email, u.last_login_at, f.confirmed_at, f.setup_until,
    (SELECT count(*) FROM gateway.recovery_codes c WHERE c.user_id = u.id) AS recovery_codes
FROM gateway.users u LEFT JOIN gateway.second_factors f ON f.user_id = u.id
WHERE u.is_admin ORDER BY u.email;

-- name: CountFailedJobs :one
-- Jobs that were given up: out of attempts, or ended by an error that a repetition cannot mend. One that
-- somebody has cancelled before it failed is none.
SELECT count(*) FROM river.river_job
WHERE finalized_at IS NOT NULL AND (state = 'discarded' OR state = 'cancelled' AND errors IS NOT NULL);

-- name: Servers :many
SELECT * FROM gateway.servers ORDER BY name;

-- name: AlertsOf :many
-- Of one subject, those that are open first, then the newest.
SELECT * FROM gateway.alerts WHERE subject = @subject ORDER BY (closed_at IS NULL) DESC, opened_at DESC, id DESC LIMIT @most;

-- name: AuditLines :many
SELECT * FROM gateway.audit WHERE subject = @subject ORDER BY id DESC LIMIT @most;

-- name: JobsOfSlice :many
SELECT id, kind, state, attempt, max_attempts, created_at, scheduled_at, attempted_at, finalized_at FROM river.river_job
WHERE args @> jsonb_build_object('slice', @slice::bigint) ORDER BY id DESC LIMIT @most;

-- name: JobsByID :many
SELECT id, kind, state FROM river.river_job WHERE id = ANY(@ids::bigint[]) ORDER BY id;

-- name: SessionsOfUser :many
SELECT created_at, extended_at, expires_at, second_factor_at FROM gateway.sessions
WHERE user_id = @user_id AND expires_at > @now::timestamptz ORDER BY extended_at DESC;

-- name: EndSessionsOf :execrows
DELETE FROM gateway.sessions WHERE user_id = @user_id;

-- name: SilenceByID :one
SELECT * FROM gateway.silences WHERE id = @id;

-- name: ForgetPass :exec
UPDATE gateway.sessions SET second_factor_at = NULL, sees_user_id = NULL, sees_until = NULL WHERE id = @id;
