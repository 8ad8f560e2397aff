package jobs

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"slicegate/store"
	"slicegate/store/storetest"
)

// line is slices that want to start, and a clock.
type line struct {
	t     testing.TB
	db    storetest.Database
	turns Turns
	now   time.Time
}

func newLine(t *testing.T, atOnce int) *line {
	t.Parallel()
	l := &line{t: t, db: storetest.New(t), now: time.Now()}
	l.turns = Turns{Pool: l.db.Pool, AtOnce: atOnce, Clock: func() time.Time { return l.now }}
	return l
}

// slice makes one; user "" is for the pool, and one who is there has just used their session.
func (l *line) slice(user string, there bool) store.Slice {
	l.t.Helper()
	ctx, queries := context.Background(), store.New(l.db.Pool)
	slice, err := queries.CreateSlice(ctx, store.CreateSliceParams{Server: l.db.Server(l.t), Image: "none"})
	if err != nil {
		l.t.Fatal(err)
	}
	if user == "" {
		return slice
	}
	account, err := queries.CreateUser(ctx, store.CreateUserParams{Email: user + "@example.com", PasswordHash: "-", Now: l.now})
	if err != nil {
		l.t.Fatal(err)
	}
	used := l.now.Add(-time.Hour)
	if there {
		used = l.now.Add(-time.Minute)
	}
	if err := queries.CreateSession(ctx, store.CreateSessionParams{ID: []byte(fmt.Sprintf("%032d", account.ID)), UserID: account.ID, ExpiresAt: l.now.Add(time.Hour), Now: used}); err != nil {
		l.t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE gateway.users SET waiting_since = NULL WHERE id = $1",
		fmt.Sprintf("UPDATE gateway.slices SET status = 'assigned', user_id = $1, port = %d WHERE id = %d", 5001+2*(slice.ID%1000), slice.ID),
	} {
		if _, err := l.db.Pool.Exec(ctx, statement, account.ID); err != nil {
			l.t.Fatal(err)
		}
	}
	return slice
}

func (l *line) ask(slice store.Slice) bool {
	l.t.Helper()
	l.now = l.now.Add(time.Millisecond)
	granted, err := l.turns.ask(context.Background(), slice)
	if err != nil {
		l.t.Fatal(err)
	}
	return granted
}

func (l *line) end(slice store.Slice) {
	l.t.Helper()
	if err := l.turns.end(context.Background(), slice.ID); err != nil {
		l.t.Fatal(err)
	}
}

func TestWhoIsWaitedForStartsFirst(t *testing.T) {
	l := newLine(t, 1)
	busy := l.slice("", false)
	for range 2 {
		if !l.ask(busy) {
			t.Fatal("the only one has no turn, or has it once only")
		}
	}
	pool, away, there := l.slice("", false), l.slice("away", false), l.slice("there", true)
	line := []store.Slice{pool, away, there}
	for _, slice := range line {
		if l.ask(slice) {
			t.Fatalf("slice %d starts beside another", slice.ID)
		}
	}
	l.end(busy)
	for _, want := range []store.Slice{there, away, pool} {
		var granted []int64
		for _, slice := range line {
			if l.ask(slice) {
				granted = append(granted, slice.ID)
			}
		}
		if !slices.Equal(granted, []int64{want.ID}) {
			t.Fatalf("%v started, want %d alone", granted, want.ID)
		}
		l.end(want)
		line = slices.DeleteFunc(line, func(s store.Slice) bool { return s.ID == want.ID })
	}
}

func TestTurnsOfWhoAsksNoMoreAreLost(t *testing.T) {
	l := newLine(t, 1)
	dead, next := l.slice("dead", true), l.slice("", false)
	if !l.ask(dead) || l.ask(next) {
		t.Fatal("one at a time")
	}
	l.now = l.now.Add(turnLostAfter - time.Second)
	if l.ask(next) {
		t.Error("its turn was taken from it too soon")
	}
	l.now = l.now.Add(2 * time.Second)
	if !l.ask(next) {
		t.Error("one that does not ask any more keeps the turn")
	}
	if l.ask(dead) {
		t.Error("it has two turns when it comes back")
	}
}

func TestAsManyStartAsMay(t *testing.T) {
	l := newLine(t, 3)
	var granted int
	for range 10 {
		if l.ask(l.slice("", false)) {
			granted++
		}
	}
	if granted != 3 {
		t.Errorf("%d start, want 3", granted)
	}
}
