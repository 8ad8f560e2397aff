package vm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"slicegate/deploy/local/process"
)

// kernel is one that was unpacked.
type kernel struct {
	image   string
	modules []string // files, each after those that it needs
}

// metaPackage is Debian's name of its newest kernel for virtual machines: small, and without drivers
// for what no virtual machine has.
const metaPackage = "linux-image-cloud-amd64"

// wanted are the modules of what tests use.
var wanted = []string{"virtio_pci", "virtio_blk", "veth", "zram", "lzo-rle", "lz4", "zstd"}

// kernel unpacks Debian's kernel, without installing it, unless the cache has one.
func (m Machine) kernel(ctx context.Context) (kernel, error) {
	if found, err := m.cached(); err != nil || found != "" {
		return open(found, err)
	}
	if err := os.MkdirAll(m.Cache, 0o755); err != nil {
		return kernel{}, err
	}
	scratch, err := os.MkdirTemp(m.Cache, "unpack-")
	if err != nil {
		return kernel{}, err
	}
	defer os.RemoveAll(scratch)
	if err := m.download(ctx, scratch); err != nil {
		// The lists that apt has may be none, or older than what the mirror still has.
		if err := m.apt(ctx, scratch, "update"); err != nil {
			return kernel{}, err
		}
		if err := m.download(ctx, scratch); err != nil {
			return kernel{}, err
		}
	}
	archives, err := filepath.Glob(filepath.Join(scratch, "*.deb"))
	if err != nil || len(archives) != 1 {
		return kernel{}, errors.Join(err, fmt.Errorf("apt-get brought %d packages", len(archives)))
	}
	unpacked := filepath.Join(scratch, "unpacked")
	if err := process.Run(ctx, process.Spec{Name: "dpkg-deb", Path: "dpkg-deb", Args: []string{"-x", archives[0], unpacked}, Line: m.Line}); err != nil {
		return kernel{}, err
	}
	// Its name has the version, and with that the content.
	kept := filepath.Join(m.Cache, strings.TrimSuffix(filepath.Base(archives[0]), ".deb"))
	if err := os.Rename(unpacked, kept); err != nil && !errors.Is(err, os.ErrExist) { // another was first
		return kernel{}, err
	}
	return open(kept, nil)
}

// cached is the newest kernel that was unpacked, or "".
func (m Machine) cached() (string, error) {
	images, err := filepath.Glob(filepath.Join(m.Cache, "linux-image-*", "boot", "vmlinuz-*"))
	if err != nil || len(images) == 0 {
		return "", err
	}
	return filepath.Dir(filepath.Dir(images[len(images)-1])), nil
}

// download has apt bring the package that the newest kernel is in, checked as everything it installs.
func (m Machine) download(ctx context.Context, dir string) error {
	output, err := exec.CommandContext(ctx, "apt-cache", "show", "--no-all-versions", metaPackage).Output()
	if err != nil {
		return fmt.Errorf("apt knows no %s: %w", metaPackage, err)
	}
	found := imagePackage.FindSubmatch(output)
	if found == nil {
		return fmt.Errorf("%s depends on no kernel", metaPackage)
	}
	return m.apt(ctx, dir, "download", string(found[1]))
}

// imagePackage finds the kernel's own package in the description of the other.
var imagePackage = regexp.MustCompile(`(?m)^Depends: .*\b(linux-image-[0-9][a-z0-9.+-]*)`)

func (m Machine) apt(ctx context.Context, dir string, args ...string) error {
	return process.Run(ctx, process.Spec{
		// apt's own user may not write here: root downloads, which it would warn of otherwise.
		Name: "apt-get " + args[0], Path: "apt-get", Args: append([]string{"-q", "-o", "APT::Sandbox::User=root"}, args...), Dir: dir, Line: m.Line,
	})
}

// open finds the files of an unpacked kernel.
func open(dir string, err error) (kernel, error) {
	if err != nil {
		return kernel{}, err
	}
	images, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return kernel{}, errors.Join(err, fmt.Errorf("%s has %d kernels", dir, len(images)))
	}
	files := map[string]string{}
	for _, pattern := range []string{"lib/modules", "usr/lib/modules"} {
		err := filepath.WalkDir(filepath.Join(dir, pattern), func(path string, entry os.DirEntry, err error) error {
			if name, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok && err == nil && !entry.IsDir() {
				files[moduleName(name)] = path
			}
			return err
		})
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return kernel{}, err
		}
	}
	k := kernel{image: images[0]}
	for _, name := range wanted {
		if err := k.add(files, name); err != nil {
			return kernel{}, err
		}
	}
	return k, nil
}

func moduleName(name string) string { return strings.ReplaceAll(name, "-", "_") }

// add appends a module after those that it says it depends on. What has no file is built in.
func (k *kernel) add(files map[string]string, name string) error {
	path, ok := files[moduleName(name)]
	if !ok {
		return nil
	}
	delete(files, moduleName(name))
	plain, err := decompressed(path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(plain)
	if err != nil {
		return err
	}
	for _, line := range bytes.Split(content, []byte{0}) { // its section .modinfo has NAME=value, each with a zero after it
		if needs, ok := bytes.CutPrefix(line, []byte("depends=")); ok {
			for _, need := range strings.FieldsFunc(string(needs), func(c rune) bool { return c == ',' }) {
				if err := k.add(files, need); err != nil {
					return err
				}
			}
		}
	}
	k.modules = append(k.modules, plain)
	return nil
}

// decompressed gives a module as the kernel's own loader takes it: newer Debian has them in xz.
func decompressed(path string) (string, error) {
	plain, packed := strings.CutSuffix(path, ".xz")
	if !packed {
		return path, nil
	}
	if _, err := os.Stat(plain); err == nil {
		return plain, nil
	}
	output, err := os.CreateTemp(filepath.Dir(path), ".unpack-")
	if err != nil {
		return "", err
	}
	defer os.Remove(output.Name())
	buffered := bufio.NewWriter(output)
	unpack := exec.Command("xz", "-dc", path)
	unpack.Stdout = buffered
	if err := errors.Join(unpack.Run(), buffered.Flush(), output.Close()); err != nil {
		return "", fmt.Errorf("unpack %s: %w", path, err)
	}
	return plain, os.Rename(output.Name(), plain)
}
