package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"slicegate/config"
	"slicegate/config/observe"
	"slicegate/jobs"
	"slicegate/jobs/billing"
	"slicegate/migrations"
	"slicegate/payments"
	"slicegate/runner/cgroup"
	"slicegate/runner/docker"
	"slicegate/runner/figures"
	"slicegate/runner/host"
	"slicegate/runner/logs"
	"slicegate/runner/reclaim"
	"slicegate/runner/schemas"
	"slicegate/store"
)

const (
	serverWorkers  = 8 // jobs of this server at a time
	defaultWorkers = 4 // jobs of any server at a time
	mailWorkers    = 2 // mails that leave at a time: providers take a few a second
	exportWorkers  = 1 // exports that are written at a time: the disk is the slices'
	// Backends that are asked at a time: more than would hang together, so that those which do not are asked at once.
	askAtOnce  = 64
	stopWithin = 25 * time.Second
)

// work opens what the jobs need of this server and works them until ctx ends.
func work(ctx context.Context, settings config.Runner) error {
	shown, err := observe.Open("RUNNER_METRICS", settings.Metrics)
	if err != nil {
		return err
	}
	defer shown.Close()
	// Each job that works on a slice holds one connection for its lock beside those it uses.
	// One more is the server's lease.
	pool, err := store.Open(ctx, settings.DatabaseURL, 2*(serverWorkers+defaultWorkers+mailWorkers+exportWorkers)+9)
	if err != nil {
		return err
	}
	defer pool.Close()
	slices, err := store.Open(ctx, settings.SlicesDatabaseURL, 2)
	if err != nil {
		return err
	}
	defer slices.Close()
	walls, resolvers, err := openWalls(settings)
	if err != nil {
		return err
	}
	engine, err := docker.Open(ctx, engineConfig(settings, resolvers))
	if err != nil {
		return err
	}
	defer engine.Close()
	for _, advice := range engine.Advice {
		slog.WarnContext(ctx, "the Docker engine could be set up better", "advice", advice)
	}

	// The disk that it is on is looked at before the first slice has anything there.
	if err := os.MkdirAll(filepath.Join(settings.DataRoot, "slices"), 0o711); err != nil {
		return err
	}
	exports, err := openExports(settings)
	if err != nil {
		return err
	}
	memory := cgroup.Memory{Root: "/", Data: settings.DataRoot}
	traffic := openTraffic(ctx, settings, engine.CgroupParent())
	hands := jobs.Hands{
		Containers:  engine,
		Schemas:     &schemas.Schemas{Pool: slices, Key: settings.SliceRoleKey},
		Directories: host.Directories{Root: settings.DataRoot},
		Ports:       host.Ports{},
		Walls:       walls,
		Memory:      memory,
		Gauges:      gauges{memory},
		Traffic:     traffic,
		Archives:    engine,
		Exports:     exports,
		Quotas:      engine,
		Images:      images{settings},
		Software:    software{engine},
	}
	watching := newWatch(settings, shown, pool, engine.Answers)
	relay := &logs.Relay{Pool: pool, Rows: store.New(pool), Containers: engine, Server: settings.Server, Clock: time.Now}
	besides := []func(context.Context){traffic.watch, watching.hold, watching.beat, relay.Run}
	if why := whyNotSmall(settings, traffic); why != "" {
		besides = append(besides, func(ctx context.Context) {
			reclaim.Off(ctx, store.New(pool), settings.Server, settings.ReclaimEvery, why)
		})
	} else {
		besides = append(besides, keepSmall(settings, pool, figures.CountReclaims(shown.Registry, store.New(pool)), memory, traffic, engine))
	}
	shown.Start()
	return errors.Join(Work(ctx, settings, pool, hands, watching.worked, besides...), traffic.close())
}

// whyNotSmall is why the memory of slices is left alone on this server, in words for an operator; empty: it is not.
func whyNotSmall(settings config.Runner, traffic traffic) string {
	switch {
	case settings.Reclaim != "on":
		return "reclaim is off on this server (RECLAIM=" + settings.Reclaim + ")"
	case traffic.probe == nil:
		return "packets are not counted on this server, so that nobody can be seen to be idle: " + traffic.why.Error()
	}
	return ""
}

