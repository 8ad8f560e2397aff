package contract

import (
	"context"
	"testing"
)

// RemoveLeftovers is for tests.
var RemoveLeftovers = removeLeftovers

// Abandon makes a slice that runs; what comes back is its id, and how the process that asks it dies.
func Abandon(t *testing.T, options Options) (id int64, die func()) {
	t.Helper()
	ctx := context.Background()
	b, err := open(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.engine.Run(ctx, b.spec); err != nil {
		t.Fatal(err)
	}
	return b.id, func() {
		if err := b.lock.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// Exists tells whether anything of a slice is there: container, role, network or directory.
func Exists(t *testing.T, options Options, id int64) bool {
	t.Helper()
	ctx := context.Background()
	b := &bench{options: options, id: id}
	if err := b.openEngine(ctx); err != nil {
		t.Fatal(err)
	}
	defer b.engine.Close()
	_, containerErr := b.api.ContainerInspect(ctx, b.container())
	var roles int
	if err := options.Slices.QueryRow(ctx, "SELECT count(*) FROM pg_roles WHERE rolname = $1", b.role()).Scan(&roles); err != nil {
		t.Fatal(err)
	}
	return containerErr == nil || roles > 0
}
