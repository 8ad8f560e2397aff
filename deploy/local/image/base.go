package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	imagetypes "github.com/docker/docker/api/types/image"

	"slicegate/deploy/local/process"
)

const suite = "trixie"

// Variant is what an image is able to run.
type Variant struct {
	name     string
	packages []string
}

// The variants of the slice image. That with a browser runs the real engine and the
// simulated one; the other is a fifth of its size and runs the simulated one alone.
var (
	Simulated = Variant{"simulated", []string{"nodejs", "ca-certificates"}}
	// Without a font Chromium measures text as nothing, over and over.
	WebJS = Variant{"webjs", []string{"nodejs", "ca-certificates", "chromium", "fonts-liberation"}}
)

// For is the smallest variant that runs an engine, named as in WA_ENGINE.
func For(engine string) Variant {
	if engine == WebJS.name {
		return WebJS
	}
	return Simulated
}

// baseOptions leave out what a container has no use for. Licences stay.
var baseOptions = []string{
	"--variant=minbase",
	"--dpkgopt=path-exclude=/usr/share/man/*",
	"--dpkgopt=path-exclude=/usr/share/info/*",
	"--dpkgopt=path-exclude=/usr/share/locale/*",
	"--dpkgopt=path-exclude=/usr/share/doc/*",
	"--dpkgopt=path-include=/usr/share/doc/*/copyright",
	"--dpkgopt=path-exclude=/usr/share/bash-completion/*",
	"--dpkgopt=path-exclude=/usr/lib/chromium/locales/*",
	"--dpkgopt=path-include=/usr/lib/chromium/locales/en-US.pak",
}

// base makes the image that slices are built on from Debian's packages, unless this
// engine has it, and gives its name.
func (b Builder) base(ctx context.Context, variant Variant) (string, error) {
	sum := sha256.Sum256([]byte(strings.Join(slices.Concat([]string{suite}, variant.packages, baseOptions), "\n")))
	name := "slicegate-base:" + variant.name + "-" + hex.EncodeToString(sum[:])[:12]
	if there, err := b.has(ctx, name); err != nil || there {
		return name, err
	}
	source, err := mirror("/")
	if err != nil {
		return "", err
	}
	b.said("Debian " + suite + " from its packages, for " + variant.name)
	return name, b.importBase(ctx, name, source, variant)
}

// importBase streams mmdebstrap's archive into the engine.
func (b Builder) importBase(ctx context.Context, name, source string, variant Variant) error {
	if err := os.MkdirAll(b.Scratch, 0o711); err != nil {
		return err
	}
	arguments := append([]string{"--mode=root", "--format=tar", "--include=" + strings.Join(variant.packages, ",")}, baseOptions...)
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
