package jobs

import (
	"context"
	"time"
)

// Gauges are what the kernel knows of the memory and CPU of this server and of its containers.
type Gauges interface {
	// Usage reads a running container's control group, and gives that group's id: the one by which
	// Traffic knows it.
	Usage(container Container) (group uint64, usage Usage, err error)
	// Group gives the id alone. An error: the container has ended.
	Group(container Container) (uint64, error)
	// Server reads the server's own figures.
	Server() (ServerUsage, error)
}

// Usage is what a control group has and has had. The fields are those of runner/cgroup's Usage.
type Usage struct {
	Resident int64 // bytes of RAM, page cache included
	Swapped  int64 // bytes in swap, before they are compressed
	Anon     int64 // bytes of RAM that have no file
	File     int64 // bytes of RAM that are of files

	// Since the group was made:
	RefaultAnon uint64        // pages that were pushed to swap and soon wanted back
	RefaultFile uint64        // pages of files that were dropped and soon wanted back
	Pressure    time.Duration // that at least one task waited for memory; -1 where the kernel keeps no PSI
	CPU         time.Duration
	OOMKills    uint64
}

// ServerUsage is what a server has and has had. The fields are those of runner/cgroup's ServerUsage.
type ServerUsage struct {
	MemoryTotal, MemoryAvailable int64 // bytes
	SwapTotal, SwapFree          int64 // bytes, before they are compressed
	SwapRAM                      int64 // bytes of RAM that compressed swap takes
	DiskTotal, DiskFree          int64 // bytes of the file system of the slices' data

	Load    [3]float64 // tasks that ran or waited for a disk, on average of 1, 5 and 15 minutes
	Cores   int
	Started time.Time // the server itself

	// Since the server started:
	SwappedIn, SwappedOut    uint64 // pages
	RefaultAnon, RefaultFile uint64 // pages
	MajorFaults              uint64
	OOMKills                 uint64
	CPUBusy, CPUTotal        time.Duration // of all cores
	Pressure, PressureFull   time.Duration // PSI memory, "some" and "full"; -1 where the kernel keeps no PSI
	PressureCPU, PressureIO  time.Duration // PSI "some" of the other two
}

// Traffic counts the packets of this fleet's containers, by control group.
type Traffic interface {
	// Track begins to count a group; one that is counted goes on.
	Track(group uint64) error
	// Read gives the counters of all groups that are tracked, those that have ended among them. The
	// error says in words why this server cannot count.
	Read(ctx context.Context) (map[uint64]Counters, error)
	// Forget ends the counting of a group and drops its counters.
	Forget(group uint64) error
}

// Counters are a group's traffic since it is tracked.
type Counters struct {
	User     Class // port 4001: the user's
	Platform Class // port 4002: what the runner asks
	Upstream Class // the rest: WhatsApp
}

// Class is one kind of traffic, both directions together.
type Class struct {
	Bytes, Packets uint64
	Last           time.Time // of the newest packet; zero: there was none
}
