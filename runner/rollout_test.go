package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"slicegate/config"
	"slicegate/functions/auth"
	"slicegate/functions/session"
	"slicegate/jobs"
	"slicegate/runner/docker/dockertest"
	"slicegate/store"
	"slicegate/store/storetest"
)

// updated is a server with some customers, whose phones are linked, and a warm slice, all of the
// image that FLEET:latest names.
type updated struct {
	*bundle
	client *river.Client[pgx.Tx]
	hands  jobs.Hands
	slices []int64 // the customers'
}

// Instructions on top of the small image: a rollout does not mind what else a slice can do.
const (
	crashes = `ENTRYPOINT ["node", "-e", "console.error('this image is broken'); process.exit(3)"]`
	silent  = `ENTRYPOINT ["node", "-e", "setInterval(() => {}, 1000)"]`
	unready = `ENTRYPOINT ["node", "-e", "require('http').createServer((_, a) => a.end(JSON.stringify({state: 'disconnected', phoneNumber: null, uptime: 1, lastEventAt: null}))).listen(4002)"]`
	mute    = `ENV FLAW=mute`
)

// newFleet makes it with a runner that is stopped again; `change` may be nil.
func newFleet(t *testing.T, customers int, change func(*config.Runner)) *updated {
	t.Helper()
	b := setup(t, func(s *config.Runner) {
		s.MaxSlices, s.SliceImage = customers+3, s.Fleet+":latest"
		if change != nil {
			change(s)
		}
	})
	t.Cleanup(b.removeImages)
	b.build("latest", "")
	client := b.client()
	u := &updated{bundle: b, client: client, hands: b.hands()}
	stop := b.work(u.hands)
	a := &auth.Auth{Pool: b.db.Pool, Jobs: client, Signer: session.NewSigner([32]byte{1}), SessionLife: time.Hour, TrialDays: 14, Clock: time.Now}
	for i := range customers {
		if _, _, _, err := a.Register(context.Background(), fmt.Sprintf("customer%d@example.com", i), "hash"); err != nil {
			t.Fatal(err)
		}
	}
	b.until("everybody has a slice, and the pool is full", 5*time.Minute, func() bool {
		return b.slices("assigned") == customers && b.slices("available") == b.settings.PoolSize
	})
	stop()
	u.exec("UPDATE gateway.sessions SET extended_at = now() - interval '1 hour'")
	rows, err := b.db.Pool.Query(context.Background(), "SELECT id FROM gateway.slices WHERE status = 'assigned' ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	if u.slices, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		t.Fatal(err)
	}
	for _, slice := range u.slices {
		u.scan(slice)
		if err := os.WriteFile(u.file(slice), []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return u
}

func (u *updated) exec(sql string, args ...any) {
	u.t.Helper()
	if _, err := u.db.Pool.Exec(context.Background(), sql, args...); err != nil {
		u.t.Fatal(err)
	}
}

func (u *updated) file(slice int64) string {
	return filepath.Join(u.settings.DataRoot, "slices", fmt.Sprint(slice), "session", "theirs")
}

// scan links the slice's phone.
func (u *updated) scan(slice int64) {
	u.t.Helper()
	u.until("there is a code to scan", time.Minute, func() bool { return u.state(slice) == "qr" })
	running, _, err := u.hands.Containers.Find(context.Background(), slice)
	if err != nil {
		u.t.Fatal(err)
	}
	answer, err := http.Post("http://"+running.Address+":4001/api/simulated/scan", "application/json", strings.NewReader("{}"))
	if err != nil {
		u.t.Fatal(err)
	}
	_ = answer.Body.Close()
	u.until("the phone is linked", time.Minute, func() bool { return u.state(slice) == "ready" })
}

// state is what the slice's backend says; "" if it says nothing.
func (u *updated) state(slice int64) string {
	running, up, err := u.hands.Containers.Find(context.Background(), slice)
	if err != nil || !up {
		return ""
	}
	status, err := u.hands.Containers.Status(context.Background(), running)
	if err != nil {
		return ""
	}
	return status.State
}

// build makes FLEET:tag, each time another one.
func (b *bundle) build(tag, instructions string) {
	b.t.Helper()
	dockertest.BuildSmall(b.t, b.settings.Fleet+":"+tag, fmt.Sprintf("LABEL test=%s\n%s", rand.Text(), instructions))
}

// removeImages takes the fleet's images away, and with them their tags.
func (b *bundle) removeImages() {
	ctx := context.Background()
	dockertest.RemoveContainers(b.t, b.settings.Fleet)
	found, err := b.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("reference", b.settings.Fleet+":*"))})
	if err != nil {
		b.t.Error(err)
	}
	for _, one := range found {
		if _, err := b.api.ImageRemove(ctx, one.ID, image.RemoveOptions{Force: true}); err != nil {
			b.t.Error(err)
		}
	}
}

