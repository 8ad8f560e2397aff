package alerts

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	timing = Timing{Group: 30 * time.Second, Repeat: 4 * time.Hour, Settle: 5 * time.Minute}
	mail   = Route{User, Email}
	chat   = Route{User, WhatsApp}
	admin  = Route{Admin, Email}
)

// says is what is told, as "user:7 email 1 opened, 2 ended".
func says(tellings []Telling) (lines []string) {
	for _, telling := range tellings {
		var items []string
		for _, item := range telling.Items {
			items = append(items, fmt.Sprint(item.Alert, " ", item.Phase))
		}
		who := telling.Recipient
		if telling.User != 0 {
			who = fmt.Sprint(who, ":", telling.User)
		}
		lines = append(lines, who+" "+telling.Channel+" "+strings.Join(items, ", "))
	}
	return lines
}

func TestWhatIsTold(t *testing.T) {
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	told := func(route Route, ago time.Duration, times int) []Notice {
		return []Notice{{Route: route, Last: noon.Add(-ago), Times: times}}
	}
	for _, test := range []struct {
		name    string
		one     Case
		want    string
		settled bool
	}{
		{"a new one waits for others", Case{Opened: *ago(29 * time.Second), Routes: []Route{mail}}, "", false},
		{"then it is told", Case{Opened: *ago(30 * time.Second), Routes: []Route{mail}}, "user:7 email 1 opened", false},
		{"by each way", Case{Opened: *ago(time.Minute), Routes: []Route{mail, chat}}, "user:7 email 1 opened|user:7 whatsapp 1 opened", false},
		{"by none that is closed", Case{Opened: *ago(time.Hour)}, "", false},
		{"once", Case{Opened: *ago(time.Hour), Routes: []Route{mail}, Notices: told(mail, time.Hour, 1)}, "", false},
		{"again after four hours", Case{Opened: *ago(5 * time.Hour), Routes: []Route{mail}, Notices: told(mail, 4*time.Hour, 1)}, "user:7 email 1 repeated", false},
		{"then after eight", Case{Opened: *ago(12 * time.Hour), Routes: []Route{mail}, Notices: told(mail, 7*time.Hour, 2)}, "", false},
		{"at last once a week", Case{Opened: *ago(9999 * time.Hour), Routes: []Route{mail}, Notices: told(mail, 7*24*time.Hour, 40)}, "user:7 email 1 repeated", false},
		{"an operator every four hours", Case{Opened: *ago(99 * time.Hour), Routes: []Route{admin}, Notices: told(admin, 4*time.Hour, 20)}, "admin email 1 repeated", false},
		{"over before anybody was told", Case{Opened: *ago(time.Hour), Closed: ago(5 * time.Minute), Routes: []Route{mail}}, "", true},
		{"over for a moment", Case{Opened: *ago(time.Hour), Closed: ago(4 * time.Minute), Routes: []Route{mail}, Notices: told(mail, time.Hour, 1)}, "", false},
		{"over, and perhaps not", Case{Opened: *ago(time.Hour), Closed: ago(time.Hour), Pending: true, Routes: []Route{mail}, Notices: told(mail, time.Hour, 1)}, "", false},
		{"over for good", Case{Opened: *ago(time.Hour), Closed: ago(5 * time.Minute), Routes: []Route{mail}, Notices: told(mail, time.Hour, 1)}, "user:7 email 1 ended", true},
		{"an incident stands for it", Case{Opened: *ago(time.Hour), Covered: true, Routes: []Route{mail}}, "", false},
		{"silenced", Case{Opened: *ago(time.Hour), Silenced: true, Routes: []Route{mail}}, "", false},
		{"no repetition while silenced", Case{Opened: *ago(9 * time.Hour), Silenced: true, Routes: []Route{mail}, Notices: told(mail, 8*time.Hour, 1)}, "", false},
		{"acknowledged: admins are told no more", Case{Opened: *ago(99 * time.Hour), Taken: true, Routes: []Route{admin}, Notices: told(admin, 98*time.Hour, 1)}, "", false},
		{"but once, whoever is at it", Case{Opened: *ago(time.Hour), Taken: true, Routes: []Route{admin}}, "admin email 1 opened", false},
		{"users are told as ever", Case{Opened: *ago(5 * time.Hour), Taken: true, Routes: []Route{mail, admin}, Notices: append(told(mail, 4*time.Hour, 1), told(admin, 4*time.Hour, 1)...)}, "user:7 email 1 repeated", false},
		{"and admins when it is over", Case{Opened: *ago(time.Hour), Closed: ago(5 * time.Minute), Taken: true, Routes: []Route{admin}, Notices: told(admin, time.Hour, 1)}, "admin email 1 ended", true},
		{"told before the incident: told of its end", Case{Opened: *ago(time.Hour), Closed: ago(5 * time.Minute), Covered: true, Routes: []Route{mail}, Notices: told(mail, time.Hour, 1)}, "user:7 email 1 ended", true},
	} {
		test.one.ID, test.one.User = 1, 7
		tellings, settled := Tell([]Case{test.one}, timing, noon)
		if got := strings.Join(says(tellings), "|"); got != test.want || (len(settled) == 1) != test.settled {
			t.Errorf("%s: %q, settled %v", test.name, got, settled)
		}
	}
}

func TestWhatIsDueTakesTheRestAlong(t *testing.T) {
	cases := []Case{
		{ID: 1, Opened: noon.Add(-30 * time.Second), Routes: []Route{admin}},
		{ID: 2, Opened: noon, Routes: []Route{admin}},
		{ID: 3, Opened: noon, User: 7, Routes: []Route{mail}},
		{ID: 4, Opened: noon.Add(-time.Minute), User: 8, Routes: []Route{mail}},
	}
	tellings, _ := Tell(cases, timing, noon)
	if got := strings.Join(says(tellings), "|"); got != "admin email 1 opened, 2 opened|user:8 email 4 opened" {
		t.Errorf("%q", got)
	}
}
