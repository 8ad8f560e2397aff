package probe

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// clock is one moment by the wall and by the time since the machine booted, which the programs
// count in because it runs on while the machine is suspended.
type clock struct {
	wall time.Time
	boot uint64 // ns
}

func readClock() (clock, error) {
	var boot unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot); err != nil {
		return clock{}, fmt.Errorf("read the time since boot: %w", err)
	}
	return clock{time.Now(), uint64(boot.Nano())}, nil
}

func (c clock) counters(s sums) Counters {
	return Counters{User: c.class(s[0:3]), Platform: c.class(s[3:6]), Upstream: c.class(s[6:9])}
}

// class takes bytes, packets and last.
func (c clock) class(s []uint64) Class {
	class := Class{Bytes: s[0], Packets: s[1]}
	if last := s[2]; last != 0 {
		class.Last = c.wall.Add(-time.Duration(c.boot - min(last, c.boot)))
	}
	return class
}
