package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// SetQuotaArgs asks for a slice to be told how much it may store: its user has bought more, or less.
type SetQuotaArgs struct {
	Server string    `json:"server"`
	Slice  int64     `json:"slice"`
	Asked  time.Time `json:"asked,omitzero"` // one that is just finishing may have read what was bought before
}

// Kind names the job.
func (SetQuotaArgs) Kind() string { return "set_quota" }

// InsertOpts sends the job to its server, once for each time that it is asked for.
func (a SetQuotaArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: ServerQueue(a.Server), MaxAttempts: 20, UniqueOpts: onceEach}
}

// Quotas tell slices that run how much they may store.
type Quotas interface {
	// SetQuota sets it, in bytes of media. A FatalError: the image cannot be told while it runs.
	SetQuota(ctx context.Context, running Running, bytes int64) error
}

// SetQuota tells a slice that runs what its quota is. One that does not is told when it starts.
type SetQuota struct {
	river.WorkerDefaults[SetQuotaArgs]
	Pool  *pgxpool.Pool
	Hands Hands
	Quota int64 // of every slice, in bytes, beside what is bought
}

// NextRetry tries again soon: a user may be waiting.
func (w *SetQuota) NextRetry(job *river.Job[SetQuotaArgs]) time.Time { return soon(job.Attempt) }

// Work tells it.
func (w *SetQuota) Work(ctx context.Context, job *river.Job[SetQuotaArgs]) error {
	return withSlice(ctx, w.Pool, job.Args.Slice, func(ctx context.Context, slice store.Slice) error {
		running, up, err := w.Hands.Containers.Find(ctx, slice.ID)
		if err != nil || !up {
			return err
		}
		quota, err := quotaOf(ctx, store.New(w.Pool), slice.ID, w.Quota)
		if err != nil {
			return fmt.Errorf("set quota of slice %d: %w", slice.ID, err)
		}
		err = w.Hands.Quotas.SetQuota(ctx, running, quota)
		var fatal *FatalError
		if errors.As(err, &fatal) {
			slog.WarnContext(ctx, "a slice has its new quota from its next start", "slice", slice.ID, "error", err.Error())
			return river.JobCancel(err)
		}
		if err != nil {
			return fmt.Errorf("set quota of slice %d: %w", slice.ID, err)
		}
		return nil
	})
}

// tellQuotas has slices told that have just said another quota than theirs: their users had bought storage before
// they were given them, or the job that told them was lost.
func (w *Sample) tellQuotas(ctx context.Context, tx pgx.Tx, s *snapshot) error {
	extra, err := extraOf(ctx, store.New(tx), s.server)
	if err != nil {
		return err
	}
	for slice, answer := range s.answers {
		if answer.status == nil || answer.status.Storage == nil || answer.status.Storage.QuotaBytes == w.Quota+extra[slice] {
			continue
		}
		if err := enqueue(ctx, tx, SetQuotaArgs{Server: s.server, Slice: slice}); err != nil {
			return err
		}
	}
	return nil
}

// extraOf is what the users of a server's slices have bought, in bytes.
func extraOf(ctx context.Context, queries *store.Queries, server string) (map[int64]int64, error) {
	rows, err := queries.ExtraStorage(ctx, server)
	if err != nil {
		return nil, err
	}
	extra := map[int64]int64{}
	for _, row := range rows {
		extra[row.ID] = int64(row.StorageExtra) << 30
	}
	return extra, nil
}

// quotaOf is what the media of a slice may take up, in bytes: what every slice has, and what its user has bought.
func quotaOf(ctx context.Context, queries *store.Queries, slice, base int64) (int64, error) {
	extra, err := queries.ExtraStorageOf(ctx, slice)
	if err != nil && !store.IsNone(err) {
		return 0, err
	}
	return base + int64(extra)<<30, nil
}
