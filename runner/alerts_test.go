package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"slicegate/config"
	"slicegate/jobs"
)

// quick has alerts within seconds.
func quick(settings *config.Runner) {
	settings.CheckEvery, settings.SampleEvery = time.Second, 2*time.Second
	settings.Alerts.WhatsApp, settings.Alerts.Group, settings.Alerts.Settle = 3*time.Second, 0, 2*time.Second
	settings.Mail.Admins = []string{"admin@example.com"}
}

// letters are the texts of the mails about alerts that have left, for one address.
func (b *bundle) letters(to string) (texts []string) {
	b.t.Helper()
	err := filepath.WalkDir(b.settings.Mail.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".json" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var letter struct {
			To      []string
			Subject string
			Text    string
		}
		if err := json.Unmarshal(content, &letter); err != nil {
			return err
		}
		if strings.Contains(strings.Join(letter.To, " "), to) && !strings.HasPrefix(letter.Subject, "Confirm") {
			texts = append(texts, letter.Text)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return texts
}

// ask sends a request to the slice's own port for its user.
func (c customer) ask(method, path, body string) {
	c.t.Helper()
	port := c.count("SELECT port FROM gateway.slices WHERE id = $1", c.slice)
	request, err := http.NewRequest(method, "http://127.0.0.1:"+strconv.Itoa(port)+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s answered %s", method, path, response.Status)
	}
}

// A slice loses its phone; its user is told once, whatever becomes of the runner meanwhile, and once more
// when it is back.
func TestAUserIsToldOfTheirWhatsAppAndThatItIsBack(t *testing.T) {
	c := newCustomerOf(t, quick)
	if _, err := c.db.Pool.Exec(context.Background(), "UPDATE gateway.users SET email_verified_at = now()"); err != nil {
		t.Fatal(err)
	}
	stop := c.work(c.hands())
	c.settled()
	c.ask(http.MethodPost, "/api/simulated/scan", "{}")
	c.until("it counts as connected", time.Minute, func() bool {
		return c.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND wa_connected AND linked_at IS NOT NULL", c.slice) == 1
	})
	c.ask(http.MethodDelete, "/api/data", `{"confirm": "DELETE"}`)
	c.until("its user is told", time.Minute, func() bool { return len(c.letters("customer@example.com")) == 1 })
	if n := c.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND NOT wa_connected", c.slice); n != 1 {
		t.Error("it still counts as connected")
	}
	// A runner that is another neither forgets nor repeats.
	stop()
	stop = c.work(c.hands())
	c.until("it has been checked by the next runner", time.Minute, func() bool {
		return c.count("SELECT count(*) FROM river.river_job WHERE kind = 'notify' AND state = 'completed' AND attempted_by[1] = (SELECT max(attempted_by[1]) FROM river.river_job)") > 1
	})
	if got := c.letters("customer@example.com"); len(got) != 1 {
		t.Errorf("told %q", got)
	}
	c.ask(http.MethodPost, "/api/simulated/scan", "{}")
	c.until("its user is told that it is back", time.Minute, func() bool { return len(c.letters("customer@example.com")) == 2 })
	stop()
	if n := c.count("SELECT count(*) FROM gateway.alerts WHERE closed_at IS NULL AND kind = 'wa.disconnected'"); n != 0 {
		t.Errorf("%d alerts are open", n)
	}
}

// A container that is killed is told of to the operator, and to nobody else.
func TestAnOperatorIsToldOfACrash(t *testing.T) {
	c := newCustomerOf(t, quick)
	c.work(c.hands())
	c.settled()
	if err := c.api.ContainerKill(context.Background(), c.container(), "KILL"); err != nil {
		t.Fatal(err)
	}
	// Of other things too: other tests' schemas belong to nobody here.
	c.until("the operator is told", time.Minute, func() bool { return strings.Contains(strings.Join(c.letters("admin@example.com"), "|"), "slice.down") })
	c.until("it runs again", time.Minute, func() bool {
		inspected, err := c.api.ContainerInspect(context.Background(), c.container())
		return err == nil && inspected.State.Running
	})
	if got := c.letters("customer@example.com"); len(got) != 0 {
		t.Errorf("the user is told %q", got)
	}
}

// A message of the platform's goes by the slice's own WhatsApp, and not while that is away.
func TestASliceTellsItsUser(t *testing.T) {
	c := newCustomer(t)
	hands := c.hands()
	c.work(hands)
	c.settled()
	ctx := context.Background()
	running, up, err := hands.Containers.Find(ctx, c.slice)
	if err != nil || !up {
		t.Fatalf("up %v, %v", up, err)
	}
	if err := hands.Containers.Tell(ctx, running, "Your storage is nearly full.", "alert-1"); err != jobs.ErrNotConnected {
		t.Errorf("without a phone: %v", err)
	}
	c.ask(http.MethodPost, "/api/simulated/scan", "{}")
	if err := hands.Containers.Tell(ctx, running, "Your storage is nearly full.", "alert-1"); err != nil {
		t.Error(err)
	}
}

func TestSilencesByTheCommandLine(t *testing.T) {
	b := setup(t, nil)
	ctx, now := context.Background(), time.Now()
	for name, args := range map[string][]string{
		"no time":      {"-reason", "x"},
		"no reason":    {"-for", "1h"},
		"in the past":  {"-for", "1h", "-in", "-1h", "-reason", "x"},
		"a stray word": {"-for", "1h", "-reason", "x", "y"},
	} {
		if err := silence(ctx, b.db.Pool, args, now, &bytes.Buffer{}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	var out bytes.Buffer
	if err := silence(ctx, b.db.Pool, []string{"-for", "2h", "-kind", "slice.down", "-reason", "kernel update"}, now, &out); err != nil {
		t.Fatal(err)
	}
	if err := listSilences(ctx, b.db.Pool, now, &out); err != nil || strings.Count(out.String(), "alerts slice.down") != 2 || !strings.Contains(out.String(), "kernel update") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := unsilence(ctx, b.db.Pool, "99", now, &out); err == nil {
		t.Error("a silence that is not there is ended")
	}
	if err := unsilence(ctx, b.db.Pool, "1", now, &out); err != nil {
		t.Error(err)
	}
	out.Reset()
	if err := listSilences(ctx, b.db.Pool, now, &out); err != nil || !strings.Contains(out.String(), "Nothing is silenced") {
		t.Errorf("%v: %s", err, out.String())
	}
	if n := b.count("SELECT count(*) FROM gateway.audit WHERE action IN ('silence.add', 'silence.end')"); n != 2 {
		t.Errorf("%d rows in the audit", n)
	}
}
