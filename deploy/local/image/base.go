package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	imagetypes "github.com/docker/docker/api/types/image"

	"slicegate/deploy/local/process"
)

const suite = "trixie"

var basePackages = []string{"nodejs", "ca-certificates"}

// baseOptions leave out what a container has no use for. Licences stay.
var baseOptions = []string{
	"--variant=minbase",
	"--dpkgopt=path-exclude=/usr/share/man/*",
	"--dpkgopt=path-exclude=/usr/share/info/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*",
	"--dpkgopt=path-exclude=/usr/share/doc/*",
	"--dpkgopt=path-include=/usr/share/doc/*/copyright",
	"--dpkgopt=path-exclude=/usr/share/bash-completion/*",
}

// base makes the image that slices are built on from Debian's packages, unless this
// engine has it, and gives its name.
func (b Builder) base(ctx context.Context) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(append(append([]string{suite}, basePackages...), baseOptions...), "\n")))
	name := "slicegate-base:" + hex.EncodeToString(sum[:])[:12]
	if there, err := b.has(ctx, name); err != nil || there {
		return name, err
	}
	source, err := mirror("/")
	if err != nil {
		return "", err
	}
	b.said("Debian " + suite + " from its packages")
	return name, b.importBase(ctx, name, source)
}

// importBase streams mmdebstrap's archive into the engine.
func (b Builder) importBase(ctx context.Context, name, source string) error {
	if err := os.MkdirAll(b.Scratch, 0o711); err != nil {
		return err
	}
	arguments := append([]string{"--mode=root", "--format=tar", "--include=" + strings.Join(basePackages, ",")}, baseOptions...)
	arguments = append(append(arguments, proxies()...), suite, "-", "deb "+source+" "+suite+" main")
	archive, writes := io.Pipe()
	made := make(chan error, 1)
	go func() {
		err := process.Run(ctx, process.Spec{
			Name: "mmdebstrap", Path: "mmdebstrap", Args: arguments, Env: []string{"TMPDIR=" + b.Scratch},
			Grace: time.Minute, // it takes its half-made system away
			Line:  b.said, Stdout: writes,
		})
		// The import sees the error instead of an end, and makes no image of half an archive.
		writes.CloseWithError(err)
		made <- err
	}()
	answer, err := b.Docker.ImageImport(ctx, imagetypes.ImportSource{Source: archive, SourceName: "-"}, name, imagetypes.ImportOptions{})
	if err == nil {
		err = b.follow(answer)
	}
	archive.CloseWithError(errors.New("the engine takes no more"))
	if failed := <-made; failed != nil {
		return failed
	}
	return err
}