// id is the engine's of FLEET:tag.
func (u *updated) id(tag string) string {
	u.t.Helper()
	id, err := u.hands.Containers.Identify(context.Background(), u.settings.Fleet+":"+tag)
	if err != nil {
		u.t.Fatal(err)
	}
	return id
}

// start begins a rollout to FLEET:tag, as the command does after its check.
func (u *updated) start(tag string, slice ...*int64) {
	u.t.Helper()
	var alone *int64
	if len(slice) > 0 {
		alone = slice[0]
	}
	id, name, err := pinImage(context.Background(), u.settings, u.settings.Fleet+":"+tag)
	if err == nil {
		_, err = order(context.Background(), u.db.Pool, u.client, "start", jobs.NewRollout{Asked: u.settings.Fleet + ":" + tag, Image: name, ImageID: id, Batch: u.settings.RolloutBatch, Slice: alone})
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

func (u *updated) tell(act string) error {
	_, err := order(context.Background(), u.db.Pool, u.client, act, jobs.NewRollout{})
	return err
}

func (u *updated) must(act string) {
	u.t.Helper()
	if err := u.tell(act); err != nil {
		u.t.Fatal(err)
	}
}

func (u *updated) last() store.Rollout {
	u.t.Helper()
	last, err := u.queries.LastRollout(context.Background())
	if err != nil {
		u.t.Fatal(err)
	}
	return last
}

// ends waits until the rollout has, and looks how.
func (u *updated) ends(state string) store.Rollout {
	u.t.Helper()
	u.until("the rollout ends", 5*time.Minute, func() bool { return u.last().FinishedAt != nil })
	last := u.last()
	if last.State != state {
		u.t.Fatalf("it ended %s, want %s: %s\n%s", last.State, state, last.Reason, u.picture())
	}
	return last
}

func (u *updated) row(slice int64) store.RolloutSlice {
	u.t.Helper()
	row, err := u.queries.RolloutSlice(context.Background(), store.RolloutSliceParams{Rollout: u.last().ID, Slice: slice})
	if err != nil {
		u.t.Fatal(err)
	}
	return row
}

// runs checks that a slice works on an image, with its link and what is theirs.
func (u *updated) runs(slice int64, imageID string) {
	u.t.Helper()
	u.until("the slice is ready", time.Minute, func() bool { return u.state(slice) == "ready" })
	container, there, err := u.hands.Containers.Look(context.Background(), slice)
	if err != nil || !there || container.ImageID != imageID {
		u.t.Errorf("slice %d runs on %s, want %s (%v)", slice, container.ImageID, imageID, err)
	}
	if content, err := os.ReadFile(u.file(slice)); err != nil || string(content) != "theirs" {
		u.t.Errorf("slice %d: their file: %q, %v", slice, content, err)
	}
	row, err := u.queries.SliceByID(context.Background(), slice)
	if err != nil || row.Image != jobs.PinnedName(u.settings.SliceImage, imageID) || row.RecycleAt != nil {
		u.t.Errorf("slice %d: the row says %s, restart %v (%v)", slice, row.Image, row.RecycleAt, err)
	}
}

func TestARollout(t *testing.T) {
	u := newFleet(t, 4, nil)
	ctx, before := context.Background(), u.id("latest")
	suspended, used := u.slices[1], u.slices[0]
	u.work(u.hands)
	if err := pgx.BeginFunc(ctx, u.db.Pool, func(tx pgx.Tx) error {
		return jobs.Give(ctx, tx, u.client, jobs.OrderSuspend, suspended, "operator", time.Now())
	}); err != nil {
		t.Fatal(err)
	}
	u.until("one is suspended", time.Minute, func() bool {
		_, there, err := u.hands.Containers.Look(ctx, suspended)
		return err == nil && !there
	})
	u.exec("UPDATE gateway.sessions SET extended_at = now() + interval '1 hour' WHERE user_id = (SELECT user_id FROM gateway.slices WHERE id = $1)", used)
	pooled := int64(u.count("SELECT id FROM gateway.slices WHERE status = 'available'"))

	// The name that the slices were made of names another image now, as after every build.
	u.build("latest", "")
	after := u.id("latest")
	u.start("latest")
	u.until("all but the one in use are done", 5*time.Minute, func() bool {
		return u.count("SELECT count(*) FROM gateway.rollout_slices WHERE state = 'done'") == 4 && u.row(used).ReachedAt != nil
	})
	if row := u.row(used); row.State != "pending" || u.state(used) != "ready" {
		t.Errorf("the slice in use is %s and %s", row.State, u.state(used))
	}
	var seen bytes.Buffer
	if err := showRollout(ctx, u.db.Pool, u.last().ID, &seen); err != nil || !strings.Contains(seen.String(), "4 of 5: 4 on the new image, 1 not reached") || !strings.Contains(seen.String(), "in use; it is waited for") {
		t.Errorf("%v\n%s", err, seen.String())
	}
	if _, err := order(ctx, u.db.Pool, u.client, "start", jobs.NewRollout{Asked: "other", Image: "other", ImageID: "other", Batch: 5}); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("a second rollout: %v", err)
	}
	u.exec("UPDATE gateway.sessions SET extended_at = now() - interval '1 hour'")
	u.ends("done")
	for _, slice := range u.slices {
		if slice != suspended {
			u.runs(slice, after)
		}
	}
	if container, _, err := u.hands.Containers.Look(ctx, pooled); err != nil || container.ImageID != after {
		t.Errorf("the pool's runs on %s (%v)", container.ImageID, err)
	}
	if _, there, err := u.hands.Containers.Look(ctx, suspended); err != nil || there {
		t.Errorf("the suspended slice runs (%v)", err)
	}
	if _, err := u.hands.Containers.Identify(ctx, jobs.PinnedName(u.settings.SliceImage, before)); err != nil {
		t.Errorf("the old image is not kept: %v", err)
	}

	// One alone, and nobody else before that one was done; the pool's with those that are not in use.
	canary := int64(u.count("SELECT slice_id FROM gateway.rollout_slices WHERE canary"))
	if canary != u.slices[2] || *u.row(canary).Batch != 1 {
		t.Errorf("the canary was slice %d, in batch %d", canary, *u.row(canary).Batch)
	}
	if early := u.count("SELECT count(*) FROM gateway.rollout_slices WHERE asked_at < (SELECT ended_at FROM gateway.rollout_slices WHERE canary)"); early != 1 {
		t.Errorf("%d slices were restarted before the canary was done", early)
	}
	for slice, batch := range map[int64]int32{u.slices[3]: 2, pooled: 2, used: 3} {
		if row := u.row(slice); *row.Batch != batch || *row.WaState != map[bool]string{true: "qr", false: "ready"}[slice == pooled] {
			t.Errorf("slice %d was in batch %d and %s before", slice, *row.Batch, *row.WaState)
		}
	}
	if row := u.row(suspended); !row.Resting || row.Batch != nil || row.State != "done" {
		t.Errorf("the suspended slice: %+v", row)
	}

	// New slices are made of it, and the suspended one comes up on it.
	u.exec("UPDATE gateway.users SET waiting_since = NULL")
	if err := pgx.BeginFunc(ctx, u.db.Pool, func(tx pgx.Tx) error {
		return errors.Join(jobs.Give(ctx, tx, u.client, jobs.OrderResume, suspended, "operator", time.Now()),
			jobs.Give(ctx, tx, u.client, jobs.OrderDestroy, pooled, "operator", time.Now()))
	}); err != nil {
		t.Fatal(err)
	}
	u.until("there is another in the pool", 3*time.Minute, func() bool {
		return u.count("SELECT count(*) FROM gateway.slices WHERE status = 'available' AND id > $1", pooled) == 1
	})
	created := int64(u.count("SELECT id FROM gateway.slices WHERE status = 'available'"))
	if container, _, err := u.hands.Containers.Look(ctx, created); err != nil || container.ImageID != after {
		t.Errorf("a new slice was made of %s (%v)", container.ImageID, err)
	}
	u.runs(suspended, after)
	for action, want := range map[string]int{"rollout.start": 1, "rollout.done": 1, "slice.update": 5} {
		if got := u.count("SELECT count(*) FROM gateway.audit WHERE action = $1", action); got != want {
			t.Errorf("the audit has %s %d times, want %d", action, got, want)
		}
	}

	// And everybody back.
	u.must("rollback")
	u.ends("rolled_back")
	for _, slice := range u.slices {
		u.runs(slice, before)
	}
	if err := u.tell("rollback"); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("back twice: %v", err)
	}
	if of := u.count("SELECT count(*) FROM gateway.servers WHERE image = $1", jobs.PinnedName(u.settings.SliceImage, before)); of != 1 {
		t.Error("new slices are not made of the old image again")
	}
}