// keepSmall pushes idle slices to swap, and wakes those that are wanted, until its context ends.
func keepSmall(settings config.Runner, pool *pgxpool.Pool, rows reclaim.Rows, memory cgroup.Memory, traffic reclaim.Traffic, containers reclaim.Containers) func(context.Context) {
	controller := &reclaim.Controller{
		Rows: rows, Server: settings.Server, Every: settings.ReclaimEvery, Memory: memory, Limit: int64(settings.SliceMemory),
		Traffic: traffic, Containers: containers, Clock: time.Now,
		Settings: reclaim.Settings{
			After: settings.ReclaimAfter, SwapUse: settings.ReclaimSwapUse, Rate: int64(settings.ReclaimRate), SwapIn: settings.ReclaimSwapIn,
			Refaults: settings.ReclaimRefaults, Upstream: int64(settings.ReclaimUpstream), Watch: reclaim.Watch, Reserve: int64(settings.SliceReservation),
		},
	}
	return func(ctx context.Context) {
		var both sync.WaitGroup
		both.Go(func() { reclaim.Listen(ctx, pool, controller.Wake) })
		both.Go(func() { controller.Run(ctx) })
		both.Wait()
	}
}

func engineConfig(settings config.Runner, resolvers []netip.Addr) docker.Config {
	return docker.Config{
		Host: settings.DockerHost, Fleet: settings.Fleet, SocketDir: settings.SliceSocketDir,
		WAEngine: settings.WAEngine, StandIn: settings.WAStandIn, ChromiumProfile: chromiumProfile(settings),
		ChromiumFlags: settings.ChromiumFlags, Env: settings.SliceEnv,
		Resolvers: resolvers,
		Limits: docker.Limits{
			Memory: int64(settings.SliceMemory), Reservation: int64(settings.SliceReservation), Swap: int64(settings.SliceSwap),
			CPUs: settings.SliceCPUs, CPUReservation: settings.SliceCPUShare, Pids: settings.SlicePids,
			MediaQuota: int64(settings.MediaQuota),
		},
	}
}

// chromiumProfile is the one that the settings name, or the safest that this machine allows.
func chromiumProfile(settings config.Runner) string {
	forbidden := host.UserNamespaces()
	switch {
	case settings.ChromiumProfile == docker.Lean:
		return docker.Lean
	case forbidden == nil:
		return docker.Sandboxed
	case settings.WAEngine == "webjs":
		slog.Warn("Chromium's sandbox cannot be on here", "why", forbidden.Error(), "asked", settings.ChromiumProfile)
	}
	if settings.ChromiumProfile == docker.Sandboxed {
		return docker.Sandboxed // as asked: its slices will say that they cannot start
	}
	return docker.Lean
}

// Work runs a River client on this server's queue and the common one until ctx ends; running
// jobs then finish, or are cancelled in time for a restart to repeat them. What is to be done besides
// begins once the server is this runner's, and is over when Work is.
func Work(ctx context.Context, settings config.Runner, pool *pgxpool.Pool, hands jobs.Hands, worked *figures.Worked, besides ...func(context.Context)) error {
	// Before anything is done for the server: another runner may be at it.
	lease, err := takeLease(ctx, pool, settings.Server)
	if err != nil {
		return err
	}
	defer lease.release()
	// Before any slice runs: at a boot none is there, and those of another runner's time are.
	repaired, err := hands.Walls.Ensure(ctx)
	if err != nil {
		return err
	}
	if len(repaired) > 0 {
		slog.InfoContext(ctx, "the firewall around the slices is up", "found", repaired)
	}
	if err := store.New(pool).RegisterServer(ctx, store.RegisterServerParams{Name: settings.Server, ConfiguredImage: settings.SliceImage}); err != nil {
		return fmt.Errorf("register server %s (has `runner migrate` been run?): %w", settings.Server, err)
	}
	if err := jobs.Announce(ctx, pool, hands, settings.Server, time.Now()); err != nil {
		slog.WarnContext(ctx, "what this server is could not be said; the next sample says it", "error", err.Error())
	}
	left, err := takeOver(ctx, pool, settings.Server)
	if err != nil {
		return err
	}
	if left > 0 {
		slog.InfoContext(ctx, "jobs that the last runner was at go on", "server", settings.Server, "jobs", left)
	}
	client, err := newClient(settings, pool, hands, worked)
	if err != nil {
		return err
	}
	// Not ctx: it would cancel the jobs at once.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start working: %w", err)
	}
	ctx, stopBesides := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer stopBesides()
	for _, one := range besides {
		all.Go(func() { one(ctx) })
	}
	// The periodic jobs wait for a leader to be elected; users may be waiting now.
	_, err = client.Insert(ctx, jobs.FillPoolArgs{Server: settings.Server}, nil)
	if err == nil {
		err = jobs.EnqueueStarts(ctx, pool, client, settings.Server)
	}
	switch {
	case err == nil:
		slog.InfoContext(ctx, "working", "server", settings.Server, "fleet", settings.Fleet)
		err = lease.keep(ctx)
	case ctx.Err() != nil:
		err = nil // told to stop while it began, which is no failure
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, halt(stop, client))
}

