package auth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"slicegate/store"
)

// room says how many slices the server could still make, as its runner does.
func (b *bundle) room(room int32) {
	b.t.Helper()
	if err := store.New(b.db.Pool).NoteRoom(context.Background(), store.NoteRoomParams{Name: b.db.Server(b.t), Room: room}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) count(sql string, args ...any) (n int) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func TestWhoFindsNoPlaceIsToldWhereTheyStand(t *testing.T) {
	b := setup(t)
	b.room(1)
	if places := b.places(); places.Full || places.Waiting != 0 {
		t.Errorf("with room for one: %+v", places)
	}
	first := b.register("first@example.com")
	if w := first.me.Waiting; w == nil || w.Full || w.Position != 1 {
		t.Fatalf("there is room for the first: %+v", w)
	}
	if places := b.places(); !places.Full || places.Waiting != 1 {
		t.Errorf("with the room promised: %+v", places)
	}
	second, third := b.register("second@example.com"), b.register("third@example.com")
	for i, got := range []reply{second, third} {
		if w := got.me.Waiting; got.status != http.StatusCreated || w == nil || !w.Full || w.Position != 2+i {
			t.Errorf("number %d: %+v", 2+i, w)
		}
	}
	// A place for each of the first two: who was told that there was none gets a mail.
	b.now = b.now.Add(time.Hour)
	b.slice()
	b.slice()
	b.register("fourth@example.com") // whoever comes by matches all who wait
	me := b.do("GET", "/auth/me", "", "Cookie", "session="+second.cookie.Value)
	if me.me.Slice == nil || me.me.Waiting != nil {
		t.Fatalf("the second has no place: %+v", me.me)
	}
	if ends, want := me.me.User.TrialEndsAt, second.me.User.TrialEndsAt.Add(time.Hour); !ends.Equal(want) {
		t.Errorf("the trial of who waited for an hour ends at %s, want %s", ends, want)
	}
	if n := b.count("SELECT count(*) FROM gateway.emails e JOIN gateway.users u ON u.id = e.user_id WHERE u.email = 'second@example.com' AND e.kind = 'place_free'"); n != 1 {
		t.Errorf("%d mails for the second", n)
	}
	if n := b.count("SELECT count(*) FROM gateway.emails WHERE kind = 'place_free'"); n != 1 {
		t.Errorf("%d mails, want one: the first was never told that there was no place", n)
	}
	if w := b.do("GET", "/auth/me", "", "Cookie", "session="+third.cookie.Value).me.Waiting; w == nil || w.Position != 1 {
		t.Errorf("the third is next: %+v", w)
	}
}

func TestASliceThatWasNotFoundHealthyLatelyIsNotGivenAway(t *testing.T) {
	b := setup(t)
	slice := b.slice()
	b.now = b.now.Add(store.CheckedWithin + time.Second)
	if got := b.register("ann@example.com"); got.me.Slice != nil {
		t.Fatalf("slice %d was given unchecked", slice.ID)
	}
	if err := store.New(b.db.Pool).NoteHealthy(context.Background(), store.NoteHealthyParams{ID: slice.ID, Version: slice.Version, Now: b.now}); err != nil {
		t.Fatal(err)
	}
	b.register("bob@example.com")
	if n := b.count("SELECT count(*) FROM gateway.slices s JOIN gateway.users u ON u.id = s.user_id WHERE u.email = 'ann@example.com'"); n != 1 {
		t.Error("ann, who came first, did not get it once it was checked")
	}
}

func (b *bundle) places() (places struct {
	Full    bool
	Waiting int
}) {
	b.t.Helper()
	response, err := http.Get(b.server.URL + "/auth/places")
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&places); err != nil {
		b.t.Fatal(err)
	}
	return places
}
