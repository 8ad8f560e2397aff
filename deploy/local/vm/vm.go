// Package vm runs Go tests on a kernel of their own: Debian's, in QEMU, with control groups of
// version 2 alone and swap that is nobody else's. It uses no disk but a swap file, and no /dev/kvm: on a
// machine that is itself virtual that may be there and not work.
package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"slicegate/deploy/local/packages"
	"slicegate/deploy/local/process"
	"slicegate/deploy/local/vm/script"
)

// Needs are the programs that Run starts.
var Needs = []packages.Need{
	{Programs: []string{"qemu-system-x86_64"}, Packages: []string{"qemu-system-x86"}, Why: "tests on pure cgroup v2"},
	{Programs: []string{"/bin/busybox", "/usr/bin/busybox"}, Packages: []string{"busybox-static"}, Why: "tests on pure cgroup v2"},
	packages.Networks,
}

// Tests are those of one Go package.
type Tests struct {
	Package string // of the checkout, as in ./runner/cgroup
	Run     string // pattern of the tests' names
}

// Machine is what tests are run in.
type Machine struct {
	Root  string   // the checkout
	Cache string   // a folder that keeps the kernel
	Dir   string   // a folder for what is built, emptied first
	Env   []string // for the go command
	Line  func(string)
}

const (
	memory   = 512 << 20 // bytes of RAM
	swapDisk = 512 << 20 // bytes of the disk that tests may swap to
	patience = 15 * time.Minute
)

// Run builds the tests' binaries, boots, runs one after the other and shuts down. A test that fails or
// skips is an error, and so is a pattern that no test has: here is all that they need.
func (m Machine) Run(ctx context.Context, tests ...Tests) error {
	kernel, err := m.kernel(ctx)
	if err != nil {
		return fmt.Errorf("a kernel with pure cgroup v2: %w", err)
	}
	if err := errors.Join(os.RemoveAll(m.Dir), os.MkdirAll(m.Dir, 0o755)); err != nil {
		return err
	}
	initramfs, err := m.initramfs(ctx, kernel, tests)
	if err != nil {
		return fmt.Errorf("build the virtual machine: %w", err)
	}
	disk := filepath.Join(m.Dir, "swap")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, swapDisk)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the virtual machine was still at it after %v", patience))
	defer cancel()
	results := script.Results{Line: m.Line}
	err = process.Run(ctx, process.Spec{
		Name: "qemu", Path: packages.Need{Programs: Needs[0].Programs}.Path(), Line: results.Read,
		Args: []string{
			"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", fmt.Sprintf("%dM", memory>>20),
			"-kernel", kernel.image, "-initrd", initramfs,
			// A panic ends the machine, as -no-reboot makes of a reboot.
			"-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on",
			"-drive", "if=virtio,format=raw,cache=unsafe,file=" + disk,
			"-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio",
		},
	})
	var names []string
	for _, one := range tests {
		names = append(names, one.Package)
	}
	return errors.Join(err, results.Err(names))
}

// initramfs is all files of the machine: the first process, the tests, and what they call.
func (m Machine) initramfs(ctx context.Context, kernel kernel, tests []Tests) (string, error) {
	file, err := os.Create(filepath.Join(m.Dir, "initramfs"))
	if err != nil {
		return "", err
	}
	defer file.Close()
	archive := newArchive(file)
	for _, dir := range []string{"bin", "lib", "lib64", "dev", "proc", "sys", "tmp", "run", "var", "var/tmp", "modules", "tests"} {
		archive.directory(dir)
	}
	archive.console("dev/console")

	var todo script.Script
	guest := filepath.Join(m.Dir, "guest")
	if err := m.build(ctx, "build", "-o", guest, "./deploy/local/vm/guest"); err != nil {
		return "", err
	}
	archive.file("init", guest)
	archive.file("bin/busybox", packages.Need{Programs: Needs[1].Programs}.Path())
	if err := archive.program("bin/ip", packages.Networks.Path()); err != nil {
		return "", err
	}
	for _, module := range kernel.modules {
		name := "modules/" + filepath.Base(module)
		archive.file(name, module)
		todo.Modules = append(todo.Modules, "/"+name)
	}
	for _, one := range tests {
		name := "tests/" + strings.ReplaceAll(path.Clean(one.Package), "/", "-")
		binary := filepath.Join(m.Dir, filepath.Base(name))
		if err := m.build(ctx, "test", "-c", "-o", binary, one.Package); err != nil {
			return "", err
		}
		archive.file(name, binary)
		todo.Tests = append(todo.Tests, script.Test{Package: one.Package, Path: "/" + name, Run: one.Run})
	}
	encoded, err := json.Marshal(todo)
	if err != nil {
		return "", err
	}
	archive.content(strings.TrimPrefix(script.Path, "/"), encoded, 0o644)
	return file.Name(), errors.Join(archive.close(), file.Close())
}

// build runs the go command for programs that need nothing around them.
func (m Machine) build(ctx context.Context, command string, args ...string) error {
	return process.Run(ctx, process.Spec{
		Name: "go " + command, Path: "go", Args: append([]string{command, "-ldflags=-s -w"}, args...), Dir: m.Root,
		Env: append(m.Env, "CGO_ENABLED=0"), Line: m.Line,
	})
}
