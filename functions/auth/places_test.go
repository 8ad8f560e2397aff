package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// kept makes an account for which a place is kept, or was.
func (b *bundle) kept(email string, until time.Time) (user int64) {
	b.t.Helper()
	if err := b.db.Pool.QueryRow(b.t.Context(), "INSERT INTO gateway.users (email, password_hash, subscription_status, place_until) VALUES ($1, '-', 'unpaid', $2) RETURNING id", email, until).Scan(&user); err != nil {
		b.t.Fatal(err)
	}
	return user
}

// match serves all who wait and can be: whoever registers does.
func (b *bundle) match() {
	b.t.Helper()
	b.register(fmt.Sprintf("passer-by-%d@example.com", b.count("SELECT count(*) FROM gateway.users")))
}

func (b *bundle) has(user int64) bool {
	b.t.Helper()
	return b.count("SELECT count(*) FROM gateway.slices WHERE user_id = $1", user) == 1
}

func TestWhoPaysFirstHasNoSliceBefore(t *testing.T) {
	b := setup(t)
	b.auth.Paid, b.auth.TrialDays = true, 0
	b.slice()
	got := b.register("ann@example.com")
	if got.status != http.StatusCreated || got.me.Slice != nil || got.me.Waiting != nil || got.me.User.SubscriptionStatus != "unpaid" || got.me.User.TrialEndsAt != nil || got.cookie == nil {
		t.Errorf("%+v", got)
	}
	if n := b.count("SELECT count(*) FROM gateway.users WHERE trial_ends_at IS NULL AND waiting_since IS NULL AND settle_at IS NULL"); n != 1 {
		t.Error("something is due for it")
	}
	if n := b.count("SELECT count(*) FROM gateway.slices WHERE status = 'available'"); n != 1 {
		t.Error("the slice was given away")
	}
	for _, test := range []struct {
		paid bool
		days int
		want string
	}{
		{true, 0, `{"enabled":true,"payFirst":true}`}, {true, 14, `{"enabled":true,"payFirst":false}`},
		{false, 0, `{"enabled":false,"payFirst":false}`}, {false, 14, `{"enabled":false,"payFirst":false}`},
	} {
		b.auth.Paid, b.auth.TrialDays = test.paid, test.days
		if said, _ := json.Marshal(b.do("GET", "/auth/me", "", "Cookie", "session="+got.cookie.Value).me.Billing); string(said) != test.want {
			t.Errorf("paid %v, %d days: the app is told %s, want %s", test.paid, test.days, said, test.want)
		}
	}
}

func TestWhenATrialIsLookedAt(t *testing.T) {
	b := setup(t)
	b.auth.Paid = true
	b.db.Server(t)
	got := b.register("ann@example.com")
	if n := b.count("SELECT count(*) FROM gateway.users WHERE settle_at = trial_ends_at AND subscription_status = 'trial'"); n != 1 {
		t.Error("it is not when it ends")
	}
	b.now = b.now.Add(time.Hour)
	b.slice()
	b.match()
	// Its end has moved, and all that is due before.
	if n := b.count("SELECT count(*) FROM gateway.users WHERE id = $1 AND settle_at = $2 AND trial_ends_at = $3", got.me.User.ID, b.now, got.me.User.TrialEndsAt.Add(time.Hour)); n != 1 {
		t.Error("it is not now, when the slice is there")
	}
}

func TestWhoHasPaidOrIsAboutToComesFirst(t *testing.T) {
	b := setup(t)
	b.room(3)
	first := b.register("first@example.com").me.User.ID
	b.now = b.now.Add(time.Minute)
	paid, paying := b.kept("paid@example.com", b.now.Add(-time.Hour)), b.kept("paying@example.com", b.now.Add(time.Hour))
	b.exec("UPDATE gateway.users SET waiting_since = $1, subscription_status = 'active' WHERE id = $2", b.now.Add(time.Minute), paid)
	b.exec("UPDATE gateway.users SET waiting_since = $1 WHERE id = $2", b.now.Add(2*time.Minute), paying)
	b.now = b.now.Add(3 * time.Minute)
	if w := b.register("last@example.com").me.Waiting; w == nil || w.Position != 4 || !w.Full {
		t.Errorf("the last: %+v", w)
	}
	for i, user := range []int64{paid, paying, first} {
		b.slice()
		b.match()
		if !b.has(user) || b.count("SELECT count(*) FROM gateway.slices WHERE user_id IS NOT NULL") != i+1 {
			t.Errorf("slice %d was not given to user %d", i+1, user)
		}
	}
	if n := b.count("SELECT count(*) FROM gateway.users WHERE place_until IS NOT NULL"); n != 0 {
		t.Errorf("%d places are kept for users who were served", n)
	}
}

