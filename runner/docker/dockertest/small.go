package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/api/types/image"
)

//go:embed slice.cjs
var small string

var (
	building sync.Mutex
	users    int // tests that have the image
)

// SmallImage builds an image on top of ours whose slices keep the contract by the shortest way: they
// start in a tenth of the time, for tests of what is around a slice. FLAW names what one does wrong. The
// last test that has it takes it away.
func SmallImage(t testing.TB) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	name, api := smallName(t), Client(t)
	users++
	t.Cleanup(func() {
		building.Lock()
		defer building.Unlock()
		if users--; users > 0 {
			return
		}
		_, err := api.ImageRemove(context.Background(), name, image.RemoveOptions{Force: true, PruneChildren: true})
		if err != nil && !errdefs.IsNotFound(err) {
			t.Error(err)
		}
	})
	if _, err := api.ImageInspect(context.Background(), name); err == nil {
		return name
	}
	BuildSmall(t, name, "")
	return name
}

// BuildSmall builds such an image under a name of the caller's, who takes it away, with instructions of a
// Dockerfile on top.
func BuildSmall(t testing.TB, name, instructions string) {
	t.Helper()
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	for name, content := range map[string]string{
		"slice.cjs":  small,
		"Dockerfile": fmt.Sprintf("FROM %s\nCOPY slice.cjs /app/slice.cjs\nENTRYPOINT [\"node\", \"/app/slice.cjs\"]\n%s\n", Image(t), instructions),
	} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	answer, err := Client(t).ImageBuild(context.Background(), &packed, build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: []string{name}, Remove: true, ForceRemove: true, NetworkMode: "none",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil || bytes.Contains(said, []byte("errorDetail")) {
		t.Fatalf("build %s: %v: %s", name, err, said)
	}
}

// smallName changes with what the image is made of.
func smallName(t testing.TB) string {
	return fmt.Sprintf("small-slice:%x", sha256.Sum256([]byte(small+Image(t))))[:28]
}
