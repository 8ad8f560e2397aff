package state

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"slicegate/deploy/local/account"
)

func claim(t *testing.T, dir string) *State {
	t.Helper()
	s, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Release() })
	return s
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes folders in /run: run the tests by `make test`")
	}
}

func TestAFolderIsOneSystems(t *testing.T) {
	needRoot(t)
	dir := filepath.Join(t.TempDir(), "state")
	if _, err := Reach(dir); !errors.Is(err, ErrNotRunning) {
		t.Fatalf("nothing was ever here, got %v", err)
	}
	first := claim(t, dir)
	if _, err := Claim(dir); !errors.Is(err, ErrBusy) {
		t.Fatalf("want busy, got %v", err)
	}
	if _, err := Reach(dir); !errors.Is(err, ErrNotRunning) {
		t.Fatalf("it is still starting, got %v", err)
	}
	if err := first.Publish(map[string]string{"B": "2", "A": "1"}, account.Account{}); err != nil {
		t.Fatal(err)
	}
	lines, err := Reach(dir)
	if err != nil || !slices.Equal(lines, []string{"A=1", "B=2"}) {
		t.Fatalf("got %v, %v", lines, err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.RunDir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the sockets' folder stays: %v", err)
	}
	if _, err := Reach(dir); !errors.Is(err, ErrNotRunning) {
		t.Fatalf("nothing runs any more, got %v", err)
	}
	claim(t, dir)
}

func TestSocketsHaveAShortPath(t *testing.T) {
	needRoot(t)
	long := filepath.Join(t.TempDir(), strings.Repeat("long-name/", 15))
	s := claim(t, long)
	// sun_path holds 107 bytes and an end.
	if path := filepath.Join(s.RunDir, "functions", ".s.PGSQL.5432.lock"); len(path) > 107 {
		t.Fatalf("%s has %d bytes", path, len(path))
	}
	if other := claim(t, filepath.Join(t.TempDir(), "other")); other.RunDir == s.RunDir {
		t.Fatal("two folders share their sockets' folder")
	}
}

func TestASecretStaysAndIsItsOwnersAlone(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	s := claim(t, dir)
	first, err := s.Secret("key")
	if err != nil || len(first) != 64 {
		t.Fatalf("got %d digits, %v", len(first), err)
	}
	again, err := s.Secret("key")
	if err != nil || again != first {
		t.Fatalf("it changed: %v", err)
	}
	other, err := s.Secret("other")
	if err != nil || other == first {
		t.Fatalf("two secrets are alike: %v", err)
	}
	info, err := os.Stat(s.Path("secrets", "key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
}
