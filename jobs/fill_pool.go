package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// FillPoolArgs asks for a server's warm pool to be what it should be.
type FillPoolArgs struct {
	Server string `json:"server"`
}

// Kind names the job.
func (FillPoolArgs) Kind() string { return "fill_pool" }

// InsertOpts sends the job to its server. It is not unique: River would drop one that is
// inserted while another is finishing, and with it a slice that somebody waits for. A
// run that finds nothing to do costs a few queries.
func (a FillPoolArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 5}
}

// FillPool asks the pool's slices how they are, gives them to those who wait, orders new ones
// up to PoolSize beyond that, replaces what is old, and sees that each slice on its way has a
// job which works on it.
type FillPool struct {
	river.WorkerDefaults[FillPoolArgs]
	Pool       *pgxpool.Pool
	Hands      Hands
	PoolSize   int           // slices to keep ready
	MaxSlices  int           // on this server, in all
	MaxAge     time.Duration // of a slice that nobody took
	Image      string        // of new slices, where no rollout has set another
	Memory     int64         // bytes that a new slice is reckoned with
	MemoryLeft int64         // bytes that new slices leave available on the server
	Clock      Clock
}

const (
	checkAfter     = 20 * time.Second // since the last time that a pool slice was found healthy
	unhealthyAfter = 5 * time.Minute  // and then it is replaced
)

// NextRetry tries again soon: users may be waiting.
func (w *FillPool) NextRetry(job *river.Job[FillPoolArgs]) time.Time { return soon(job.Attempt) }

// Work matches and orders in one transaction; what is on its way then gets its jobs.
func (w *FillPool) Work(ctx context.Context, job *river.Job[FillPoolArgs]) error {
	server := job.Args.Server
	if err := w.fill(ctx, server); err != nil {
		return fmt.Errorf("fill pool of %s: %w", server, err)
	}
	return nil
}

func (w *FillPool) fill(ctx context.Context, server string) error {
	if err := w.check(ctx, server); err != nil {
		return err
	}
	free, err := w.Hands.Memory.Available()
	if err != nil {
		return fmt.Errorf("read available memory: %w", err)
	}
	err = pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		queries := store.New(tx)
		if err := queries.LockPool(ctx, server); err != nil {
			return err
		}
		if _, err := store.Match(ctx, tx, "job:fill_pool", w.Clock()); err != nil {
			return err
		}
		return w.order(ctx, queries, server, free)
	})
	if err != nil {
		return err
	}
	return w.attend(ctx, server)
}

// check asks the pool's slices that were not asked lately: only who was found healthy is given
// to somebody.
func (w *FillPool) check(ctx context.Context, server string) error {
	queries := store.New(w.Pool)
	pool, err := queries.PoolSlices(ctx, server)
	if err != nil {
		return err
	}
	for _, slice := range pool {
		if slice.LastHealthAt != nil && w.Clock().Sub(*slice.LastHealthAt) < checkAfter {
			continue
		}
		if err := w.healthy(ctx, slice.ID); err != nil {
			slog.WarnContext(ctx, "a slice of the pool is not fit to be given to somebody", "slice", slice.ID, "why", err.Error())
			continue
		}
		if err := queries.NoteHealthy(ctx, store.NoteHealthyParams{ID: slice.ID, Version: slice.Version, Now: w.Clock()}); err != nil {
			return err
		}
	}
	return nil
}

func (w *FillPool) healthy(ctx context.Context, slice int64) error {
	running, up, err := w.Hands.Containers.Find(ctx, slice)
	if err != nil {
		return err
	}
	if !up {
		return errors.New("its container does not run")
	}
	status, err := w.Hands.Containers.Status(ctx, running)
	if err == nil && status.State == "failed" {
		err = errors.New("its WhatsApp says that it has failed")
	}
	return err
}

// order creates the rows of missing slices, lets go of those that are to be replaced, and notes
// how much room is left.
func (w *FillPool) order(ctx context.Context, queries *store.Queries, server string, free int64) error {
	now := w.Clock()
	image, err := queries.ImageOfNewSlices(ctx, store.ImageOfNewSlicesParams{Name: server, Configured: w.Image})
	if err != nil {
		return err
	}
	pool, err := w.count(ctx, queries, server, image, now)
	if err != nil {
		return err
	}
	room := w.room(pool, free)
	missing := min(missingSlices(w.PoolSize, pool), room)
	about, err := queries.ServerByName(ctx, server)
	if err != nil {
		return err
	}
	if about.PoolFailures > 0 {
		missing = min(missing, max(0, 1-pool.coming))
	}
	if about.PoolRetryAt != nil && now.Before(*about.PoolRetryAt) {
		missing = 0
	}
	for range missing {
		if _, err := queries.CreateSlice(ctx, store.CreateSliceParams{Server: server, Image: image.Image}); err != nil {
			return err
		}
	}
	if err := w.replace(ctx, queries, pool, room == 0); err != nil {
		return err
	}
	if err := queries.NoteRoom(ctx, store.NoteRoomParams{Name: server, Room: int32(max(0, room-missing)), MaxSlices: int32(w.MaxSlices)}); err != nil {
		return err
	}
	if pool.waiting > pool.coming+missing && room == 0 {
		return openAlert(ctx, queries, Alert{
			Kind: alertServerFull, Subject: subjectServer(server), Severity: "warning",
			Detail: fmt.Sprintf("People wait for a slice, and this server has no room for more: %d of MAX_SLICES %d are there, %d MB of memory are available.", pool.live, w.MaxSlices, free>>20),
		}, now)
	}
	return closeAlert(ctx, queries, alertServerFull, subjectServer(server), now)
}