// halt gives running jobs a moment, then cancels them: each can be repeated.
func halt(ctx context.Context, client *river.Client[pgx.Tx]) error {
	soft, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := client.Stop(soft); err == nil || soft.Err() == nil {
		return err
	}
	return client.StopAndCancel(ctx)
}

// addAlertWorkers adds those who find out what is wrong, and tell of it.
func addAlertWorkers(workers *river.Workers, settings config.Runner, pool *pgxpool.Pool, hands jobs.Hands) {
	thresholds := jobs.Thresholds(settings.Alerts)
	silence := 3*settings.SampleEvery + time.Minute
	river.AddWorker(workers, &jobs.Check{
		Pool: pool, Hands: hands, Thresholds: thresholds, Quota: int64(settings.MediaQuota), Memory: int64(settings.SliceMemory),
		PoolSize: settings.PoolSize, Every: settings.CheckEvery, SampleAge: silence, Clock: time.Now,
	})
	river.AddWorker(workers, &jobs.CheckPlatform{Pool: pool, Thresholds: thresholds, Silence: silence, Clock: time.Now})
	river.AddWorker(workers, &jobs.Notify{Pool: pool, Thresholds: thresholds, Admins: settings.Mail.Admins, Clock: time.Now})
	river.AddWorker(workers, &jobs.SendWhatsApp{Containers: hands.Containers, Letterhead: letterhead(settings.Mail), Clock: time.Now})
}

// addAccountWorkers adds those who bring accounts to what is paid for them.
func addAccountWorkers(workers *river.Workers, settings config.Billing, pool *pgxpool.Pool) {
	settler := &jobs.Settler{Pool: pool, Terms: billing.Terms{Grace: settings.Grace, Retention: settings.Retention}, Clock: time.Now}
	if settings.On() {
		settler.Stripe = payments.Open(settings)
	} else {
		slog.Info("there is no STRIPE_KEY: nobody can pay, and there are trials alone")
	}
	river.AddWorker(workers, &jobs.SettleAccount{Settler: settler})
	river.AddWorker(workers, &jobs.HandleStripeEvent{Settler: settler})
	river.AddWorker(workers, &jobs.TendAccounts{Settler: settler})
	river.AddWorker(workers, &jobs.CompareSubscriptions{Settler: settler})
	river.AddWorker(workers, &jobs.TerminateAccount{Settler: settler})
	river.AddWorker(workers, &jobs.ForgetAccount{Pool: pool, Stripe: settler.Stripe, Customer: settings.ForgetCustomer, Clock: time.Now})
}

// addRolloutWorkers adds those who take slices to another image.
func addRolloutWorkers(workers *river.Workers, settings config.Runner, pool *pgxpool.Pool, hands jobs.Hands) {
	river.AddWorker(workers, &jobs.CheckRollout{Pool: pool, Hands: hands, Clock: time.Now})
	river.AddWorker(workers, &jobs.Rollout{Pool: pool, Patience: settings.RolloutPatience, Clock: time.Now})
	river.AddWorker(workers, &jobs.TendRollouts{Pool: pool})
	river.AddWorker(workers, &jobs.PrepareRollout{Pool: pool, Hands: hands, Image: settings.SliceImage, Clock: time.Now})
	river.AddWorker(workers, &jobs.UpdateSlice{Pool: pool, Hands: hands, Clock: time.Now, Limits: jobs.UpdateLimits{
		Answer: settings.RolloutAnswer, Ready: settings.RolloutReady, Life: settings.RolloutLife,
	}})
}

