// Package image builds the slice image without a registry: a base of Debian's packages,
// and on it what slice/ builds to. Both are named by the hash of what they are made of,
// so that there is nothing to do when nothing has changed.
package image

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/build"
	"github.com/docker/docker/client"

	"slicegate/deploy/local/account"
	"slicegate/deploy/local/node"
)

// Builder builds images in one engine.
type Builder struct {
	Docker  *client.Client
	Source  string // the slice/ folder
	Scratch string // a folder of the machine for half-made systems

	BuildDir string // where the build's context is put together
	Invoker  account.Account
	Line     func(string) // gets every line of what the tools say
}

// Slice gives the name of a variant of the slice image, built if this engine does not have it.
func (b Builder) Slice(ctx context.Context, variant Variant) (string, error) {
	base, err := b.base(ctx, variant)
	if err != nil {
		return "", fmt.Errorf("base image: %w", err)
	}
	hash, err := Hash(b.Source, base)
	if err != nil {
		return "", fmt.Errorf("slice image: %w", err)
	}
	name := "whatsapp-slice:" + variant.name + "-" + hash
	if there, err := b.has(ctx, name); err != nil || there {
		return name, err
	}
	project := node.Project{Dir: b.Source, Invoker: b.Invoker, Line: b.said}
	dir, err := project.Production(ctx, b.BuildDir, "Dockerfile", "stand-in")
	if err != nil {
		return "", fmt.Errorf("slice image: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := b.build(ctx, dir, base, name); err != nil {
		return "", fmt.Errorf("slice image: %w", err)
	}
	return name, nil
}

func (b Builder) build(ctx context.Context, dir, base, name string) error {
	b.said("building " + name)
	archive, writes := io.Pipe()
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		writes.CloseWithError(pack(dir, writes))
	}()
	answer, err := b.Docker.ImageBuild(ctx, archive, build.ImageBuildOptions{
		Version: build.BuilderV1, Tags: []string{name}, BuildArgs: map[string]*string{"BASE": &base},
		Remove: true, ForceRemove: true, NetworkMode: "none",
	})
	if err == nil {
		err = b.follow(answer.Body)
	}
	archive.Close()
	<-packed
	return err
}

func (b Builder) has(ctx context.Context, name string) (bool, error) {
	_, err := b.Docker.ImageInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (b Builder) said(text string) {
	if b.Line != nil {
		b.Line(text)
	}
}
