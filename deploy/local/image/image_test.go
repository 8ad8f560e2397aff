package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheHashChangesWithWhatIsBuiltAlone(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"src/main.ts": "one", "Dockerfile": "FROM x", "package-lock.json": "{}"} {
		write(t, filepath.Join(dir, name), text)
	}
	hash := func(words ...string) string {
		t.Helper()
		sum, err := Hash(dir, words...)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first := hash("base:1")
	for _, name := range []string{"node_modules/a/index.js", "dist/main.js", "test/main.test.ts", "README.md", ".cache/x", "a.tsbuildinfo"} {
		write(t, filepath.Join(dir, name), "noise")
		if hash("base:1") != first {
			t.Errorf("%s changes the hash", name)
		}
	}
	if hash("base:2") == first {
		t.Error("another base has the same hash")
	}
	for _, name := range []string{"src/main.ts", "src/more.ts", "package-lock.json", "Dockerfile"} {
		before := hash("base:1")
		write(t, filepath.Join(dir, name), "changed")
		if hash("base:1") == before {
			t.Errorf("%s does not change the hash", name)
		}
	}
	// The same bytes, cut into files otherwise.
	write(t, filepath.Join(dir, "src/a"), "xy")
	before := hash()
	write(t, filepath.Join(dir, "src/a"), "x")
	write(t, filepath.Join(dir, "src/b"), "y")
	if hash() == before {
		t.Error("moving bytes between files does not change the hash")
	}
}

func TestTheMirrorIsThatOfAptsSources(t *testing.T) {
	for _, test := range []struct{ name, path, text, want string }{
		{"one line", "etc/apt/sources.list", "# deb http://old.example/debian x main\ndeb [arch=amd64 signed-by=/k] http://mirror.example/debian/ bookworm main\n", "http://mirror.example/debian"},
		{"a stanza", "etc/apt/sources.list.d/debian.sources", "Types: deb\nURIs: https://mirror.example/pub/debian\nSuites: trixie\n", "https://mirror.example/pub/debian"},
		{"security alone", "etc/apt/sources.list", "deb http://security.example/debian-security bookworm-security main\n", ""},
		{"another vendor", "etc/apt/sources.list.d/x.list", "deb https://packages.example/node_20.x nodistro main\n", ""},
		{"nothing", "etc/apt/sources.list", "", ""},
	} {
		root := t.TempDir()
		write(t, filepath.Join(root, test.path), test.text)
		got, err := mirror(root)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}

func TestTheArchiveBelongsToRootAndKeepsLinksAndModes(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dist/main.js"), "code")
	if err := os.Chmod(filepath.Join(dir, "dist/main.js"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("main.js", filepath.Join(dir, "dist/link.js")); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(filepath.Join(dir, "dist/main.js"), 1234, 1234); err != nil {
			t.Fatal(err)
		}
	}
	var packed bytes.Buffer
	if err := pack(dir, &packed); err != nil {
		t.Fatal(err)
	}
	found := map[string]*tar.Header{}
	for archive := tar.NewReader(&packed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 {
			t.Errorf("%s belongs to %d:%d", header.Name, header.Uid, header.Gid)
		}
		found[strings.TrimSuffix(header.Name, "/")] = header
	}
	if file := found["dist/main.js"]; file == nil || file.Size != 4 || file.Mode&0o111 == 0 {
		t.Errorf("main.js: %+v", file)
	}
	if link := found["dist/link.js"]; link == nil || link.Linkname != "main.js" {
		t.Errorf("link.js: %+v", link)
	}
}

func TestAnErrorInTheEnginesAnswerIsAnError(t *testing.T) {
	var said []string
	b := Builder{Line: func(line string) { said = append(said, line) }}
	answer := func(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }
	if err := b.follow(answer(`{"stream":"Step 1/2\n"}{"status":"working"}`)); err != nil || strings.Join(said, "|") != "Step 1/2|working" {
		t.Fatalf("said %q, %v", said, err)
	}
	if err := b.follow(answer(`{"stream":"x"}{"error":"no space"}`)); err == nil || err.Error() != "no space" {
		t.Fatalf("got %v", err)
	}
	if err := b.follow(answer(`{"stream":"x`)); err == nil {
		t.Fatal("an answer that breaks off is taken for a success")
	}
}
