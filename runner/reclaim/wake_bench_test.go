package reclaim_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"slicegate/runner/cgroup/cgrouptest"
	"slicegate/runner/swap"
)

// BenchmarkWake prints how long a slice takes for its first answer whose memory was pushed out: left to
// itself, and woken ahead of its user, whom the password's hash holds up. The first round's wakes know
// nothing of what the slice needs, the others do.
//
//	PROFILES=sandboxed go test ./runner/reclaim -run '^$' -bench Wake -benchtime 1x
func BenchmarkWake(b *testing.B) {
	const count, rounds = 3, 4
	profiles := strings.Fields(os.Getenv("PROFILES"))
	if len(profiles) == 0 {
		profiles = []string{"sandboxed"}
	}
	fmt.Println("swap:", cgrouptest.ServerSwap(b, swap.Config{Size: int64(count*len(profiles)) * 2 * 400 * mb}))
	var arms []*arm
	for _, profile := range profiles {
		for _, way := range []string{leftAlone, script, ours} {
			a := newArm(b, profile, way)
			a.controller.Settings.After = time.Hour // what is pushed out is this benchmark's to say
			for range count {
				a.start()
			}
			arms = append(arms, a)
		}
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	for _, a := range arms {
		if a.way == ours {
			go a.controller.Run(ctx)
		}
	}
	rest(20 * time.Second) // the sync of their address books is over
	fmt.Printf("%-5s %-10s %-11s %22s %16s %14s\n", "round", "", "", "first answer, p50/worst", "waited for pages", "of left alone")
	for round := range rounds {
		each(arms, func(_ *arm, r *resident) { r.session(b) })
		for range 3 {
			each(arms, func(a *arm, r *resident) {
				if usage, err := kernel.Usage(r.group); err == nil && a.way != leftAlone {
					_, _ = kernel.Reclaim(ctx, r.group, usage.Resident)
				}
			})
		}
		rest(20 * time.Second)
		var alone time.Duration
		for _, a := range arms {
			var first []time.Duration
			waited := 0
			for _, r := range a.residents {
				before := r.waitedForPages(b)
				r.first = nil
				a.wake(ctx, r)
				waited += r.waitedForPages(b) - before
				first = append(first, r.first...)
			}
			slices.Sort(first)
			middle := first[len(first)/2]
			if a.way == leftAlone {
				alone = middle
			}
			fmt.Printf("%-5d %-10s %-11s %14.1f / %5.1f %16d %14.2f\n", round+1, a.profile, a.way, ms(middle), ms(first[len(first)-1]), waited/len(a.residents), ms(middle)/ms(alone))
		}
		rest(15 * time.Second) // until it is learned what was needed
	}
	for _, a := range arms {
		if a.way == ours {
			fmt.Printf("%-10s %s\n", a.profile, a.rows.broughtBack())
		}
	}
}

// waitedForPages is how often the slice's processes waited for a page: the 12th field of stat, of each.
func (r *resident) waitedForPages(b *testing.B) (faults int) {
	b.Helper()
	pids, err := kernel.Processes(r.group)
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(content), ") ")
		n, err := strconv.Atoi(strings.Fields(rest)[9])
		if err != nil {
			b.Fatal(err)
		}
		faults += n
	}
	return faults
}
