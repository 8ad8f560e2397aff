-- name: WantSlice :exec
-- Tells the runner whose slice is about to be used, and by what it is known: 'login' or 'open'. A user
-- without one costs the same.
SELECT pg_notify('slice_wanted', id::text || ' ' || @cause::text) FROM gateway.slices
WHERE user_id = @user_id::bigint AND status = 'assigned';
