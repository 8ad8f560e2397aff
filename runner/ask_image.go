package main

import (
	"context"
	"fmt"

	"slicegate/config"
	"slicegate/jobs"
	"slicegate/runner/contract"
	"slicegate/store"
)

// images is the check of images for jobs.
type images struct{ settings config.Runner }

var _ jobs.Images = images{}

// Ask implements jobs.Images.
func (i images) Ask(ctx context.Context, image string, report func(line string)) (bool, error) {
	return askImage(ctx, i.settings, image, func(found contract.Finding) { report(plain(found)) })
}

// askImage asks an image for all that the slice contract wants, as a slice of this server would be.
func askImage(ctx context.Context, settings config.Runner, image string, report func(contract.Finding)) (kept bool, err error) {
	_, resolvers, err := openWalls(settings)
	if err != nil {
		return false, err
	}
	pool, err := store.Open(ctx, settings.SlicesDatabaseURL, 4)
	if err != nil {
		return false, err
	}
	defer pool.Close()
	return contract.Check(ctx, contract.Options{
		Image: image, Docker: engineConfig(settings, resolvers), Slices: pool, RoleKey: settings.SliceRoleKey,
		Root: settings.DataRoot, Walls: settings.Firewall == "on", Ports: settings.SliceEgress,
	}, report)
}

// plain is a finding as a line of words.
func plain(found contract.Finding) string {
	text := fmt.Sprintf("%s: %s, %s", found.Mark, found.Part, found.Promise)
	if found.Seen != "" {
		text += " (" + found.Seen + ")"
	}
	return text
}
