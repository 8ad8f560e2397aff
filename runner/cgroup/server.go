package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ServerUsage is what the whole server has and has had.
type ServerUsage struct {
	MemoryTotal, MemoryAvailable int64 // bytes; what is available is the kernel's own estimate
	SwapTotal, SwapFree          int64 // bytes, before they are compressed
	SwapRAM                      int64 // bytes of RAM that compressed swap (zram, zswap) takes
	DiskTotal, DiskFree          int64 // bytes of the file system of Memory.Data; free to root alone is not free

	Load    [3]float64 // tasks that ran or waited for a disk, on average of 1, 5 and 15 minutes
	Cores   int
	Started time.Time // the server itself

	// Since the server started:
	SwappedIn, SwappedOut    uint64 // pages, those that zswap keeps in RAM among them
	RefaultAnon, RefaultFile uint64 // pages, as in Usage
	MajorFaults              uint64 // that waited for a disk, or for swap
	OOMKills                 uint64 // processes killed for want of memory, in groups and outside
	CPUBusy, CPUTotal        time.Duration
	Pressure, PressureFull   time.Duration // PSI memory, "some" and "full"; -1 where the kernel keeps no PSI
	PressureCPU, PressureIO  time.Duration // PSI "some" of the other two
}

// Server reads all figures of the server.
func (m Memory) Server() (ServerUsage, error) {
	file := borrow()
	defer file.giveBack()
	var s ServerUsage
	for _, part := range []func(Memory, *text) error{s.meminfo, s.vmstat, s.cpu, s.load, s.pressure, s.zram, s.disk} {
		if err := part(m, file); err != nil {
			return ServerUsage{}, fmt.Errorf("server: %w", err)
		}
	}
	return s, nil
}

func (s *ServerUsage) meminfo(m Memory, file *text) error {
	if err := file.read(filepath.Join(m.Root, "proc/meminfo")); err != nil {
		return err
	}
	for name, kilobytes := range file.pairs() {
		value := int64(kilobytes) << 10
		switch string(name) {
		case "MemTotal:":
			s.MemoryTotal = value
		case "MemAvailable:":
			s.MemoryAvailable = value
		case "SwapTotal:":
			s.SwapTotal = value
		case "SwapFree:":
			s.SwapFree = value
		case "Zswap:":
			s.SwapRAM += value
		}
	}
	return nil
}

func (s *ServerUsage) vmstat(m Memory, file *text) error {
	if err := file.read(filepath.Join(m.Root, "proc/vmstat")); err != nil {
		return err
	}
	for name, value := range file.pairs() {
		switch string(name) {
		case "pswpin":
			s.SwappedIn += value
		case "pswpout":
			s.SwappedOut += value
		case "zswpin":
			s.SwappedIn += value
		case "zswpout":
			s.SwappedOut += value
		case "workingset_refault_anon":
			s.RefaultAnon = value
		case "workingset_refault_file":
			s.RefaultFile = value
		case "pgmajfault":
			s.MajorFaults = value
		case "oom_kill":
			s.OOMKills = value
		}
	}
	return nil
}

// tick is the unit of /proc/stat: USER_HZ is 100 on every machine that Go runs on.
const tick = 10 * time.Millisecond

// cpu reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; what
// follows is part of user's. Time that the hypervisor gave to others counts as busy: slices lack it.
func (s *ServerUsage) cpu(m Memory, file *text) error {
	path := filepath.Join(m.Root, "proc/stat")
	if err := file.read(path); err != nil {
		return err
	}
	line, _, _ := bytes.Cut(file.content, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return fmt.Errorf("%s does not begin with the processors' times", path)
	}
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.CPUTotal += time.Duration(ticks) * tick
		if idle := i == 3 || i == 4; !idle {
			s.CPUBusy += time.Duration(ticks) * tick
		}
	}
	for name, value := range file.pairs() {
		switch {
		case string(name) == "btime":
			s.Started = time.Unix(int64(value), 0)
		case len(name) > len("cpu") && bytes.HasPrefix(name, []byte("cpu")): // that are on line
			s.Cores++
		}
	}
	return nil
}

// load reads /proc/loadavg: three averages, and what else there is.
func (s *ServerUsage) load(m Memory, file *text) error {
	path := filepath.Join(m.Root, "proc/loadavg")
	if err := file.read(path); err != nil {
		return err
	}
	fields := bytes.Fields(file.content)
	if len(fields) < len(s.Load) {
		return fmt.Errorf("%s does not begin with three averages", path)
	}
	for i := range s.Load {
		var err error
		if s.Load[i], err = strconv.ParseFloat(string(fields[i]), 64); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (s *ServerUsage) pressure(m Memory, file *text) error {
	for _, one := range []struct {
		of, line string
		to       *time.Duration
	}{
		{"memory", "some", &s.Pressure}, {"memory", "full", &s.PressureFull}, {"cpu", "some", &s.PressureCPU}, {"io", "some", &s.PressureIO},
	} {
		var err error
		if *one.to, err = file.pressure(filepath.Join(m.Root, "proc/pressure", one.of), one.line); err != nil {
			return err
		}
	}
	return nil
}

// zram adds what zram devices take: the third number of their mm_stat.
func (s *ServerUsage) zram(m Memory, file *text) error {
	devices, err := filepath.Glob(filepath.Join(m.Root, "sys/block/zram*/mm_stat"))
	if err != nil {
		return err
	}
	for _, device := range devices {
		err := file.read(device)
		if errors.Is(err, fs.ErrNotExist) { // it was taken away meanwhile
			continue
		}
		if err != nil {
			return err
		}
		if fields := bytes.Fields(file.content); len(fields) > 2 {
			taken, _ := leading(fields[2])
			s.SwapRAM += int64(taken)
		}
	}
	return nil
}

func (s *ServerUsage) disk(m Memory, _ *text) error {
	path := m.Data
	if path == "" {
		path = m.Root
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	s.DiskTotal = int64(stat.Blocks) * stat.Bsize
	s.DiskFree = int64(stat.Bavail) * stat.Bsize
	return nil
}