func TestAPlaceThatIsKeptIsGivenToNobodyElse(t *testing.T) {
	b := setup(t)
	until := b.now.Add(30 * time.Minute)
	paying := b.kept("paying@example.com", until)
	b.slice()
	b.room(0)
	if places := b.places(); !places.Full || places.Waiting != 0 {
		t.Errorf("%+v", places)
	}
	ann := b.register("ann@example.com")
	if ann.me.Slice != nil || ann.me.Waiting == nil || !ann.me.Waiting.Full {
		t.Fatalf("who comes by: %+v", ann.me)
	}
	// There is room for one more: she gets the one that is ready, and the other is for who pays.
	b.room(1)
	b.match()
	if !b.has(ann.me.User.ID) {
		t.Error("who waits is not served, though there are two places")
	}
	b.slice()
	b.room(0)
	bob := b.register("bob@example.com")
	if bob.me.Slice != nil {
		t.Errorf("bob was given what is kept: %+v", bob.me)
	}
	b.now = until // they have not paid
	b.exec("UPDATE gateway.slices SET last_health_at = $1", b.now)
	b.match()
	if b.count("SELECT count(*) FROM gateway.slices WHERE status = 'available'") != 0 || b.has(paying) {
		t.Error("what is kept no more is given to nobody")
	}
}

func TestManyAtOnceLeaveWhatIsKept(t *testing.T) {
	b := setup(t)
	for i := range 3 {
		b.kept(fmt.Sprintf("paying%d@example.com", i), b.now.Add(time.Hour))
	}
	for range 5 {
		b.slice()
	}
	var everyone sync.WaitGroup
	for i := range 12 {
		everyone.Go(func() { b.register(fmt.Sprintf("user%d@example.com", i)) })
	}
	everyone.Wait()
	if n := b.count("SELECT count(*) FROM gateway.slices WHERE status = 'available'"); n != 3 {
		t.Errorf("%d are left, and three are kept", n)
	}
}

// Who pays first and found no place is told of the next, which is theirs for a day.
func TestPlacesAreOfferedToThoseOnTheList(t *testing.T) {
	b := setup(t)
	b.auth.Paid, b.auth.TrialDays = true, 0
	b.room(0)
	var users []int64
	for i := range 4 {
		users = append(users, b.register(fmt.Sprintf("user%d@example.com", i)).me.User.ID)
	}
	b.exec("UPDATE gateway.users SET wait_listed = true")
	b.exec("UPDATE gateway.users SET held_at = now() WHERE id = $1", users[0]) // whose payment is disputed pays for nothing
	b.match()
	offered := func() int {
		return b.count("SELECT count(*) FROM gateway.users WHERE NOT wait_listed AND place_until = $1", b.now.Add(24*time.Hour))
	}
	if n := offered(); n != 0 {
		t.Errorf("%d on a full server", n)
	}
	b.room(3)
	b.kept("paying@example.com", b.now.Add(time.Hour))
	b.auth.TrialDays = 14
	b.register("trial@example.com") // who waits for a slice has a place before those who are to pay
	if n := offered(); n != 1 {
		t.Fatalf("%d places were offered, want one", n)
	}
	if n := b.count("SELECT count(*) FROM gateway.emails WHERE user_id = $1 AND kind = 'place_free' AND (detail->>'at')::timestamptz = $2 AND sent_at IS NULL", users[1], b.now.Add(24*time.Hour)); n != 1 {
		t.Error("the first of the list is not told until when")
	}
	if !b.places().Full {
		t.Error("what is offered can be had by others")
	}
	b.match()
	if n := b.count("SELECT count(*) FROM gateway.emails WHERE kind = 'place_free'"); n != 1 {
		t.Errorf("%d mails", n)
	}
}