// poolState is what a server's pool has, and what is wanted of it.
type poolState struct {
	ready   int           // slices that can be given out and will stay
	coming  int           // that are being made
	live    int           // slices on the server, in all
	waiting int           // users
	kept    int           // places, for users who are about to pay
	worn    []store.Slice // ready ones to be replaced
	sick    []store.Slice // that were not found healthy for long
}

func (w *FillPool) count(ctx context.Context, queries *store.Queries, server string, image store.ImageOfNewSlicesRow, now time.Time) (poolState, error) {
	counts, err := queries.CountPool(ctx, store.CountPoolParams{Server: server, Now: now})
	if err != nil {
		return poolState{}, err
	}
	rows, err := queries.PoolSlices(ctx, server)
	if err != nil {
		return poolState{}, err
	}
	pool := poolState{coming: int(counts.Provisioning), live: int(counts.Live), waiting: int(counts.Waiting), kept: int(counts.Kept)}
	for _, id := range counts.Available {
		i := slices.IndexFunc(rows, func(s store.Slice) bool { return s.ID == id })
		if i < 0 { // given to one of those who were counted as waiting
			pool.ready++
			continue
		}
		slice := rows[i]
		healthyAt := slice.StatusAt
		if slice.LastHealthAt != nil {
			healthyAt = *slice.LastHealthAt
		}
		switch {
		case now.Sub(healthyAt) > unhealthyAfter && now.Sub(slice.StatusAt) > unhealthyAfter:
			pool.sick = append(pool.sick, slice)
		case now.Sub(slice.CreatedAt) > w.MaxAge, slice.Image != image.Image && !image.Changing: // a rollout takes the pool along
			pool.worn = append(pool.worn, slice)
		default:
			pool.ready++
		}
	}
	return pool, nil
}

// missingSlices is how many to order: one for each who waits, or is about to pay, and poolSize beyond, less what
// is ready or on its way.
func missingSlices(poolSize int, pool poolState) int {
	return max(0, poolSize+pool.waiting+pool.kept-pool.ready-pool.coming)
}

// room is how many slices could be made beside those there are: what MAX_SLICES allows, and what
// the memory that is available holds. Those being made have not taken theirs yet.
func (w *FillPool) room(pool poolState, free int64) int {
	byMemory := int((free-w.MemoryLeft)/w.Memory) - pool.coming
	return max(0, min(w.MaxSlices-pool.live, byMemory))
}

// replace destroys what is sick, and what is worn once there is enough that is new, or when there
// is no room to make the new beside the old.
func (w *FillPool) replace(ctx context.Context, queries *store.Queries, pool poolState, full bool) error {
	going := pool.sick
	for _, slice := range pool.worn {
		if pool.ready >= w.PoolSize || full && pool.coming == 0 && len(going) == 0 {
			going = append(going, slice)
		}
	}
	for _, slice := range going {
		_, err := queries.MoveSlice(ctx, store.MoveSliceParams{ID: slice.ID, FromStatuses: []string{"available"}, ToStatus: "destroying"})
		if store.IsNone(err) {
			continue // somebody got it
		}
		if err != nil {
			return err
		}
		if err := queries.RecordSlice(ctx, "job:fill_pool", "slice.replace", slice.ID, map[string]any{"image": slice.Image}); err != nil {
			return err
		}
	}
	return nil
}

// attend enqueues the job of each slice that is being made, moved, cleaned up or destroyed. Jobs are unique
// for each slice, so those that have one keep it; a job that was discarded, or lost with an
// old backup, is replaced. Each is inserted by itself: River locks the row of the job that is
// there already, and several of those locks in one transaction meet its own the other way round.
func (w *FillPool) attend(ctx context.Context, server string) error {
	client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
	if err != nil {
		return err
	}
	queries := store.New(w.Pool)
	provisioning, err := queries.SlicesInStatus(ctx, store.SlicesInStatusParams{Server: server, Statuses: []string{"provisioning"}})
	if err != nil {
		return err
	}
	failed, err := queries.SlicesToRelease(ctx, server)
	if err != nil {
		return err
	}
	destroying, err := queries.SlicesInStatus(ctx, store.SlicesInStatusParams{Server: server, Statuses: []string{"destroying"}})
	if err != nil {
		return err
	}
	var wanted []river.JobArgs
	for _, slice := range provisioning {
		if slice.MovedFrom != nil {
			wanted = append(wanted, MoveArgs{Server: server, Slice: *slice.MovedFrom, To: slice.ID})
		} else {
			wanted = append(wanted, ProvisionArgs{Server: server, Slice: slice.ID})
		}
	}
	for _, slice := range failed {
		wanted = append(wanted, ReleaseArgs{Server: server, Slice: slice})
	}
	for _, slice := range destroying {
		wanted = append(wanted, DestroyArgs{Server: server, Slice: slice.ID})
	}
	for _, args := range wanted {
		if _, err := client.Insert(ctx, args, nil); err != nil {
			return fmt.Errorf("enqueue %s: %w", args.Kind(), err)
		}
	}
	return nil
}
