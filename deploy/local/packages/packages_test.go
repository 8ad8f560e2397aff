package packages

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestANeedIsServedByAnyOfItsProgramsTheNewestFirst(t *testing.T) {
	dir := t.TempDir()
	for _, version := range []string{"9", "15", "17"} {
		write(t, filepath.Join(dir, version, "bin", "postgres"), "", 0o755)
	}
	need := Need{Programs: []string{"no-such-program", dir + "/*/bin/postgres"}}
	if got := need.Path(); got != filepath.Join(dir, "17", "bin", "postgres") {
		t.Fatalf("got %s", got)
	}
	missing := Missing(need, Need{Programs: []string{"no-such-program"}}, Need{Programs: []string{"sh"}})
	if len(missing) != 1 || missing[0].Programs[0] != "no-such-program" {
		t.Fatalf("got %v", missing)
	}
}

func TestServicesAreHeldAndTheOwnersPolicyComesBack(t *testing.T) {
	for _, own := range []string{"", "#!/bin/sh\n# the owner's\nexit 0\n"} {
		root := t.TempDir()
		path := filepath.Join(root, "usr/sbin/policy-rc.d")
		write(t, filepath.Join(root, "usr/sbin/other"), "", 0o755)
		if own != "" {
			write(t, path, own, 0o755)
		}
		check := func(want string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if want == "" && !errors.Is(err, os.ErrNotExist) || want != "" && string(text) != want {
				t.Fatalf("want %q, got %q, %v", want, text, err)
			}
		}
		installer := Installer{Root: root}
		if _, err := installer.holdServices(); err != nil {
			t.Fatal(err)
		}
		check(held)
		// The first was killed before it could restore; the next does it for both.
		restore, err := installer.holdServices()
		if err != nil {
			t.Fatal(err)
		}
		check(held)
		for range 2 {
			if err := restore(); err != nil {
				t.Fatal(err)
			}
			check(own)
		}
		info, err := os.ReadDir(filepath.Dir(path))
		if err != nil || slices.ContainsFunc(info, func(entry os.DirEntry) bool { return strings.HasSuffix(entry.Name(), backup) }) {
			t.Fatalf("the copy is left: %v, %v", info, err)
		}
	}
}

func TestPostgresOfDebianMakesNoClusterUnlessTheOwnerDecided(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "etc/postgresql-common/createcluster.conf")
	if err := (Installer{Root: root}).noCluster(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "\ncreate_main_cluster = false\n") {
		t.Fatalf("got %q, %v", text, err)
	}
	write(t, path, "create_main_cluster = true\n", 0o644)
	if err := (Installer{Root: root}).noCluster(); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "create_main_cluster = true\n" {
		t.Fatalf("the owner's file became %q", text)
	}
}

func TestUnitsAreThoseThatPackagesBring(t *testing.T) {
	root := t.TempDir()
	before := Installer{Root: root}.units()
	write(t, filepath.Join(root, "usr/lib/systemd/system/nginx.service"), "", 0o644)
	write(t, filepath.Join(root, "lib/systemd/system/docker.socket"), "", 0o644)
	write(t, filepath.Join(root, "lib/systemd/system/notes.txt"), "", 0o644)
	got := Installer{Root: root}.units()
	slices.Sort(got)
	if len(before) != 0 || !slices.Equal(got, []string{"docker.socket", "nginx.service"}) {
		t.Fatalf("before %v, after %v", before, got)
	}
}

func TestNothingMissingInstallsNothing(t *testing.T) {
	installer := Installer{Root: t.TempDir(), Say: func(text string) { t.Errorf("said %q", text) }}
	if err := installer.Ensure(t.Context(), Need{Programs: []string{"sh"}}); err != nil {
		t.Fatal(err)
	}
}
