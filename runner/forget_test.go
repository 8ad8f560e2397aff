package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
	"slicegate/store/storetest"
)

// allowed are the places in which something of somebody who is forgotten may be found: docs/forgetting.md names them
// to people. Whatever else has something fails the test.
var allowed = map[string][]string{
	// Who did what, for the operator and the courts: numbers that lead to nobody any more.
	"gateway: gateway.audit.subject": {"the number of the slice", "the number of the account"},
	"gateway: gateway.audit.actor":   {"the number of the account"},
}

// TestNothingIsRetained takes somebody through a life with a slice that is real in everything but the phone, then
// destroys it, forgets them, and looks for them in every column of both databases, in every file and name of a file
// below DATA_ROOT, and in all that the engine has.
func TestNothingIsRetained(t *testing.T) {
	const email, password = "ada.lovelace@example.com", "correct-horse-hash"
	c := newCustomerOf(t, func(s *config.Runner) { s.SliceImage, s.PoolSize = dockertest.Image(t), 1 })
	ctx := context.Background()
	hands := c.hands()
	user := c.user()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := c.db.Pool.Exec(ctx, sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("UPDATE gateway.users SET email = $1, password_hash = $2, stripe_customer = 'cus_ada', stripe_subscription = 'sub_ada', action_url = 'https://pay.example.com/ada' WHERE id = $3", email, password, user)
	c.work(hands)
	c.until("it runs", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderResume, time.Time{}) })

	// They link a phone, write, receive, and take a copy.
	phone := c.links(hands)
	c.asks("POST", "/api/simulated/receive", map[string]any{"from": "+15550109999", "name": "Charles", "text": "for " + email, "file": map[string]any{"kind": "document", "bytes": 4000, "name": email + ".txt"}})
	c.asks("POST", "/api/messages", map[string]any{"to": "+15550109999", "text": "from " + phone})
	c.until("the row has their number", 3*time.Minute, func() bool {
		if _, err := c.client.Insert(ctx, jobs.CheckArgs{Server: c.settings.Server, Due: time.Now()}, nil); err != nil {
			t.Fatal(err)
		}
		return c.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND wa_phone = $2", c.slice, phone) == 1
	})
	export := c.mustExport()
	c.until("the export is ready", 3*time.Minute, c.exportIs(export, "ready"))
	c.isKnownEverywhere(user, email, phone)

	// What they leave in the places that only a long life fills.
	sum := sha256Hex(email)
	exec("INSERT INTO gateway.sessions (id, user_id, expires_at) VALUES (decode($1, 'hex'), $2, now() + '1 day')", sum, user)
	exec("INSERT INTO gateway.login_failures (email_hash, failures, first_at) VALUES (decode($1, 'hex'), 2, now())", sum)
	exec("INSERT INTO gateway.stripe_events (id, type, object, customer, created_at, received_at) VALUES ('evt_1', 'customer.updated', 'cus_ada', 'cus_ada', now(), now()), ('evt_2', 'x', 'sub_ada', NULL, now(), now())")
	exec("INSERT INTO gateway.disputes (id, user_id, kind, status, open, opened_at) VALUES ('dp_1', $1, 'dispute', 'lost', true, now())", user)
	exec(fmt.Sprintf(`WITH a AS (INSERT INTO gateway.alerts (kind, subject, severity, detail, user_id, closed_at, settled_at) VALUES ('slice.disconnected', 'slice:%d', 'warning', 'slice-%d of %s', %d, now(), now()) RETURNING id)
		INSERT INTO gateway.notices (alert_id, recipient, channel, first_at, last_at) SELECT id, 'user', 'email', now(), now() FROM a`, c.slice, c.slice, email, user))
	exec("INSERT INTO gateway.conditions (kind, subject, server, since) VALUES ('slice.storage', $1, 'elsewhere', now())", fmt.Sprintf("slice:%d", c.slice))
	exec("INSERT INTO gateway.silences (subject, starts_at, ends_at, reason, actor) VALUES ($1, now(), now(), 'moved by ' || $2::text, 'operator')", fmt.Sprintf("slice:%d", c.slice), email)
	exec("INSERT INTO gateway.emails (user_id, kind, detail, sent_at, error) VALUES ($1, 'alert', '{}', now(), 'no such mailbox: ' || $2::text)", user, email)
	exec("INSERT INTO gateway.emails (address, kind, detail, sent_at) VALUES ('admin@example.com', 'alert', jsonb_build_object('told', jsonb_build_array(jsonb_build_object('subject', $1::text, 'detail', $2::text))), now())", fmt.Sprintf("slice:%d", c.slice), "slice-"+fmt.Sprint(c.slice))
	exec("WITH e AS (INSERT INTO gateway.emails (user_id, kind, sent_at) VALUES ($1, 'reset', now()) RETURNING id) INSERT INTO gateway.password_resets (email_id, user_id, requested_at) SELECT id, $1, now() FROM e", user)
	for _, table := range []string{"telemetry_5m", "telemetry_1h"} {
		exec("INSERT INTO gateway."+table+` (slice_id, timestamp, started_at, samples, rss_bytes, rss_max_bytes, swap_bytes, swap_max_bytes, idle_samples,
			known_samples, ready_samples, ready_seconds, swapped_ready_seconds, disconnects, swapped_disconnects) VALUES ($1, now(), now(), 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0)`, c.slice)
	}
	exec("INSERT INTO gateway.wakes (slice_id, at, cause, rss_before, swap_before, prefetched_bytes, prefetch_us) VALUES ($1, now(), 'login', 1, 1, 1, 1)", c.slice)
	exec("INSERT INTO gateway.reclaims (slice_id, at, kind, asked_bytes, given_bytes, took_us, rss_before, rss_after, swap_after, refaults_before, pressure_before_us, pressure_after_us, reason) VALUES ($1, now(), 'step', 1, 1, 1, 1, 1, 1, 1, 1, 1, 'idle')", c.slice)
	exec("INSERT INTO river.river_job (kind, queue, state, args, max_attempts, finalized_at, errors, scheduled_at) SELECT 'send_email', 'mail', 'discarded', jsonb_build_object('email', id), 1, now(), ARRAY[jsonb_build_object('error', 'no such mailbox: ' || $2::text)], now() FROM gateway.emails WHERE user_id = $1 AND kind = 'reset'", user, email)

	c.must(jobs.OrderDestroy)
	c.until("it is destroyed", 3*time.Minute, func() bool { return c.row().Status == "destroyed" })
	forget := func() {
		if _, err := c.client.Insert(ctx, jobs.ForgetAccountArgs{User: user}, nil); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	c.until("the job has looked", time.Minute, func() bool {
		return c.count("SELECT count(*) FROM river.river_job WHERE kind = 'forget_account' AND state = 'completed'") == 1
	})
	if c.accounts(email) == 0 {
		t.Fatal("an account that is not cancelled was forgotten")
	}
	exec("UPDATE gateway.users SET subscription_status = 'cancelled', cancelled_at = now(), delete_after = now() WHERE id = $1", user)
	forget()
	c.until("they are forgotten, and their files are deleted", 3*time.Minute, func() bool {
		return c.accounts(email) == 0 && len(c.files()) == 0 && c.count("SELECT count(*) FROM gateway.exports") == 0
	})
	// A job that failed, and names a slice in its error, is over within the day by River's own rule.
	c.until("what the jobs were at is over", time.Minute, func() bool {
		return c.count("SELECT count(*) FROM river.river_job WHERE state IN ('running', 'available') AND kind NOT IN ('fan_out') AND args->>'slice' = $1", fmt.Sprint(c.slice)) == 0
	})

	wanted := map[string]string{
		"their address": email, "their number": phone, "their number's digits": strings.TrimPrefix(phone, "+"), "their password": password,
		"their customer at Stripe": "cus_ada", "their subscription": "sub_ada", "their bank's page": "pay.example.com",
		"their address's sum": sum,
		"their schema":        fmt.Sprintf("slice_%d", c.slice), "their container": fmt.Sprintf("-%d", c.slice), "their directory": fmt.Sprintf("slices/%d", c.slice),
		"their messages":          "Charles",
		"the number of the slice": fmt.Sprintf("slice:%d", c.slice), "the number of the account": fmt.Sprintf("user:%d", user),
	}
	l := looking{t: t, wanted: wanted}
	l.database("gateway", c.db.Pool, "")
	l.database("slices", storetest.Slices(t), fmt.Sprintf("slice_%d", c.slice))
	l.files(c.settings.DataRoot)
	l.engine(c.bundle)
	if l.columns < 200 || l.names < 3 {
		t.Errorf("it was looked in %d columns and %d names of files: that is not all there is", l.columns, l.names)
	}
	// What stays names numbers alone.
	if n := c.count("SELECT count(*) FROM gateway.slices WHERE id = $1 AND status = 'destroyed'", c.slice); n != 1 {
		t.Error("the row that says when there was a slice is gone")
	}
	for _, table := range []string{"telemetry", "telemetry_5m", "telemetry_1h", "reclaims", "wakes", "meters", "starts"} {
		if n := c.count("SELECT count(*) FROM gateway."+table+" WHERE slice_id = $1", c.slice); n != 0 {
			t.Errorf("%s has %d rows of the slice", table, n)
		}
	}
}

