package host_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"slicegate/runner/host"
)

func TestDirectoriesAreTheSlicesOwn(t *testing.T) {
	t.Parallel()
	ctx, dirs := context.Background(), host.Directories{Root: t.TempDir()}
	path, owner, err := dirs.Ensure(ctx, 7)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(path, "session", "kept")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A run that was cut off left one of them to root.
	if err := os.Chown(filepath.Join(path, "media"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if again, _, err := dirs.Ensure(ctx, 7); err != nil || again != path {
		t.Errorf("the second time: %s, %v", again, err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the second time took what was there: %v", err)
	}
	for _, dir := range []string{path, filepath.Join(path, "media"), filepath.Join(path, "session")} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		system, ok := info.Sys().(*syscall.Stat_t)
		if !ok || info.Mode().Perm() != 0o700 || int(system.Uid) != owner || int(system.Gid) != owner {
			t.Errorf("%s: mode %o, owner %+v, want 700 of %d", dir, info.Mode().Perm(), system, owner)
		}
	}
	if _, other, err := dirs.Ensure(ctx, 8); err != nil || other == owner {
		t.Errorf("the neighbour has owner %d, %v", other, err)
	}
	for range 2 {
		if err := dirs.Remove(ctx, 7); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

func TestPortsThatSomebodyListensOnAreNotFree(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if (host.Ports{}).Free(port) {
		t.Error("free while somebody listens")
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if !(host.Ports{}).Free(port) {
		t.Error("not free when nobody does")
	}
}

func TestWhatASliceWroteOfItself(t *testing.T) {
	t.Parallel()
	dirs := host.Directories{Root: t.TempDir()}
	path, _, err := dirs.Ensure(context.Background(), 7)
	if err != nil {
		t.Fatal(err)
	}
	file, secret := filepath.Join(path, "session", "status.json"), filepath.Join(dirs.Root, "secret")
	if err := os.WriteFile(secret, []byte(`{"state": "ready"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, there, err := dirs.Said(7); there || err != nil {
		t.Errorf("nothing was written: %v, %v", there, err)
	}
	if _, _, there, err := dirs.Said(8); there || err != nil {
		t.Errorf("there is no such slice: %v, %v", there, err)
	}
	for _, test := range []struct {
		name  string
		write func() error
		state string
	}{
		{"a state", func() error {
			return os.WriteFile(file, []byte(`{"state": "ready", "reason": null, "phoneNumber": "+15550100000", "since": "2026-03-01T12:00:00.000Z"}`), 0o600)
		}, "ready"},
		{"half of one", func() error { return os.WriteFile(file, []byte(`{"state": "rea`), 0o600) }, ""},
		{"far too much", func() error {
			return os.WriteFile(file, append([]byte(`{"state": "ready", "x": "`), make([]byte, 1<<20)...), 0o600)
		}, ""},
		{"a pipe that nobody writes to", func() error { return syscall.Mkfifo(file, 0o600) }, ""},
		{"a link to what is not the slice's", func() error { return os.Symlink(secret, file) }, ""},
		{"a directory", func() error { return os.Mkdir(file, 0o700) }, ""},
	} {
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		if err := test.write(); err != nil {
			t.Fatal(err)
		}
		said, at, there, err := dirs.Said(7)
		if said.State != test.state && there || there != (test.state != "") || there == (err != nil) || there == at.IsZero() {
			t.Errorf("%s: %+v, %v, %v, %v", test.name, said, at, there, err)
		}
	}
}
