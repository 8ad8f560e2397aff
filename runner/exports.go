package main

import (
	"fmt"
	"os/user"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/host"
)

// exportReserve is what exports leave free on the disk, in bytes: slices, and Postgres, go on.
const exportReserve = 1 << 30

// openExports finds the group that the web server reads exports as.
func openExports(settings config.Runner) (host.Exports, error) {
	exports := host.Exports{Root: settings.DataRoot, Group: -1, Reserve: exportReserve}
	if settings.WebGroup == "" {
		return exports, nil
	}
	if id, err := strconv.Atoi(settings.WebGroup); err == nil {
		exports.Group = id
		return exports, nil
	}
	group, err := user.LookupGroup(settings.WebGroup)
	if err != nil {
		return exports, fmt.Errorf("WEB_GROUP: %w", err)
	}
	exports.Group, err = strconv.Atoi(group.Gid)
	return exports, err
}

// addDataWorkers adds those who hand out people's data, and make room for more of it.
func addDataWorkers(workers *river.Workers, settings config.Runner, pool *pgxpool.Pool, hands jobs.Hands) {
	quota := int64(settings.MediaQuota)
	river.AddWorker(workers, &jobs.Export{Pool: pool, Hands: hands, Quota: quota, Clock: time.Now})
	river.AddWorker(workers, &jobs.TendExports{Pool: pool, Files: hands.Exports, Clock: time.Now})
	river.AddWorker(workers, &jobs.SetQuota{Pool: pool, Hands: hands, Quota: quota})
}
