package jobs

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/store"
)

// FanOutArgs asks for a job to be enqueued for every server. River's periodic jobs are
// inserted by one leader, which does not know what other servers there are.
type FanOutArgs struct {
	Job string `json:"job"`
}

// Kind names the job.
func (FanOutArgs) Kind() string { return "fan_out" }

// InsertOpts keeps one unfinished fan-out of each job.
func (FanOutArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{UniqueOpts: onceEach} }

// perServer are the jobs that can be fanned out.
var perServer = map[string]func(server string) river.JobArgs{
	FillPoolArgs{}.Kind():      func(server string) river.JobArgs { return FillPoolArgs{Server: server} },
	ReconcileArgs{}.Kind():     func(server string) river.JobArgs { return ReconcileArgs{Server: server} },
	ReconcileDataArgs{}.Kind(): func(server string) river.JobArgs { return ReconcileDataArgs{Server: server} },
	MeasureArgs{}.Kind():       func(server string) river.JobArgs { return MeasureArgs{Server: server} },
	CheckArgs{}.Kind():         func(server string) river.JobArgs { return CheckArgs{Server: server} },
	SampleArgs{}.Kind():        func(server string) river.JobArgs { return SampleArgs{Server: server} },
	TendExportsArgs{}.Kind():   func(server string) river.JobArgs { return TendExportsArgs{Server: server} },
	CheckWallsArgs{}.Kind():    func(server string) river.JobArgs { return CheckWallsArgs{Server: server} },
}

// FanOut enqueues the job once for each server.
type FanOut struct {
	river.WorkerDefaults[FanOutArgs]
	Pool *pgxpool.Pool
}

// Work inserts them in one transaction.
func (w *FanOut) Work(ctx context.Context, job *river.Job[FanOutArgs]) error {
	if perServer[job.Args.Job] == nil {
		return river.JobCancel(fmt.Errorf("fan out: no job %q is worked per server", job.Args.Job))
	}
	return pgx.BeginFunc(ctx, w.Pool, func(tx pgx.Tx) error {
		params, err := ForServers(ctx, tx, perServer[job.Args.Job])
		if err != nil {
			return err
		}
		client, err := river.ClientFromContextSafely[pgx.Tx](ctx)
		if err != nil || len(params) == 0 {
			return err
		}
		_, err = client.InsertManyTx(ctx, tx, params)
		return err
	})
}

// ForServers makes the insert parameters of one job for each server.
func ForServers(ctx context.Context, tx pgx.Tx, args func(server string) river.JobArgs) ([]river.InsertManyParams, error) {
	servers, err := store.New(tx).ListServers(ctx)
	if err != nil {
		return nil, fmt.Errorf("list servers: %w", err)
	}
	params := make([]river.InsertManyParams, len(servers))
	for i, server := range servers {
		params[i] = river.InsertManyParams{Args: args(server)}
	}
	return params, nil
}