func newClient(settings config.Runner, pool *pgxpool.Pool, hands jobs.Hands, worked *figures.Worked) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	bringUp := jobs.BringUp{
		Pool: pool, Hands: hands, Ports: settings.SlicePorts.Odd(), Clock: time.Now,
		Turns: jobs.Turns{Pool: pool, AtOnce: settings.StartConcurrency, Clock: time.Now},
		Quota: int64(settings.MediaQuota),
	}
	river.AddWorker(workers, &jobs.Provision{BringUp: bringUp, FirstPause: settings.PoolRetry})
	river.AddWorker(workers, &jobs.Start{BringUp: bringUp})
	river.AddWorker(workers, &jobs.Release{Pool: pool, Hands: hands})
	river.AddWorker(workers, &jobs.Stop{Pool: pool, Hands: hands})
	river.AddWorker(workers, &jobs.Recycle{BringUp: bringUp})
	river.AddWorker(workers, &jobs.Move{Pool: pool, Hands: hands, Clock: time.Now})
	river.AddWorker(workers, &jobs.Destroy{Pool: pool, Hands: hands, Clock: time.Now})
	river.AddWorker(workers, &jobs.FillPool{
		Pool: pool, Hands: hands, PoolSize: settings.PoolSize, MaxSlices: settings.MaxSlices, MaxAge: settings.PoolMaxAge,
		Image: settings.SliceImage, Memory: int64(settings.SliceReservation), MemoryLeft: int64(settings.MinFreeMemory), Clock: time.Now,
	})
	river.AddWorker(workers, &jobs.ReconcileData{Pool: pool, Hands: hands, Clock: time.Now})
	river.AddWorker(workers, &jobs.Measure{Pool: pool, Hands: hands})
	river.AddWorker(workers, &jobs.RollUp{Pool: pool, Clock: time.Now})
	river.AddWorker(workers, &jobs.TendPartitions{Pool: pool, Clock: time.Now})
	river.AddWorker(workers, &jobs.Answer{Pool: pool, Clock: time.Now, MinFree: int64(settings.MinFreeMemory), SwapUse: settings.ReclaimSwapUse})
	river.AddWorker(workers, &jobs.Sample{
		Pool: pool, Containers: hands.Containers, Gauges: hands.Gauges, Traffic: hands.Traffic, Software: hands.Software, Clock: time.Now,
		AskWithin: settings.AskWithin, AskAtOnce: askAtOnce, Quota: int64(settings.MediaQuota),
	})
	river.AddWorker(workers, &jobs.Reconcile{Pool: pool, Hands: hands, FirstPause: settings.RestartPause, Clock: time.Now})
	river.AddWorker(workers, &jobs.CheckWalls{Pool: pool, Hands: hands})
	river.AddWorker(workers, &jobs.FanOut{Pool: pool})
	addRolloutWorkers(workers, settings, pool, hands)
	addAlertWorkers(workers, settings, pool, hands)
	addAccountWorkers(workers, settings.Billing, pool)
	addDataWorkers(workers, settings, pool, hands)
	if err := addMailWorkers(workers, settings.Mail, settings.Billing, pool); err != nil {
		return nil, err
	}
	river.AddWorker(workers, &jobs.SweepSessions{Pool: pool, Clock: time.Now})
	return river.NewClient(riverpgxv5.New(pool), &river.Config{
		ID:      clientID(settings.Server, time.Now()),
		Schema:  migrations.RiverSchema,
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			jobs.ServerQueue(settings.Server): {MaxWorkers: serverWorkers},
			river.QueueDefault:                {MaxWorkers: defaultWorkers},
			jobs.MailQueue:                    {MaxWorkers: mailWorkers},
			jobs.ExportQueue(settings.Server): {MaxWorkers: exportWorkers},
		},
		JobTimeout:           settings.JobTimeout,
		RescueStuckJobsAfter: settings.RescueAfter,
		Logger:               slog.New(warnings{slog.Default().Handler()}),
		ErrorHandler:         failures{slog.Default()},
		Plugins:              plugins(worked),
		PeriodicJobs: []*river.PeriodicJob{
			every(settings.FillEvery, jobs.FanOutArgs{Job: jobs.FillPoolArgs{}.Kind()}),
			every(settings.ReconcileEvery, jobs.FanOutArgs{Job: jobs.ReconcileArgs{}.Kind()}),
			every(time.Minute, jobs.FanOutArgs{Job: jobs.CheckWallsArgs{}.Kind()}),
			every(settings.SampleEvery, jobs.FanOutArgs{Job: jobs.SampleArgs{}.Kind()}),
			every(settings.CheckEvery, jobs.FanOutArgs{Job: jobs.CheckArgs{}.Kind()}),
			every(settings.CheckEvery, jobs.CheckPlatformArgs{}),
			every(10*time.Second, jobs.NotifyArgs{}),
			every(30*time.Second, jobs.TendEmailsArgs{}),
			every(30*time.Second, jobs.TendRolloutsArgs{}),
			every(5*time.Minute, jobs.FanOutArgs{Job: jobs.ReconcileDataArgs{}.Kind()}),
			every(5*time.Minute, jobs.FanOutArgs{Job: jobs.TendExportsArgs{}.Kind()}),
			every(settings.MeasureEvery, jobs.FanOutArgs{Job: jobs.MeasureArgs{}.Kind()}),
			every(5*time.Minute, jobs.RollUpArgs{}),
			every(time.Minute, jobs.TendAccountsArgs{}),
			every(24*time.Hour, jobs.CompareSubscriptionsArgs{}),
			every(time.Hour, jobs.SweepSessionsArgs{}),
			every(time.Hour, jobs.AnswerArgs{}),
			every(24*time.Hour, jobs.TendPartitionsArgs{}),
		},
	})
}

// every inserts a job at an interval, and once when a runner becomes the leader.
func every(interval time.Duration, args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(interval),
		func() (river.JobArgs, *river.InsertOpts) { return args, nil },
		&river.PeriodicJobOpts{RunOnStart: true})
}
