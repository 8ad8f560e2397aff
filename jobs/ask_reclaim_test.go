package jobs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"slicegate/jobs"
	"slicegate/store"
	"slicegate/store/storetest"
)

func TestReclaimIsAskedForOrRefusedInWords(t *testing.T) {
	t.Parallel()
	ctx, db, now := context.Background(), storetest.New(t), time.Now()
	server := db.Server(t)
	for name, test := range map[string]struct {
		change string
		want   string // empty: it is asked for
	}{
		"ready":              {change: "SELECT 1"},
		"its user was there": {change: "INSERT INTO gateway.meters (slice_id, read_at, started_at, cpu_us, refaults, pressure_us, oom_kills, user_bytes, platform_bytes, upstream_bytes, last_user_at) SELECT id, now(), now(), 0, 0, 0, 0, 0, 0, 0, now() - interval '50 seconds' FROM gateway.slices", want: "nothing is taken during a session"},
		"its user has left":  {change: "INSERT INTO gateway.meters (slice_id, read_at, started_at, cpu_us, refaults, pressure_us, oom_kills, user_bytes, platform_bytes, upstream_bytes, last_user_at) SELECT id, now(), now(), 0, 0, 0, 0, 0, 0, 0, now() - interval '90 seconds' FROM gateway.slices"},
		"it is exempt":       {change: "UPDATE gateway.slices SET reclaim_paused = true", want: "is exempt from reclaim"},
		"its server":         {change: "UPDATE gateway.servers SET reclaim_paused = true", want: "reclaim is paused on all of test"},
		"it does not run":    {change: "UPDATE gateway.slices SET status = 'provisioning'", want: "is provisioning; only what runs"},
		"it is not there":    {change: "DELETE FROM gateway.slices", want: "there is no slice"},
	} {
		t.Run(name, func(t *testing.T) {
			err := pgx.BeginFunc(ctx, db.Pool, func(tx pgx.Tx) error {
				slice, err := store.New(tx).CreateSlice(ctx, store.CreateSliceParams{Server: server, Image: "x"})
				if err != nil {
					return err
				}
				for _, statement := range []string{"UPDATE gateway.slices SET status = 'available', port = 5001", test.change} {
					if _, err := tx.Exec(ctx, statement); err != nil {
						return err
					}
				}
				asked := jobs.AskReclaim(ctx, tx, slice.ID, "operator", now)
				if (asked == nil) != (test.want == "") || asked != nil && (!errors.Is(asked, jobs.ErrRefused) || !strings.Contains(asked.Error(), test.want)) {
					t.Errorf("%v", asked)
				}
				var times, lines int
				if err := tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM gateway.slices WHERE reclaim_asked_at = $1), (SELECT count(*) FROM gateway.audit WHERE action = 'slice.reclaim-now')", now).Scan(&times, &lines); err != nil {
					return err
				}
				if want := map[bool]int{true: 1}[asked == nil]; times != want || lines != want {
					t.Errorf("%d rows, %d lines", times, lines)
				}
				return errRollBack
			})
			if !errors.Is(err, errRollBack) {
				t.Error(err)
			}
		})
	}
}

var errRollBack = errors.New("roll back")
