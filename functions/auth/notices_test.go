package auth_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"slicegate/views"
)

func TestEverybodyIsToldWhatIsAnnouncedAndSoonWillBe(t *testing.T) {
	b := setup(t)
	cookie := b.register("ann@example.com").cookie.String()
	for words, one := range map[string]struct {
		level     string
		from, to  time.Duration
		withdrawn bool
	}{
		"It is now":    {level: "info", from: -time.Hour, to: time.Hour},
		"Mind this":    {level: "warning", from: -time.Minute, to: time.Hour},
		"It is soon":   {level: "info", from: 23 * time.Hour, to: 48 * time.Hour},
		"It is far":    {level: "warning", from: 25 * time.Hour, to: 48 * time.Hour},
		"It was":       {level: "warning", from: -time.Hour, to: 0},
		"It was meant": {level: "warning", from: -time.Hour, to: time.Hour, withdrawn: true},
	} {
		var withdrawn *time.Time
		if one.withdrawn {
			withdrawn = &b.now
		}
		if _, err := b.db.Pool.Exec(context.Background(), "INSERT INTO gateway.announcements (level, words, starts_at, ends_at, withdrawn_at, actor, created_at) VALUES ($1, $2, $3, $4, $5, 'admin:1', $6)",
			one.level, words, b.now.Add(one.from), b.now.Add(one.to), withdrawn, b.now); err != nil {
			t.Fatal(err)
		}
	}
	me := b.do(http.MethodGet, "/auth/me", "", "Cookie", cookie).me
	var told []string
	for _, one := range me.Announcements {
		told = append(told, one.Level+": "+one.Words[0].Text)
	}
	if want := []string{"warning: Mind this", "info: It is now", "info: It is soon"}; !reflect.DeepEqual(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if len(told) > 1 && (!me.Announcements[1].StartsAt.Equal(b.now.Add(-time.Hour)) || !me.Announcements[1].EndsAt.Equal(b.now.Add(time.Hour))) {
		t.Errorf("it is from %s to %s", me.Announcements[1].StartsAt, me.Announcements[1].EndsAt)
	}
	if me.Maintenance != nil {
		t.Errorf("maintenance: %+v", me.Maintenance)
	}
}

// Nobody can use a slice meanwhile: the app that asks again and again keeps none awake.
func TestMaintenanceIsToldAndWakesNoSlice(t *testing.T) {
	b := setup(t)
	b.slice()
	cookie := b.register("ann@example.com").cookie.String()
	conn, err := b.db.Pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, statement := range []string{"LISTEN slice_wanted", "LISTEN gateway_access",
		"INSERT INTO gateway.maintenance (since, until, words, actor) VALUES (now(), now() + interval '1 hour', 'See https://a.example', 'admin:1')"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	got := b.do(http.MethodGet, "/auth/me", "", "Cookie", cookie)
	if got.me.Maintenance == nil || got.me.Maintenance.Until == nil || !reflect.DeepEqual(got.me.Maintenance.Words, []views.Part{{Text: "See "}, {Text: "https://a.example", Link: "https://a.example"}}) {
		t.Errorf("%+v", got.me.Maintenance)
	}
	if got := b.register("bob@example.com"); got.status != http.StatusServiceUnavailable || got.retryAfter != "300" || got.cookie != nil {
		t.Errorf("a new account: %+v", got)
	}
	if _, err := conn.Exec(t.Context(), "DELETE FROM gateway.maintenance"); err != nil {
		t.Fatal(err)
	}
	// What is told comes in order: of the beginning and the end, and of nothing between.
	for range 2 {
		wait, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		notification, err := conn.Conn().WaitForNotification(wait)
		cancel()
		if err != nil || notification.Channel != "gateway_access" || notification.Payload != "maintenance" {
			t.Fatalf("%+v, %v", notification, err)
		}
	}
}
