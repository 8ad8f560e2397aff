package contract

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"slicegate/jobs"
	"slicegate/runner/docker"
	"slicegate/runner/firewall"
	"slicegate/runner/host"
	"slicegate/runner/schemas"
)

// Options say which image is asked, and where.
type Options struct {
	Image   string
	Docker  docker.Config // the fleet in it is not used
	Slices  *pgxpool.Pool // of the database slices
	RoleKey [32]byte
	Root    string // the data root
	Walls   bool   // whether this machine's slices have a firewall; an unknown image should
	Ports   []uint16

	// How long is waited: a minute each where nothing is said.
	AnswerWithin, LinkWithin, IdleWithin time.Duration
}

func (o *Options) fill() {
	for _, limit := range []*time.Duration{&o.AnswerWithin, &o.LinkWithin, &o.IdleWithin} {
		if *limit == 0 {
			*limit = time.Minute
		}
	}
}

// Ids of slices that are only asked: no server has so many, and they still make a user id.
const (
	firstID = jobs.FirstCheckID
	lastID  = 2_099_999_999
)

// bench is one throw-away slice and what its checks share.
type bench struct {
	options Options
	id      int64
	lock    *pgx.Conn // holds the id for as long as this runs
	engine  *docker.Engine
	api     *client.Client
	schemas *schemas.Schemas
	spec    jobs.Spec
	http    *http.Client

	running  jobs.Running
	answers  bool   // on 4001
	answered bool   // at least once
	platform string // http://address:4002, or :4001 for an image without
	state    string // last seen
	told     string // text of a message that it took
	chat     string // whose chat that is
}

// lockName is what a run holds in the database slices; the rest of a killed one does not.
func lockName(id int64) string { return fmt.Sprintf("check %d", id) }

func fleet(id int64) string { return "c" + strconv.FormatInt(id-firstID, 36) }

func open(ctx context.Context, options Options) (*bench, error) {
	options.fill()
	if err := removeLeftovers(ctx, options); err != nil {
		return nil, fmt.Errorf("remove what an earlier check left: %w", err)
	}
	b := &bench{options: options, http: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
	for b.lock == nil {
		b.id = firstID + rand.Int64N(lastID-firstID)
		lock, err := acquire(ctx, options.Slices, b.id)
		if err != nil {
			return nil, err
		}
		b.lock = lock
	}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) prepare(ctx context.Context) (err error) {
	if err := b.openEngine(ctx); err != nil {
		return err
	}
	b.schemas = &schemas.Schemas{Pool: b.options.Slices, Key: b.options.RoleKey}
	b.spec = jobs.Spec{Slice: b.id, Image: b.options.Image}
	if b.spec.DatabaseURL, err = b.schemas.Ensure(ctx, b.id); err != nil {
		return err
	}
	if b.spec.Directory, b.spec.Owner, err = (host.Directories{Root: b.options.Root}).Ensure(ctx, b.id); err != nil {
		return err
	}
	if b.spec.Port, err = freePort(); err != nil {
		return err
	}
	if b.options.Walls {
		if _, err := b.walls().Ensure(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) openEngine(ctx context.Context) (err error) {
	config := b.options.Docker
	config.Fleet = fleet(b.id)
	if b.engine, err = docker.Open(ctx, config); err != nil {
		return err
	}
	b.api, err = client.NewClientWithOpts(client.WithHost(config.Host), client.WithAPIVersionNegotiation())
	return err
}

func (b *bench) walls() firewall.Wall {
	return firewall.Wall{Fleet: fleet(b.id), Bridge: firewall.Bridge(fleet(b.id)), Resolvers: b.options.Docker.Resolvers, Ports: b.options.Ports}
}

func (b *bench) container() string { return fmt.Sprintf("%s-%d", fleet(b.id), b.id) }

// close takes everything away, also when the one who asked has lost patience.
func (b *bench) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var failures []error
	if b.api != nil {
		err := b.api.ContainerRemove(ctx, b.container(), container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err != nil && !errdefs.IsNotFound(err) {
			failures = append(failures, err)
		}
		failures = append(failures, b.removeNetwork(ctx))
	}
	if b.schemas != nil {
		failures = append(failures, b.schemas.Drop(ctx, b.id))
	}
	failures = append(failures, (host.Directories{Root: b.options.Root}).Remove(ctx, b.id))
	if b.options.Walls {
		failures = append(failures, b.walls().Remove(ctx))
	}
	if b.engine != nil {
		failures = append(failures, b.engine.Close(), b.engine.RemoveCgroup())
	}
	if b.api != nil {
		failures = append(failures, b.api.Close())
	}
	failures = append(failures, b.lock.Close(ctx)) // with the lock
	return errors.Join(failures...)
}

func (b *bench) removeNetwork(ctx context.Context) error {
	found, err := b.api.NetworkList(ctx, network.ListOptions{Filters: filters.NewArgs(filters.Arg("label", docker.LabelFleet+"="+fleet(b.id)))})
	for _, one := range found {
		err = errors.Join(err, b.api.NetworkRemove(ctx, one.ID))
	}
	return err
}

// removeLeftovers finds the roles of checks that nobody runs any more, and takes away all that
// is theirs.
func removeLeftovers(ctx context.Context, options Options) error {
	rows, err := options.Slices.Query(ctx, `SELECT rolname FROM pg_roles WHERE rolname ~ '^slice_20\d{8}$'`)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		id, err := strconv.ParseInt(strings.TrimPrefix(name, "slice_"), 10, 64)
		if err != nil {
			return err
		}
		lock, err := acquire(ctx, options.Slices, id)
		if err != nil {
			return err
		}
		if lock == nil {
			continue // somebody is at it
		}
		b := &bench{options: options, id: id, lock: lock, schemas: &schemas.Schemas{Pool: options.Slices, Key: options.RoleKey}}
		if err := errors.Join(b.openEngine(ctx), b.close()); err != nil {
			return err
		}
	}
	return nil
}

// acquire takes an id's lock on a connection of its own; nil if another run has it.
func acquire(ctx context.Context, pool *pgxpool.Pool, id int64) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	var taken bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", lockName(id)).Scan(&taken); err != nil || !taken {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	return conn, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