func (c customer) accounts(email string) int {
	return c.count("SELECT count(*) FROM gateway.users WHERE email = $1", email)
}

// asks sends a request to the slice as its user would.
func (c customer) asks(method, path string, body any) []byte {
	c.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequest(method, fmt.Sprintf("http://127.0.0.1:%d%s", *c.row().Port, path), bytes.NewReader(encoded))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		c.t.Fatalf("%s: %s %s %v", path, response.Status, said, err)
	}
	return said
}

// links scans the code, and gives the number of the phone.
func (c customer) links(hands jobs.Hands) (phone string) {
	c.t.Helper()
	status := func() jobs.Said {
		running, up, err := hands.Containers.Find(context.Background(), c.slice)
		if err != nil || !up {
			return jobs.Said{}
		}
		status, _ := hands.Containers.Status(context.Background(), running)
		return status.Said
	}
	c.until("it shows a code", time.Minute, func() bool { return status().State == "qr" })
	c.asks("POST", "/api/simulated/scan", map[string]any{})
	c.until("it is linked", time.Minute, func() bool { return status().State == "ready" })
	return *status().PhoneNumber
}

// isKnownEverywhere makes sure that the search finds what is there.
func (c customer) isKnownEverywhere(user int64, email, phone string) {
	c.t.Helper()
	for what, search := range map[string]func(*looking){
		"the gateway":      func(l *looking) { l.database("gateway", c.db.Pool, "") },
		"the slice's data": func(l *looking) { l.database("slices", storetest.Slices(c.t), fmt.Sprintf("slice_%d", c.slice)) },
		"the files":        func(l *looking) { l.files(c.settings.DataRoot) },
		"the engine":       func(l *looking) { l.engine(c.bundle) },
	} {
		l := looking{t: c.t, quiet: true, wanted: map[string]string{"address": email, "number": phone, "slice": fmt.Sprintf("-%d", c.slice), "directory": fmt.Sprintf("slices/%d", c.slice)}}
		search(&l)
		if l.found == 0 {
			c.t.Errorf("the search does not find user %d in %s, where they are", user, what)
		}
	}
}

