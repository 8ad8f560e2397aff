package proxy

import (
	"context"
	"testing"
	"time"

	"slicegate/functions/session"
	"slicegate/store"
	"slicegate/store/storetest"
)

func TestAnOpenStreamKeepsItsSessionInUse(t *testing.T) {
	t.Parallel()
	db, ctx, began := storetest.New(t), t.Context(), time.Now().Truncate(time.Microsecond)
	queries, now := store.New(db.Pool), began
	user, err := queries.CreateUser(ctx, store.CreateUserParams{Email: "ann@example.com", PasswordHash: "-", Now: began})
	if err != nil {
		t.Fatal(err)
	}
	id := session.ID{1}
	if err := queries.CreateSession(ctx, store.CreateSessionParams{ID: id[:], UserID: user.ID, ExpiresAt: began.Add(time.Hour), Now: began}); err != nil {
		t.Fatal(err)
	}
	p := New(Proxy{Pool: db.Pool, SessionLife: time.Hour, Clock: func() time.Time { return now }})
	tick, left := make(chan time.Time), make(chan struct{})
	open, leave := context.WithCancel(ctx)
	go func() {
		defer close(left)
		p.stay(open, id, user.ID, tick)
	}()
	read := func() store.AccessBySessionRow {
		t.Helper()
		row, err := queries.AccessBySession(ctx, store.AccessBySessionParams{ID: id[:], Now: began})
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	now = began.Add(3 * extendEvery)
	tick <- now
	tick <- now // taken when the first has been dealt with
	if row := read(); !row.ExtendedAt.Equal(now) || !row.ExpiresAt.Equal(now.Add(time.Hour)) {
		t.Errorf("extended at %v until %v, want %v", row.ExtendedAt, row.ExpiresAt, now)
	}
	leave()
	<-left

	// One that was logged out is left: this returns.
	ended := make(chan time.Time, 1)
	ended <- now
	p.stay(ctx, session.ID{2}, user.ID, ended)
}
