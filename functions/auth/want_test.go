package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// The runner hears of a user before their password has been checked, and of one whose app opens.
func TestTheRunnerIsToldWhoseSliceIsWanted(t *testing.T) {
	b := setup(t)
	slice := b.slice()
	const credentials = `{"email": "ann@example.com", "password": "correct horse battery"}`
	registered := b.do(http.MethodPost, "/auth/register", credentials)
	if registered.me.Slice == nil || registered.me.Slice.ID != slice.ID {
		t.Fatalf("%+v", registered)
	}
	conn, err := b.db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), "LISTEN slice_wanted"); err != nil {
		t.Fatal(err)
	}
	told := func() string {
		wait, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		notification, err := conn.Conn().WaitForNotification(wait)
		if err != nil {
			t.Fatal(err)
		}
		return notification.Payload
	}
	for _, try := range []struct {
		what, want string
		do         func() int
	}{
		{"a login", "login", func() int { return b.do(http.MethodPost, "/auth/login", credentials).status }},
		{"a wrong password", "login", func() int {
			return b.do(http.MethodPost, "/auth/login", `{"email": "ann@example.com", "password": "wrong horse battery"}`).status - 201
		}},
		{"an app that opens", "open", func() int { return b.do(http.MethodGet, "/auth/me", "", "Cookie", registered.cookie.String()).status }},
	} {
		if status := try.do(); status != http.StatusOK {
			t.Errorf("%s: %d", try.what, status)
		}
		if got, want := told(), fmt.Sprintf("%d %s", slice.ID, try.want); got != want {
			t.Errorf("%s tells %q, want %q", try.what, got, want)
		}
	}
}