// Whatever is wrong with an image: one slice sees it, and is back by itself.
func TestARolloutToABrokenImage(t *testing.T) {
	for name, test := range map[string]struct{ image, words string }{
		"ends":          {crashes, "ended by itself with code 3: this image is broken"},
		"never answers": {silent, "does not answer"},
		"is not ready":  {unready, "was ready before and is not any more: disconnected"},
		"says no more":  {mute, "has said nothing for 8s"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newFleet(t, 2, func(s *config.Runner) {
				s.RolloutAnswer, s.RolloutReady, s.RolloutLife = 15*time.Second, 10*time.Second, 8*time.Second
			})
			before := u.id("latest")
			u.build("latest", test.image)
			u.work(u.hands)
			u.start("latest")
			ended := u.ends("halted")
			if !strings.Contains(ended.Reason, test.words) {
				t.Errorf("it says %q, want %q", ended.Reason, test.words)
			}
			for _, slice := range u.slices {
				u.runs(slice, before)
			}
			if touched := u.count("SELECT count(*) FROM gateway.rollout_slices WHERE asked_at IS NOT NULL OR state <> 'pending'"); touched != 1 {
				t.Errorf("%d slices were touched", touched)
			}
			canary := int64(u.count("SELECT slice_id FROM gateway.rollout_slices WHERE canary"))
			if row := u.row(canary); row.State != "rolled_back" || row.FailedAt == nil {
				t.Errorf("the canary, which was %s before and last heard of at %v, is %+v", *row.WaState, row.HeardAt, row)
			}
			if restarted := u.count("SELECT count(*) FROM gateway.audit WHERE action IN ('slice.update', 'slice.rollback')"); restarted != 2 {
				t.Errorf("%d restarts", restarted)
			}
			if of := u.count("SELECT count(*) FROM gateway.servers WHERE image = $1", jobs.PinnedName(u.settings.SliceImage, before)); of != 1 {
				t.Error("new slices are not made of the old image")
			}
			open := func() int {
				return u.count("SELECT count(*) FROM gateway.alerts WHERE kind = 'rollout.halted' AND closed_at IS NULL")
			}
			if open() != 1 {
				t.Error("nobody is told")
			}
			u.must("rollback")
			if open() != 0 {
				t.Error("the alert is open still after somebody has acted")
			}
		})
	}
}

