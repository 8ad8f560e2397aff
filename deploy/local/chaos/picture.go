package chaos

import (
	"context"
	"fmt"
	"strings"
)

// picture is what a person would look at when the system does not get over a fault.
func (o *observer) picture(ctx context.Context, w world) string {
	var out strings.Builder
	for _, row := range w.slices {
		if row.status != "destroyed" {
			fmt.Fprintf(&out, "slice %d %s, port %d, user %d, crashes %d\n", row.id, row.status, row.port, row.user, row.crashes)
		}
	}
	for _, one := range w.containers {
		fmt.Fprintf(&out, "container of slice %d, running %v since %s, published at %v\n", one.slice, one.running, one.startedAt.Format("15:04:05.000"), one.ports)
	}
	fmt.Fprintf(&out, "roles %v, schemas %v, directories %v, %d users wait\n", w.roles, w.schemas, w.directories, w.waiting)
	rows, err := o.gateway.Query(ctx, `SELECT format('job %s %s %s %s attempt %s of %s at %s by %s: %s', id, kind, args->>'slice', state, attempt, max_attempts,
			attempted_at, attempted_by[array_upper(attempted_by, 1)], errors[array_upper(errors, 1)]->>'error')
		FROM river.river_job WHERE state <> 'completed' OR kind = ANY($1) ORDER BY id DESC LIMIT 40`, orderJobs)
	if err != nil {
		fmt.Fprintf(&out, "jobs: %v\n", err)
		return out.String()
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err == nil {
			fmt.Fprintln(&out, line)
		}
	}
	return out.String()
}