// looking is a search for what must not be there.
type looking struct {
	t              testing.TB
	wanted         map[string]string // by what it is
	quiet          bool
	found          int
	columns, names int
}

// in looks at one text, whatever it is encoded as.
func (l *looking) in(place, text string) {
	l.t.Helper()
	for what, wanted := range l.wanted {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(wanted)) || slices.Contains(allowed[place], what) {
			continue
		}
		l.found++
		if !l.quiet {
			l.t.Errorf("%s is in %s: %.200s", what, place, text)
		}
	}
}

// database looks into every column of every table, into the catalogue's names, and the roles. Of a database that
// other tests use too, the schema that is looked for is looked into if it is there.
func (l *looking) database(name string, pool *pgxpool.Pool, schema string) {
	l.t.Helper()
	ctx := context.Background()
	rows, err := pool.Query(ctx, `SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
		AND ($1 = '' OR n.nspname = $1 OR n.nspname = 'public') ORDER BY 1, 2, 3`, schema)
	if err != nil {
		l.t.Fatal(err)
	}
	var columns [][3]string
	for rows.Next() {
		var column [3]string
		if err := rows.Scan(&column[0], &column[1], &column[2]); err != nil {
			l.t.Fatal(err)
		}
		columns = append(columns, column)
	}
	rows.Close()
	for _, column := range columns {
		l.columns++
		place := name + ": " + strings.Join(column[:], ".")
		l.in(place, place)
		sql := fmt.Sprintf(`SELECT string_agg(v::text, E'\n') FROM (SELECT %q AS v FROM %q.%q) x`, column[2], column[0], column[1])
		var text *string
		if err := pool.QueryRow(ctx, sql).Scan(&text); err != nil {
			l.t.Fatalf("%s: %v", place, err)
		}
		if text != nil {
			for _, line := range strings.Split(*text, "\n") {
				l.in(place, line)
			}
		}
	}
	for what, sql := range map[string]string{
		"roles":    "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolname ~ '^slice_[0-9]+$'",
		"schemas":  "SELECT string_agg(nspname, ' ') FROM pg_namespace",
		"settings": "SELECT string_agg(setconfig::text, ' ') FROM pg_db_role_setting",
	} {
		var text *string
		if err := pool.QueryRow(ctx, sql).Scan(&text); err != nil {
			l.t.Fatal(err)
		}
		if text != nil {
			for _, one := range strings.Fields(*text) {
				l.in(name+": "+what, one)
			}
		}
	}
}

