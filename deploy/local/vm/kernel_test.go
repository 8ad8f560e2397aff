package vm

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestModulesComeAfterThoseThatTheyNeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("boot/vmlinuz-1", "")
	module := func(name, needs string) {
		write("lib/modules/1/kernel/"+name+".ko", "\x7fELF\x00license=GPL\x00depends="+needs+"\x00name="+name+"\x00")
	}
	module("virtio_pci", "virtio_pci_modern_dev,virtio_ring,virtio")
	module("virtio_pci_modern_dev", "virtio")
	module("virtio", "")
	module("virtio_ring", "virtio")
	module("virtio_blk", "virtio,virtio_ring")
	module("zram", "zsmalloc")
	module("zsmalloc", "")
	module("lzo-rle", "built-in-here")
	module("unwanted", "")
	got, err := open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range got.modules {
		names = append(names, filepath.Base(path))
	}
	if want := []string{
		"virtio.ko", "virtio_pci_modern_dev.ko", "virtio_ring.ko", "virtio_pci.ko", "virtio_blk.ko", "zsmalloc.ko", "zram.ko", "lzo-rle.ko",
	}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestTheKernelsPackageIsFoundInTheDescriptionOfTheOther(t *testing.T) {
	t.Parallel()
	for description, want := range map[string]string{
		"Package: linux-image-cloud-amd64\nDepends: linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)\nSection: kernel\n": "linux-image-6.1.0-56-cloud-amd64",
		"Depends: initramfs-tools, linux-image-6.12.48+deb13-cloud-amd64 (= 6.12.48-1)\n":                              "linux-image-6.12.48+deb13-cloud-amd64",
	} {
		found := imagePackage.FindStringSubmatch(description)
		if len(found) != 2 || found[1] != want {
			t.Errorf("%q, want %s", found, want)
		}
	}
}
