package node

import (
	"os"
	"path/filepath"
	"testing"

	"slicegate/deploy/local/account"
)

// project is one without dependencies, so that npm asks nobody.
func project(t *testing.T) (p Project, said func() int) {
	t.Helper()
	self, err := account.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"package.json":      `{"name":"p","version":"1.0.0","scripts":{"build":"mkdir -p dist && echo built > dist/main.js"}}`,
		"package-lock.json": `{"name":"p","version":"1.0.0","lockfileVersion":3,"requires":true,"packages":{"":{"name":"p","version":"1.0.0"}}}`,
		"Dockerfile":        "FROM scratch\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "pages"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pages", "one.html"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "node_modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	lines := 0
	return Project{Dir: dir, Invoker: self, Line: func(string) { lines++ }}, func() int { return lines }
}

func TestInstallDoesNothingUntilTheLockFileChanges(t *testing.T) {
	p, said := project(t)
	install := func() bool {
		t.Helper()
		before := said()
		if err := p.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
		return said() > before
	}
	if !install() {
		t.Fatal("npm did not run at first")
	}
	if install() {
		t.Fatal("npm ran again with nothing changed")
	}
	lock := filepath.Join(p.Dir, "package-lock.json")
	text, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if !install() {
		t.Fatal("npm did not run after the lock file changed")
	}
}

func TestProductionHoldsWhatRunsAlone(t *testing.T) {
	p, _ := project(t)
	dir, err := p.Production(t.Context(), filepath.Join(t.TempDir(), "build"), "Dockerfile", "pages")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "dist", "main.js"))
	if err != nil || string(text) != "built\n" {
		t.Fatalf("got %q, %v", text, err)
	}
	for _, name := range []string{"Dockerfile", "package.json", "package-lock.json", "pages/one.html"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	parent := t.TempDir()
	if _, err := p.Production(t.Context(), parent, "no-such-file"); err == nil {
		t.Fatal("a missing file is no error")
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Fatalf("a failure leaves %v, %v", left, err)
	}
}
