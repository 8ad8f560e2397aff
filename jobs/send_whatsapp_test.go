package jobs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"slicegate/jobs/alerts"
	"slicegate/views"
)

// phone is a slice that sends what it is told, once for each key.
type phone struct {
	Containers
	down  bool
	says  error
	texts map[string]string
}

func (p *phone) Find(context.Context, int64) (Running, bool, error) { return Running{}, !p.down, nil }

func (p *phone) Tell(_ context.Context, _ Running, text, key string) error {
	if p.says == nil {
		p.texts[key] = text
	}
	return p.says
}

func TestAUserIsToldInTheirOwnWhatsApp(t *testing.T) {
	t.Parallel()
	args := SendWhatsAppArgs{Server: "a", Slice: 12, At: noon, Told: []toldAlert{{
		Kind: alertSliceStorage, Subject: "slice:12", Severity: "warning", Cause: "full", Phase: alerts.Opened,
		Detail: "The storage of 2 GB is full.", Since: noon, Opened: noon,
	}}}
	for _, test := range []struct {
		name  string
		phone phone
		late  time.Duration
		sent  bool
		is    func(error) bool
	}{
		{"a WhatsApp that works", phone{}, 0, true, func(err error) bool { return err == nil }},
		{"one that is away for a moment", phone{says: ErrNotConnected}, 0, false, isSnooze},
		{"one that stays away", phone{says: ErrNotConnected}, 2 * time.Hour, false, isCancel},
		{"a container that is down", phone{down: true}, 0, false, isSnooze},
		{"a backend that fails", phone{says: errors.New("500")}, 0, false, func(err error) bool { return err != nil && !isCancel(err) && !isSnooze(err) }},
		{"an image that cannot", phone{says: &FatalError{errors.New("404")}}, 0, false, isCancel},
	} {
		test.phone.texts = map[string]string{}
		worker := &SendWhatsApp{
			Containers: &test.phone, Letterhead: views.Letterhead{Brand: "Slicegate", AppURL: "https://app.example.com"},
			Clock: func() time.Time { return noon.Add(test.late) },
		}
		for range 2 { // what is sent again comes once
			job := &river.Job[SendWhatsAppArgs]{JobRow: &rivertype.JobRow{Attempt: 1}, Args: args}
			if err := worker.Work(context.Background(), job); !test.is(err) {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if sent := len(test.phone.texts) == 1; sent != test.sent {
			t.Errorf("%s: sent %v", test.name, test.phone.texts)
		}
		for _, text := range test.phone.texts {
			if !strings.HasPrefix(text, "Slicegate") || !strings.Contains(text, "The storage of 2 GB is full.") {
				t.Errorf("%s: %q", test.name, text)
			}
		}
	}
	other := args
	other.At = noon.Add(time.Hour)
	if args.key() == other.key() {
		t.Error("another message has the same key")
	}
}