func TestARolloutIsPausedResumedAndAborted(t *testing.T) {
	u := newFleet(t, 4, func(s *config.Runner) { s.RolloutBatch, s.PoolSize = 1, 0 })
	before := u.id("latest")
	u.build("new", "")
	for _, act := range []string{"pause", "resume", "abort", "rollback"} {
		if err := u.tell(act); !errors.Is(err, jobs.ErrRefused) {
			t.Errorf("%s without a rollout: %v", act, err)
		}
	}
	stop := u.work(u.hands)
	u.start("new")
	ended := func() int { return u.count("SELECT count(*) FROM gateway.rollout_slices WHERE state = 'done'") }
	u.until("the canary is under way", 3*time.Minute, func() bool {
		return u.count("SELECT count(*) FROM gateway.rollout_slices WHERE asked_at IS NOT NULL") == 1
	})
	u.must("pause")
	u.must("pause")
	u.until("the canary is done", 3*time.Minute, func() bool { return ended() == 1 })
	stop()
	// Each look of its job ends in a snooze.
	const looks = "SELECT coalesce(sum((metadata->>'snoozes')::int), 0) FROM river.river_job WHERE kind = 'rollout'"
	looked := u.count(looks)
	stop = u.work(u.hands)
	u.until("another runner has looked twice", time.Minute, func() bool {
		return u.count(looks) > looked+1
	})
	if begun := u.count("SELECT count(*) FROM gateway.rollout_slices WHERE state <> 'pending'"); begun != 1 {
		t.Errorf("%d slices were begun though it is paused", begun)
	}
	u.must("resume")
	u.until("the next is under way", 3*time.Minute, func() bool {
		return u.count("SELECT count(*) FROM gateway.rollout_slices WHERE asked_at IS NOT NULL") == 2
	})
	u.must("abort")
	u.ends("aborted")
	if ended() != 2 {
		t.Errorf("%d slices were finished, want those two that had been begun", ended())
	}
	if err := u.tell("resume"); !errors.Is(err, jobs.ErrRefused) {
		t.Errorf("an aborted one is resumed: %v", err)
	}
	u.must("rollback")
	u.ends("rolled_back")
	for _, slice := range u.slices {
		u.runs(slice, before)
	}
	stop()
	for action, want := range map[string]int{"rollout.pause": 1, "rollout.resume": 1, "rollout.abort": 1, "rollout.rollback": 1, "slice.update": 2, "slice.rollback": 2} {
		if got := u.count("SELECT count(*) FROM gateway.audit WHERE action = $1", action); got != want {
			t.Errorf("the audit has %s %d times, want %d", action, got, want)
		}
	}
}

