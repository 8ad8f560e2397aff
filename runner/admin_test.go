package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/storetest"
)

func TestAnAccountBecomesAnAdminAndACustomerAgain(t *testing.T) {
	t.Parallel()
	ctx, db, now := context.Background(), storetest.New(t), time.Now()
	count := func(query string, args ...any) (n int) {
		t.Helper()
		if err := db.Pool.QueryRow(ctx, query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Pool.Exec(ctx, statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	add := func(email string) (string, error) {
		var out bytes.Buffer
		err := addAdmin(ctx, db.Pool, email, "https://app.example.com", now, &out)
		return out.String(), err
	}
	list := func() string {
		t.Helper()
		var out bytes.Buffer
		if err := listAdmins(ctx, db.Pool, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}

	if _, err := add("ann@example.com"); err == nil || !strings.Contains(err.Error(), "sign up with it first") {
		t.Errorf("without an account: %v", err)
	}
	exec("INSERT INTO gateway.users (email, password_hash) VALUES ('ann@example.com', 'none'), ('bob@example.com', 'none')")
	if got := list(); !strings.Contains(got, "There is no admin") {
		t.Errorf("the list says %s", got)
	}
	said, err := add("Ann@Example.com")
	if err != nil || !strings.Contains(said, "https://app.example.com/admin") {
		t.Fatalf("%v: %s", err, said)
	}
	lines := strings.Fields(said)
	word := lines[len(lines)-1]
	offered := "SELECT count(*) FROM gateway.second_factors f JOIN gateway.users u ON u.id = f.user_id WHERE u.email = 'ann@example.com' AND u.is_admin AND f.setup_hash = $1 AND f.setup_until = $2::timestamptz + interval '1 hour'"
	if len(word) != 26 || count(offered, store.SetupHash(word), now.Truncate(time.Microsecond)) != 1 {
		t.Errorf("%q opens nothing", word)
	}
	if got := count("SELECT count(*) FROM gateway.second_factors f WHERE f::text LIKE '%' || $1 || '%'", word); got != 0 {
		t.Error("the code is stored as it is")
	}
	again, err := add("ann@example.com")
	if err != nil || strings.Contains(again, word) || count(offered, store.SetupHash(word), now.Truncate(time.Microsecond)) != 0 {
		t.Errorf("added again, the code before still counts: %v, %s", err, again)
	}
	if got := list(); !strings.Contains(got, "ann@example.com  not set up") || strings.Contains(got, "bob") {
		t.Errorf("the list says %s", got)
	}

	exec("UPDATE gateway.second_factors SET sealed = '\\x01', confirmed_at = $1", now)
	exec("INSERT INTO gateway.recovery_codes (user_id, hash) SELECT user_id, sha256('x') FROM gateway.second_factors")
	exec("INSERT INTO gateway.sessions (id, user_id, expires_at, second_factor_at) SELECT sha256('y'), id, $1, $1 FROM gateway.users WHERE is_admin", now)
	if _, err := add("ann@example.com"); err == nil || !strings.Contains(err.Error(), "runner admin remove ann@example.com") {
		t.Errorf("an admin with a second factor is added: %v", err)
	}
	if err := removeAdmin(ctx, db.Pool, "bob@example.com", now, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "is no admin") {
		t.Errorf("who is none is removed: %v", err)
	}
	if err := removeAdmin(ctx, db.Pool, "ann@example.com", now, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	for what, query := range map[string]string{
		"admins":                                "SELECT count(*) FROM gateway.users WHERE is_admin",
		"second factors":                        "SELECT count(*) FROM gateway.second_factors",
		"recovery codes":                        "SELECT count(*) FROM gateway.recovery_codes",
		"passes":                                "SELECT count(*) FROM gateway.sessions WHERE second_factor_at IS NOT NULL",
		"who is not looked at by billing again": "SELECT count(*) FROM gateway.users WHERE email = 'ann@example.com' AND settle_at IS NULL",
	} {
		if got := count(query); got != 0 {
			t.Errorf("%d %s are left", got, what)
		}
	}
	if got := count("SELECT count(*) FROM gateway.audit a JOIN gateway.users u ON a.subject = 'user:' || u.id WHERE a.actor = 'operator' AND (a.action = 'admin.add' AND a.detail->'after' = 'true' OR a.action = 'admin.remove')"); got != 3 {
		t.Errorf("%d lines of the audit", got)
	}
}
