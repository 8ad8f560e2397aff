package jobs_test

import (
	"testing"
	"time"

	"slicegate/jobs"
	"slicegate/store/storetest"
)

func TestWhatIsOverIsSwept(t *testing.T) {
	t.Parallel()
	db, now := storetest.New(t), time.Now().Truncate(time.Microsecond)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("INSERT INTO gateway.users (email, password_hash) VALUES ('ann@example.com', 'hash')")
	exec(`INSERT INTO gateway.sessions (id, user_id, expires_at)
		SELECT sha256(name::bytea), users.id, $1::timestamptz + expires FROM gateway.users, (VALUES ('over', '0'::interval), ('good', '1 minute')) s (name, expires)`, now)
	exec(`INSERT INTO gateway.login_failures
		SELECT sha256(name::bytea), 10, $1::timestamptz + first FROM (VALUES ('old', '-1 day'::interval), ('new', '-23 hours')) f (name, first)`, now)
	for _, reset := range []struct {
		expires, used string // "" is NULL
		stays         bool
	}{
		{"", "", true}, // its mail was not sent yet
		{"-10 minutes", "", true},
		{"-1 day", "", false},
		{"-2 days", "-1 day", false},
		{"-2 days", "-23 hours", true},
		{"", "-1 day", false},
	} {
		exec(`WITH mail AS (INSERT INTO gateway.emails (user_id, kind, detail) SELECT id, 'reset', jsonb_build_object('stays', $4::boolean) FROM gateway.users RETURNING id, user_id)
			INSERT INTO gateway.password_resets (email_id, user_id, requested_at, expires_at, used_at)
			SELECT id, user_id, $1::timestamptz - interval '3 days', $1::timestamptz + nullif($2::text, '')::interval, $1::timestamptz + nullif($3::text, '')::interval FROM mail`,
			now, reset.expires, reset.used, reset.stays)
	}
	sweep := jobs.SweepSessions{Pool: db.Pool, Clock: func() time.Time { return now }}
	if err := sweep.Work(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for what, sql := range map[string]string{
		"sessions":        "SELECT count(*) FILTER (WHERE id = sha256('good')), count(*) FROM gateway.sessions",
		"wrong passwords": "SELECT count(*) FILTER (WHERE email_hash = sha256('new')), count(*) FROM gateway.login_failures",
		"resets":          "SELECT count(*) FILTER (WHERE (detail->>'stays')::boolean) - 2, count(*) - 2 FROM gateway.password_resets r JOIN gateway.emails e ON e.id = r.email_id",
	} {
		var right, all int
		if err := db.Pool.QueryRow(t.Context(), sql).Scan(&right, &all); err != nil || right != 1 || all != 1 {
			t.Errorf("%s: %d of those that should stay, %d in all: %v", what, right, all, err)
		}
	}
}
