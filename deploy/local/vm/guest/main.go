// Command guest is the first process of the virtual machine that package vm starts: it runs what the
// script says, tells how that ended, and shuts down.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"slicegate/deploy/local/vm/script"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("guest:", err)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	panic("the machine does not go off") // which the kernel ends it for
}

func run() error {
	var todo script.Script
	content, err := os.ReadFile(script.Path)
	if err == nil {
		err = json.Unmarshal(content, &todo)
	}
	if err != nil {
		return err
	}
	if err := mounts(); err != nil {
		return err
	}
	for _, path := range todo.Modules {
		if err := load(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := exec.Command("/bin/busybox", "--install", "-s", "/bin").Run(); err != nil {
		return fmt.Errorf("busybox: %w", err)
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	for _, test := range todo.Tests {
		fmt.Println(script.Ended(test.Package, begin(test)))
	}
	return nil
}

// mounts are as on a server, where systemd makes them.
func mounts() error {
	for _, one := range []struct{ kind, to, options string }{
		{"proc", "/proc", ""}, {"sysfs", "/sys", ""}, {"devtmpfs", "/dev", ""}, {"tmpfs", "/tmp", ""}, {"tmpfs", "/run", ""},
		{"cgroup2", "/sys/fs/cgroup", "nsdelegate,memory_recursiveprot"}, {"bpf", "/sys/fs/bpf", ""}, {"debugfs", "/sys/kernel/debug", ""},
	} {
		if err := unix.Mount(one.kind, one.to, one.kind, 0, one.options); err != nil {
			return fmt.Errorf("mount %s: %w", one.to, err)
		}
	}
	return nil
}

func load(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.FinitModule(int(file.Fd()), "", 0)
}

// loopback is all of the network that there is.
func loopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(request)))
	if errno != 0 {
		return errno
	}
	return nil
}

// begin runs one test binary to its end.
func begin(test script.Test) error {
	cmd := exec.Command(test.Path, "-test.v", "-test.run", test.Run, "-test.timeout", "12m")
	cmd.Env = []string{"PATH=/bin", "HOME=/tmp", "TMPDIR=/tmp", "CI=true", "TEST_SWAP_DEVICE=/dev/vda"}
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/tmp", os.Stdout, os.Stdout
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("exit code %d", exit.ExitCode())
	}
	return err
}
