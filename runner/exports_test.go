package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"slicegate/config"
	functions "slicegate/functions/answer"
	"slicegate/functions/billing"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
	"slicegate/store/storetest"
)

// user is who has the slice.
func (c customer) user() int64 {
	return int64(c.count("SELECT min(id) FROM gateway.users"))
}

// export asks for one as the app does.
func (c customer) export() (int64, error) {
	row, err := (&billing.Exports{Pool: c.db.Pool, Jobs: c.client, Clock: time.Now}).Create(context.Background(), session.Visitor{UserID: c.user()})
	return row.ID, err
}

func (c customer) mustExport() int64 {
	c.t.Helper()
	id, err := c.export()
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

// files are those of exports.
func (c customer) files() (names []string) {
	c.t.Helper()
	entries, err := os.ReadDir(filepath.Join(c.settings.DataRoot, "exports"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		c.t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func (c customer) exportIs(id int64, status string) func() bool {
	return func() bool {
		return c.count("SELECT count(*) FROM gateway.exports WHERE id = $1 AND status = $2", id, status) == 1
	}
}

// contents unpacks an export's file whole.
func (c customer) contents(id int64) map[string]string {
	c.t.Helper()
	archive, err := zip.OpenReader(filepath.Join(c.settings.DataRoot, "exports", fmt.Sprintf("%d.zip", id)))
	if err != nil {
		c.t.Fatal(err)
	}
	defer archive.Close()
	contents := map[string]string{}
	for _, file := range archive.File {
		reader, err := file.Open()
		if err != nil {
			c.t.Fatal(err)
		}
		content, err := io.ReadAll(reader) // which holds it against its sum
		if err != nil {
			c.t.Fatalf("%s: %v", file.Name, err)
		}
		contents[file.Name] = string(content)
	}
	return contents
}

// receives puts a message with a file into the data of the slice.
func (c customer) receives(text, file string) {
	c.t.Helper()
	const id = "false_15550109999@c.us_ABCDEF"
	if _, err := storetest.Slices(c.t).Exec(context.Background(), fmt.Sprintf(`
		INSERT INTO slice_%[1]d.chats (id, name) VALUES ('15550109999@c.us', 'Ada');
		INSERT INTO slice_%[1]d.messages (id, chat_id, from_me, kind, text, at, media_state, media_type, media_name, media_bytes)
		VALUES ('%[2]s', '15550109999@c.us', false, 'document', '%[3]s', now(), 'stored', 'text/plain', 'note.txt', %[4]d)`,
		c.slice, id, text, len(file))); err != nil {
		c.t.Fatal(err)
	}
	path := filepath.Join(c.settings.DataRoot, "slices", fmt.Sprint(c.slice), "media", sha256Hex(id))
	if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func TestASliceIsExportedWhetherItRunsOrRests(t *testing.T) {
	c := newCustomerOf(t, func(s *config.Runner) { s.SliceImage = dockertest.Image(t) })
	hands := c.hands()
	c.receives("keep this", "the file")
	c.work(hands)
	c.until("it runs", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderResume, time.Time{}) })
	holds := func(id int64) map[string]string {
		t.Helper()
		contents := c.contents(id)
		var messages []struct{ Text, File string }
		if err := json.Unmarshal([]byte(contents["messages.json"]), &messages); err != nil {
			t.Fatal(err)
		}
		if len(messages) != 1 || messages[0].Text != "keep this" || contents[messages[0].File] != "the file" || !strings.Contains(contents["contacts.csv"], "theirs") {
			t.Errorf("export %d has %v, %v", id, messages, contents)
		}
		return contents
	}

	running := c.mustExport()
	var refusal *functions.Error
	if _, err := c.export(); !errors.As(err, &refusal) || refusal.Code != functions.Conflict {
		t.Errorf("a second one while the first is made: %v", err)
	}
	c.until("the export of a slice that runs", 3*time.Minute, c.exportIs(running, "ready"))
	first := holds(running)
	if n := c.count("SELECT count(*) FROM gateway.exports WHERE id = $1 AND bytes = expected AND bytes > 0 AND expires_at = ready_at + '7 days'", running); n != 1 {
		t.Error("its row does not say how large it is, and until when it is there")
	}
	if n := c.count("SELECT count(*) FROM gateway.emails WHERE kind = 'export_ready' AND once = $1 AND user_id = $2", fmt.Sprintf("export:%d", running), c.user()); n != 1 {
		t.Errorf("%d mails are owed, want 1", n)
	}
	if n := c.count("SELECT count(*) FROM gateway.meters WHERE slice_id = $1 AND last_user_at IS NOT NULL", c.slice); n != 0 {
		t.Error("the export was taken for use by somebody")
	}

	c.must(jobs.OrderSuspend)
	c.until("it is stopped", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderSuspend, time.Time{}) })
	resting := c.mustExport()
	c.until("the export of a slice that rests", 3*time.Minute, c.exportIs(resting, "ready"))
	second := holds(resting)
	if !slices.Equal(sortedKeys(first), sortedKeys(second)) {
		t.Errorf("of a slice that runs %v, of one that rests %v", sortedKeys(first), sortedKeys(second))
	}
	if found := c.onServer()["container"]; slices.Contains(found, c.slice) {
		t.Error("a container of the slice that rests is there")
	}
	c.until("the older file is not kept", 3*time.Minute, func() bool {
		return slices.Equal(c.files(), []string{fmt.Sprintf("%d.zip", resting)}) && c.exportIs(running, "deleted")()
	})

	c.must(jobs.OrderDestroy)
	if _, err := c.export(); !errors.As(err, &refusal) || refusal.Code != functions.Conflict {
		t.Errorf("of a slice that is being destroyed: %v", err)
	}
}

// A slice whose export goes on while it is told to start is not held up, and the export is made all the same.
func TestAStartDoesNotWaitForAnExportOfTheSliceThatRested(t *testing.T) {
	c := newCustomerOf(t, func(s *config.Runner) { s.SliceImage = dockertest.Image(t) })
	hands := c.hands()
	slow := &slowArchives{Archives: hands.Archives, reached: make(chan struct{}), goOn: make(chan struct{})}
	hands.Archives = slow
	c.receives("keep this", strings.Repeat("the file", 1<<20))
	c.work(hands)
	c.must(jobs.OrderSuspend)
	c.until("it is stopped", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderSuspend, time.Time{}) })
	export := c.mustExport()
	select {
	case <-slow.reached:
	case <-time.After(3 * time.Minute):
		t.Fatalf("the export of the slice that rests never began\n%s", c.picture())
	}
	c.must(jobs.OrderResume)
	c.until("it runs, though nobody has read the export to its end", 3*time.Minute, func() bool { return c.holds(hands, jobs.OrderResume, time.Time{}) })
	close(slow.goOn)
	c.until("the export was begun anew, of the slice that runs", 3*time.Minute, c.exportIs(export, "ready"))
	if len(c.contents(export)["messages.json"]) == 0 || !slices.Equal(c.files(), []string{fmt.Sprintf("%d.zip", export)}) {
		t.Errorf("files %v", c.files())
	}
	if c.count("SELECT count(*) FROM river.river_job WHERE kind = 'export' AND array_length(errors, 1) > 0") == 0 {
		t.Error("the export of the slice that rested was not cut off: this test has seen nothing")
	}
}

