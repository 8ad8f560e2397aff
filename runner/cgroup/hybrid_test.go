package cgroup_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"slicegate/runner/cgroup"
	"slicegate/runner/cgroup/cgrouptest"
)

var machine = cgroup.Memory{Root: "/"}

const mb = 1 << 20

// needHybrid skips a test of version 1's memory controller where there is none.
func needHybrid(t *testing.T) {
	t.Helper()
	if cgrouptest.Pure() {
		t.Skip("this machine has no cgroup v1, as a server should")
	}
}

func usage(t *testing.T, g cgroup.Group) cgroup.Usage {
	t.Helper()
	u, err := machine.Usage(g)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// limit is the group's memory limit in bytes, on a hybrid host.
func limit(t *testing.T, group string) int64 {
	t.Helper()
	value, err := strconv.ParseInt(strings.TrimSpace(cgrouptest.Read(t, group, "memory.limit_in_bytes")), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func near(got, want, by int64) bool { return got >= want-by && got <= want+by }

func TestHybridReclaimTakesWhatIsAsked(t *testing.T) {
	needHybrid(t)
	cgrouptest.Swap(t, 256*mb)
	group := cgrouptest.Make(t)
	cgrouptest.Write(t, group, "memory.limit_in_bytes", "536870912")
	tenant := cgrouptest.Start(t, group)
	tenant.Hold(100 * mb)
	before := usage(t, tenant.Group)
	for range 3 {
		given, err := machine.Reclaim(t.Context(), tenant.Group, 20*mb)
		if err != nil || !near(given, 20*mb, mb) {
			t.Errorf("of 20 MB came %d bytes, %v", given, err)
		}
		if now := limit(t, group); now != 512*mb {
			t.Fatalf("the limit is %d bytes after a reclaim", now)
		}
	}
	after := usage(t, tenant.Group)
	if !near(before.Resident-after.Resident, 60*mb, 2*mb) || !near(after.Swapped-before.Swapped, 60*mb, 4*mb) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if tenant.Touch(100 * mb); usage(t, tenant.Group).RefaultAnon <= after.RefaultAnon {
		t.Error("what was pushed out and wanted back is no refault")
	}
	if now := usage(t, tenant.Group); now.OOMKills != 0 || now.CPU <= before.CPU {
		t.Errorf("%+v after %+v", now, before)
	}
	// More than there is: what comes is told, and in the end all has come that can. Pages that were just
	// used may need a second look.
	var all int64
	for given := int64(1); given > 0 && all < 70*mb; all += given {
		var err error
		if given, err = machine.Reclaim(t.Context(), tenant.Group, 400*mb); err != nil {
			t.Fatal(err)
		}
	}
	if all < 70*mb {
		t.Errorf("of all came %d bytes", all)
	}
	if now := limit(t, group); now != 512*mb {
		t.Errorf("the limit is %d bytes after more was asked than there was", now)
	}
}

func TestHybridReclaimNeedsSwap(t *testing.T) {
	needHybrid(t)
	tenant := cgrouptest.Start(t, cgrouptest.Make(t))
	tenant.Hold(40 * mb)
	full := cgroup.Memory{Root: tree(t, map[string]string{"proc/meminfo": "SwapTotal: 4000000 kB\nSwapFree: 20000 kB\n"})}
	if given, err := full.Reclaim(t.Context(), tenant.Group, 20*mb); !errors.Is(err, cgroup.ErrNoRoom) || given != 0 {
		t.Errorf("with full swap came %d bytes, %v", given, err)
	}
}

func TestAGroupThatGrowsWhileItIsReclaimedFromIsNotKilled(t *testing.T) {
	needHybrid(t)
	cgrouptest.Swap(t, 512*mb)
	group := cgrouptest.Make(t)
	cgrouptest.Write(t, group, "memory.limit_in_bytes", "536870912")
	tenant := cgrouptest.Start(t, group)
	tenant.Hold(20 * mb)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		for ctx.Err() == nil {
			if _, err := machine.Reclaim(ctx, tenant.Group, 8*mb); err != nil && ctx.Err() == nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	for range 10 {
		tenant.Hold(20 * mb)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if u := usage(t, tenant.Group); u.OOMKills != 0 || u.Resident+u.Swapped < 220*mb {
		t.Errorf("%+v", u)
	}
	if now := limit(t, group); now != 512*mb {
		t.Errorf("the limit is %d bytes", now)
	}
}

func TestOneReclaimsFromAGroupAtATime(t *testing.T) {
	needHybrid(t)
	cgrouptest.Swap(t, 128*mb)
	group := cgrouptest.Make(t)
	cgrouptest.Write(t, group, "memory.limit_in_bytes", "536870912")
	tenant := cgrouptest.Start(t, group)
	tenant.Hold(40 * mb)
	met := false
	defer cgroup.SetLowered(func() {
		met = true
		if low := limit(t, group); low >= 512*mb {
			t.Errorf("the limit is %d bytes while it is lowered", low)
		}
		if _, err := machine.Reclaim(t.Context(), tenant.Group, mb); !errors.Is(err, cgroup.ErrBusy) {
			t.Errorf("a second one: %v", err)
		}
		if restored, err := machine.Restore(tenant.Group, 512*mb); restored || err != nil {
			t.Errorf("restored in the middle: %v, %v", restored, err)
		}
	})()
	if _, err := machine.Reclaim(t.Context(), tenant.Group, 2*mb); err != nil || !met {
		t.Errorf("met: %v, %v", met, err)
	}
}

// The test binary is also the runner that is killed: see TestAKilledReclaimLeavesALimitThatIsRestored.
func TestMain(m *testing.M) {
	if pid, err := strconv.Atoi(os.Getenv("RECLAIM_OF")); err == nil {
		reclaimAndHang(pid)
	}
	os.Exit(m.Run())
}

func reclaimAndHang(pid int) {
	cgroup.SetLowered(func() {
		fmt.Println("lowered")
		select {}
	})
	group, err := machine.Group(pid)
	if err == nil {
		_, err = machine.Reclaim(context.Background(), group, 4*mb)
	}
	fmt.Println("not killed:", err)
	os.Exit(1)
}

func TestAKilledReclaimLeavesALimitThatIsRestored(t *testing.T) {
	needHybrid(t)
	cgrouptest.Swap(t, 128*mb)
	group := cgrouptest.Make(t)
	cgrouptest.Write(t, group, "memory.limit_in_bytes", "536870912")
	tenant := cgrouptest.Start(t, group)
	tenant.Hold(40 * mb)
	runner := exec.Command("/proc/self/exe")
	runner.Env = append(os.Environ(), "RECLAIM_OF="+strconv.Itoa(tenant.PID))
	output, err := runner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "lowered\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := runner.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = runner.Wait()
	if low := limit(t, group); low >= 512*mb {
		t.Fatalf("a killed one left a limit of %d bytes", low)
	}
	for _, want := range []bool{true, false} {
		if restored, err := machine.Restore(tenant.Group, 512*mb+1); restored != want || err != nil {
			t.Errorf("restored: %v, %v, want %v", restored, err, want)
		}
		if now := limit(t, group); now != 512*mb {
			t.Errorf("the limit is %d bytes", now)
		}
	}
}

func TestReclaimEndsWithItsContext(t *testing.T) {
	needHybrid(t)
	cgrouptest.Swap(t, 128*mb)
	tenant := cgrouptest.Start(t, cgrouptest.Make(t))
	tenant.Hold(20 * mb)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if given, err := machine.Reclaim(ctx, tenant.Group, 8*mb); !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", given, err)
	}
}
