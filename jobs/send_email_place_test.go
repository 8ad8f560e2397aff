package jobs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"slicegate/store"
)

func TestWhoPaysFirstIsToldUntilWhenTheirPlaceIsKept(t *testing.T) {
	o := newOffice(t)
	owe := func(until time.Time) (id int64) {
		t.Helper()
		id, err := store.New(o.db.Pool).OweEmail(t.Context(), store.OweEmailParams{
			UserID: &o.user, Kind: "place_free", Detail: fmt.Appendf(nil, `{"at":%q}`, until.Format(time.RFC3339)), Now: o.now,
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	until := o.now.Add(time.Hour)
	if err := o.send(t.Context(), owe(until), 1); err != nil {
		t.Fatal(err)
	}
	if err := o.send(t.Context(), owe(o.now.Add(-time.Minute)), 1); !isCancel(err) {
		t.Errorf("a place that is kept no more: %v", err)
	}
	if len(o.box.letters) != 1 {
		t.Fatalf("%d mails: one is of a place that is kept no more", len(o.box.letters))
	}
	var said string
	for _, letter := range o.box.letters {
		said = letter.Mail.Text
	}
	if !strings.Contains(said, until.UTC().Format("15:04 UTC on 2 January 2006")) || !strings.Contains(said, "/billing") {
		t.Errorf("it says\n%s", said)
	}
}

func TestOnlyWhoIsInATrialIsToldOfIt(t *testing.T) {
	o := newOffice(t)
	for price, statuses := range map[string]map[string]bool{"$9": {"trial": true, "active": false, "past_due": false}, "": {"trial": false}} {
		o.worker.Letterhead.Terms.Price = price
		for status, told := range statuses {
			o.exec("UPDATE gateway.users SET subscription_status = $2 WHERE id = $1", o.user, status)
			letter, err := o.worker.write(t.Context(), o.email(o.owe("place_free", &o.user)))
			if err != nil || letter == nil {
				t.Fatalf("%+v, %v", letter, err)
			}
			if got := strings.Contains(letter.Mail.Text, "added to your trial"); got != told {
				t.Errorf("price %q, %s: told of a trial: %v", price, status, got)
			}
		}
	}
}
