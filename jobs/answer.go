package jobs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
	"slicegate/store/answers"
)

// AnswerArgs asks for the questions that telemetry is kept for to be answered anew.
type AnswerArgs struct{}

// Kind names the job.
func (AnswerArgs) Kind() string { return "answer" }

// InsertOpts keeps one unfinished job; one that fails is repeated by the next.
func (AnswerArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 1, UniqueOpts: onceEach}
}

// Answer keeps the answers of a week, of two and of a month, for pages that show them.
type Answer struct {
	river.WorkerDefaults[AnswerArgs]
	Pool    *pgxpool.Pool
	Clock   Clock
	MinFree int64   // bytes of RAM, as for FillPool
	SwapUse float64 // part of the swap that reclaim uses
}

// AnsweredDays are those that there are answers for.
var AnsweredDays = []int{7, 14, answers.DefaultDays}

// Work asks and writes.
func (w *Answer) Work(ctx context.Context, _ *river.Job[AnswerArgs]) error {
	for _, days := range AnsweredDays {
		found, err := answers.Read(ctx, w.Pool, answers.Options{
			Now: w.Clock().Truncate(time.Second), Days: days, MinFree: w.MinFree, SwapUse: w.SwapUse,
		})
		if err != nil {
			return err
		}
		if err := found.Save(ctx, store.New(w.Pool)); err != nil {
			return err
		}
	}
	return nil
}