// Slices that are suspended or destroyed while it is their turn.
func TestARolloutOfSlicesThatLeave(t *testing.T) {
	u := newFleet(t, 2, func(s *config.Runner) { s.PoolSize = 0 })
	ctx := context.Background()
	u.build("new", silent)
	u.work(u.hands)
	u.start("new")
	u.until("the canary is under way", 3*time.Minute, func() bool {
		return u.count("SELECT count(*) FROM gateway.rollout_slices WHERE asked_at IS NOT NULL") == 1
	})
	give := func(order jobs.Order, slice int64) {
		t.Helper()
		if err := pgx.BeginFunc(ctx, u.db.Pool, func(tx pgx.Tx) error {
			return jobs.Give(ctx, tx, u.client, order, slice, "operator", time.Now())
		}); err != nil {
			t.Fatal(err)
		}
	}
	first, second := u.slices[0], u.slices[1]
	if u.row(first).AskedAt == nil { // the other was heard to be ready before it
		first, second = second, first
	}
	give(jobs.OrderSuspend, first)
	u.until("there is another canary", 3*time.Minute, func() bool {
		return u.row(first).State == "done" && u.row(second).AskedAt != nil
	})
	give(jobs.OrderDestroy, second)
	u.ends("done")
	if row := u.row(first); !row.Resting {
		t.Errorf("the suspended: %+v", row)
	}
	if row := u.row(second); row.State != "skipped" {
		t.Errorf("the destroyed: %+v", row)
	}
}