// files looks into every file below a folder, and at every name.
func (l *looking) files(root string) {
	l.t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		l.names++
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		l.in("the name of a file", name)
		if !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // another slice's, which lives
		}
		l.in("file "+name, string(content))
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// engine looks at the containers, networks, volumes and images that the engine has.
func (l *looking) engine(b *bundle) {
	l.t.Helper()
	ctx := context.Background()
	containers, err := b.api.ContainerList(ctx, container.ListOptions{All: true})
	networks, err2 := b.api.NetworkList(ctx, network.ListOptions{})
	volumes, err3 := b.api.VolumeList(ctx, volume.ListOptions{})
	images, err4 := b.api.ImageList(ctx, image.ListOptions{All: true})
	for _, err := range []error{err, err2, err3, err4} {
		if err != nil {
			l.t.Fatal(err)
		}
	}
	for _, one := range containers {
		for _, name := range one.Names {
			if strings.Contains(name, b.settings.Fleet) {
				l.in("the name of a container", name)
				found, err := b.api.ContainerInspect(ctx, one.ID)
				if err != nil {
					l.t.Fatal(err)
				}
				l.in("container "+name, strings.Join(found.Config.Env, " ")+fmt.Sprint(found.Config.Labels, found.Mounts))
			}
		}
	}
	for _, one := range networks {
		l.in("network", one.Name+fmt.Sprint(one.Labels))
	}
	for _, one := range volumes.Volumes {
		l.in("volume", one.Name+fmt.Sprint(one.Labels, one.Mountpoint))
	}
	for _, one := range images {
		l.in("image", fmt.Sprint(one.RepoTags, one.Labels))
	}
}
