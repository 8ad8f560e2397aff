package account

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReachesLooksAtEveryFolderAbove(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "middle", "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	// The folders of a test's own temporary one are closed; open all up to the root's.
	for up := inner; up != filepath.Dir(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil && up != os.TempDir() {
			t.Fatal(err)
		}
		if up == dir {
			break
		}
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(inner, "file")
	owner, stranger := Account{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}, Account{UID: 4000001, GID: 4000001}
	if !owner.Reaches(path) || !stranger.Reaches(path) {
		t.Fatalf("owner %v, stranger %v", owner.Reaches(path), stranger.Reaches(path))
	}
	if err := os.Chmod(filepath.Dir(inner), 0o700); err != nil {
		t.Fatal(err)
	}
	if !owner.Reaches(path) || stranger.Reaches(path) {
		t.Fatalf("closed to others: owner %v, stranger %v", owner.Reaches(path), stranger.Reaches(path))
	}
	if stranger.Reaches(filepath.Join(dir, "missing", "file")) {
		t.Fatal("what is not there is reached")
	}
}

func TestTheInvokerIsTheUserBehindSudo(t *testing.T) {
	t.Setenv("SUDO_UID", "")
	self, err := Invoker()
	if err != nil || self.UID != uint32(os.Getuid()) {
		t.Fatalf("got %+v, %v", self, err)
	}
	if os.Geteuid() != 0 {
		return // sudo's word counts for root alone, which the rest asks
	}
	t.Setenv("SUDO_UID", "1") // Debian's daemon
	behind, err := Invoker()
	if err != nil || behind.UID != 1 || behind.Name != "daemon" {
		t.Fatalf("got %+v, %v", behind, err)
	}
	service, err := Service("www-data")
	if err != nil || service != behind {
		t.Fatalf("a service of theirs runs as %+v, %v", service, err)
	}
	t.Setenv("SUDO_UID", "0")
	service, err = Service("no-such-account", "www-data")
	if err != nil || service.Name != "www-data" {
		t.Fatalf("a service of root's runs as %+v, %v", service, err)
	}
	if _, err := Service("no-such-account"); err == nil {
		t.Fatal("a service of root's runs as root")
	}
}