// A runner that is killed in the middle, and another that goes on.
func TestRolloutsKilledAnywhere(t *testing.T) {
	for _, point := range []string{
		"before sql name: PinSliceImage",
		"after sql name: BeginRolloutSlice",
		"after sql name: AskRolloutSlice",
		"after docker DELETE /containers",
		"before sql name: EndRolloutSlice",
		"after sql name: SwitchServerImages",
	} {
		t.Run(point, func(t *testing.T) {
			u := newFleet(t, 2, func(s *config.Runner) { s.PoolSize = 1 })
			before := u.id("latest")
			u.build("latest", "")
			after := u.id("latest")
			u.start("latest")
			u.killedAt(point)
			u.secondRunner(func() { u.ends("done") })
			for _, slice := range u.slices {
				u.runs(slice, after)
				if row := u.row(slice); row.FailedAt != nil || row.FromImage != jobs.PinnedName(u.settings.SliceImage, before) {
					t.Errorf("slice %d: %+v", slice, row)
				}
			}
			// Each was restarted once for it, whoever did what twice.
			if updates := u.count("SELECT count(*) FROM gateway.audit WHERE action = 'slice.update'"); updates != 3 {
				t.Errorf("%d updates of 3 slices", updates)
			}
		})
	}
}

// ask begins a rollout to FLEET:tag as the page does, where the engine is out of reach.
func (u *updated) ask(tag string, slice *int64) store.Rollout {
	u.t.Helper()
	var asked store.Rollout
	if err := pgx.BeginFunc(context.Background(), u.db.Pool, func(tx pgx.Tx) (err error) {
		asked, err = jobs.AskRollout(context.Background(), tx, u.client, jobs.NewRollout{Asked: u.settings.Fleet + ":" + tag, Batch: 5, Slice: slice}, "admin:1", time.Now())
		return err
	}); err != nil {
		u.t.Fatal(err)
	}
	return asked
}

// heard waits until the runner has written something down.
func (u *updated) heard() {
	u.t.Helper()
	u.until("the runner is heard of", time.Minute, func() bool { return u.count("SELECT count(*) FROM gateway.server_telemetry") > 0 })
}

// From the page's row to the end: the runner finds the image, names it, asks it, and takes everybody to it.
func TestARolloutThatARunnerChecks(t *testing.T) {
	u := newFleet(t, 2, func(s *config.Runner) { s.PoolSize = 0 })
	u.build("broken", crashes)
	u.build("new", "")
	u.work(u.hands)
	u.heard()

	u.ask("absent", nil)
	if ended := u.ends("refused"); !strings.HasSuffix(ended.Reason, "the engine has no image "+u.settings.Fleet+":absent: build, load or pull it on that server") || ended.Image != "" {
		t.Errorf("an image that is not there: %+v", ended)
	}
	u.ask("broken", nil)
	if ended := u.ends("refused"); !strings.Contains(ended.Reason, "breaks the slice contract") || !strings.Contains(ended.Checked, "BREAKS: start, ") {
		t.Errorf("a broken image: %+v", ended)
	}
	if n := u.count("SELECT count(*) FROM gateway.rollout_slices") + u.count("SELECT count(*) FROM gateway.rollout_servers"); n != 0 {
		t.Error("something was begun of it")
	}
	u.ask("new", nil)
	ended := u.ends("done")
	if ended.Image != jobs.PinnedName(u.settings.SliceImage, u.id("new")) || !strings.Contains(ended.Checked, "keeps: start, ") || strings.Contains(ended.Checked, "BREAKS") {
		t.Errorf("it is %+v", ended)
	}
	for _, slice := range u.slices {
		u.runs(slice, u.id("new"))
	}
	var seen bytes.Buffer
	if err := showRollout(context.Background(), u.db.Pool, ended.ID, &seen); err != nil || !strings.Contains(seen.String(), "done, 2 of 2: 2 on the new image") {
		t.Errorf("%v\n%s", err, seen.String())
	}
	if n := u.count("SELECT count(*) FROM gateway.servers WHERE engine_version <> '' AND kernel <> '' AND runner_version <> '' AND cores > 0 AND booted_at < now()"); n != 1 {
		t.Error("the server has not said what it is")
	}
}