// slowArchives are read of a slice that rests only when they are told to be.
type slowArchives struct {
	jobs.Archives
	reached, goOn chan struct{}
}

func (s *slowArchives) OfResting(ctx context.Context, spec jobs.Spec) (io.ReadCloser, error) {
	reader, err := s.Archives.OfResting(ctx, spec)
	return &slowReader{ReadCloser: reader, s: s}, err
}

type slowReader struct {
	io.ReadCloser
	s     *slowArchives
	begun bool
}

func (r *slowReader) Read(into []byte) (int, error) {
	if !r.begun {
		r.begun = true
		close(r.s.reached)
		<-r.s.goOn
	}
	return r.ReadCloser.Read(into)
}

func TestAnExportThatIsKilledAnywhereLeavesOneFileAndOneMail(t *testing.T) {
	for _, point := range []string{
		"after sql name: BeginExport", "before sql name: FinishExport", "after sql name: FinishExport", "after sql name: OweEmailOnce",
	} {
		t.Run(point, func(t *testing.T) {
			c := newCustomer(t)
			export := c.mustExport()
			c.killedAt(point)
			c.secondRunner(func() { c.until("it is ready", 3*time.Minute, c.exportIs(export, "ready")) })
			if got := c.files(); !slices.Equal(got, []string{fmt.Sprintf("%d.zip", export)}) {
				t.Errorf("files %v", got)
			}
			c.contents(export)
			if n := c.count("SELECT count(*) FROM gateway.emails WHERE kind = 'export_ready'"); n != 1 {
				t.Errorf("%d mails are owed, want 1", n)
			}
		})
	}
}