// One slice alone: to another image and back, and by itself from one that it does not work on.
func TestOneSliceIsTakenToAnotherImage(t *testing.T) {
	u := newFleet(t, 2, func(s *config.Runner) {
		s.RolloutAnswer, s.RolloutReady, s.RolloutLife = 15*time.Second, 10*time.Second, 8*time.Second
	})
	before := u.id("latest")
	first, second := u.slices[0], u.slices[1]
	u.build("new", "")
	u.build("mute", mute)
	u.work(u.hands)
	u.heard()
	// Its user is there, and it is taken all the same.
	u.exec("UPDATE gateway.sessions SET extended_at = now() + interval '1 hour'")
	u.ask("new", &first)
	u.ends("done")
	u.runs(first, u.id("new"))
	alone := func(image string) {
		t.Helper()
		if row, err := u.queries.SliceByID(context.Background(), second); err != nil || row.Image != u.settings.SliceImage {
			t.Errorf("the other slice has the image %s (%v)", row.Image, err)
		}
		container, there, err := u.hands.Containers.Look(context.Background(), second)
		if err != nil || !there || container.ImageID != before {
			t.Errorf("the other slice runs on %s (%v)", container.ImageID, err)
		}
		if n := u.count("SELECT count(*) FROM gateway.servers WHERE image IS NULL"); n != 1 {
			t.Error("new slices are made of another image")
		}
		if n := u.count("SELECT count(*) FROM gateway.audit WHERE action IN ('slice.update', 'slice.rollback') AND subject <> $1", fmt.Sprintf("slice:%d", first)); n != 0 {
			t.Errorf("%d restarts of others", n)
		}
		u.runs(first, u.id(image))
	}
	alone("new")
	u.must("rollback")
	u.ends("rolled_back")
	alone("latest")
	u.start("mute", &first)
	if ended := u.ends("halted"); !strings.Contains(ended.Reason, fmt.Sprintf("slice %d failed: ", first)) {
		t.Errorf("it says %s", ended.Reason)
	}
	alone("latest")
	if n := u.count("SELECT count(*) FROM gateway.alerts WHERE kind = 'rollout.halted' AND closed_at IS NULL AND detail LIKE 'Slice %'"); n != 1 {
		t.Error("nobody is told")
	}
}

// A runner that is killed while it checks, or when it has, and another that goes on.
func TestRolloutsKilledWhileTheirImageIsChecked(t *testing.T) {
	for _, point := range []string{"after sql name: NoteRolloutCheck", "before sql name: PassRolloutCheck", "after sql name: PassRolloutCheck"} {
		t.Run(point, func(t *testing.T) {
			u := newFleet(t, 1, nil)
			u.build("new", "")
			u.exec(`INSERT INTO gateway.server_telemetry (server, timestamp, ram_used_bytes, ram_total_bytes, swap_used_bytes, swap_total_bytes, swap_ram_bytes,
				disk_used_bytes, disk_total_bytes, total_slices, slices_rss_bytes, slices_swap_bytes) VALUES ('test', now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)`)
			u.ask("new", nil)
			u.killedAt(point)
			u.secondRunner(func() { u.ends("done") })
			u.runs(u.slices[0], u.id("new"))
			for action, want := range map[string]int{"rollout.checked": 1, "slice.update": 2, "rollout.done": 1} {
				if got := u.count("SELECT count(*) FROM gateway.audit WHERE action = $1", action); got != want {
					t.Errorf("the audit has %s %d times, want %d", action, got, want)
				}
			}
			if left := u.count("SELECT count(*) FROM gateway.rollouts WHERE checked LIKE '%BREAKS%' OR checked = ''"); left != 0 {
				t.Error("what the check said is not there, or is of the one that was killed")
			}
		})
	}
}

// What the operator sets counts again once it is changed.
func TestSliceImageAfterARollout(t *testing.T) {
	t.Parallel()
	db, ctx := storetest.New(t), context.Background()
	queries := store.New(db.Pool)
	for _, step := range []struct{ does, image, want string }{
		{"starts", "a", "a"},
		{"is rolled", "a", "b"},
		{"starts", "a", "b"},
		{"starts", "c", "c"},
		{"starts", "a", "a"},
	} {
		var err error
		if step.does == "starts" {
			err = queries.RegisterServer(ctx, store.RegisterServerParams{Name: "test", ConfiguredImage: step.image})
		} else {
			_, err = queries.SetServerImage(ctx, store.SetServerImageParams{Name: "test", Image: step.want})
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := queries.ImageOfNewSlices(ctx, store.ImageOfNewSlicesParams{Name: "test", Configured: step.image}); err != nil || got.Image != step.want {
			t.Errorf("%s with %s: %s, want %s (%v)", step.does, step.image, got.Image, step.want, err)
		}
	}
}

// The command as an operator types it: a broken image is refused, and nothing is begun.
func TestTheRolloutCommand(t *testing.T) {
	u := newFleet(t, 1, func(s *config.Runner) { s.PoolSize = 0 })
	ctx := context.Background()
	u.build("broken", crashes)
	u.build("new", "")
	if err := rollout(ctx, u.settings, []string{u.settings.Fleet + ":absent"}); err == nil || !strings.Contains(err.Error(), "no image") {
		t.Errorf("an image that is not there: %v", err)
	}
	if err := rollout(ctx, u.settings, []string{u.settings.Fleet + ":broken"}); err == nil || !strings.Contains(err.Error(), "nothing was started") {
		t.Errorf("a broken image: %v", err)
	}
	if begun := u.count("SELECT count(*) FROM gateway.rollouts"); begun != 0 {
		t.Fatal("a rollout to a broken image was begun")
	}
	u.work(u.hands)
	if err := rollout(ctx, u.settings, []string{u.settings.Fleet + ":new"}); err != nil {
		t.Error(err)
	}
	u.runs(u.slices[0], u.id("new"))
	if err := rollout(ctx, u.settings, []string{"status"}); err != nil {
		t.Error(err)
	}
}

func TestTheWordsOfARollout(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"whatsapp-slice:2": "start", "status": "status", "pause": "pause", "resume": "resume", "abort": "abort", "--rollback": "rollback",
		"-slice 12 whatsapp-slice:2": "start", "--slice 12 sha256:" + strings.Repeat("0", 64): "start",
		"": "", "-skip-check": "", "a b": "", "status now": "", "-slice 12": "", "-slice x whatsapp-slice:2": "", "-slice 0 whatsapp-slice:2": "",
		"-slice 12 --rollback": "", "whatsapp-slice:2 -slice": "",
	} {
		act, wanted, err := parseRollout(strings.Fields(words))
		if act != want || (err == nil) != (want != "") || (act == "start") != (wanted.Asked != "") {
			t.Errorf("%q: %q, %+v, %v", words, act, wanted, err)
		}
		if alone := wanted.Slice != nil && *wanted.Slice == 12; err == nil && alone != strings.Contains(words, "slice 12") {
			t.Errorf("%q is of slice %v", words, wanted.Slice)
		}
	}
}
