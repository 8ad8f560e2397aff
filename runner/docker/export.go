package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"

	"slicegate/jobs"
)

// LabelExport marks a container that gives the data of a slice which rests: no slice.
const LabelExport = "slicegate.export"

// How long a slice may take until it begins to answer; it may be in swap.
const exportBeginsWithin = 30 * time.Second

var _ jobs.Archives = (*Engine)(nil)

// OfRunning implements jobs.Archives: on the platform's port, or the user's of an image that has it there alone.
func (e *Engine) OfRunning(ctx context.Context, running jobs.Running) (io.ReadCloser, error) {
	body, err := e.archive(ctx, "http://"+running.Address+":"+platformPort+"/export")
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, errNoSuch) {
		body, err = e.archive(ctx, "http://"+running.Address+":"+userPort+"/api/export")
	}
	if errors.Is(err, errNoSuch) {
		return nil, fmt.Errorf("%w: %w", jobs.ErrNoArchive, err)
	}
	return body, err
}

func (e *Engine) archive(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	// Not e.http, which gives an answer two seconds.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialPrivileged, ResponseHeaderTimeout: exportBeginsWithin}}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		err = errNoSuch
	case response.StatusCode != http.StatusOK:
		err = fmt.Errorf("export answered %s", response.Status)
	case response.Header.Get("Content-Type") != "application/zip":
		err = fmt.Errorf("%w: it answers %q", jobs.ErrNoArchive, response.Header.Get("Content-Type"))
	}
	if err != nil {
		return nil, errors.Join(err, response.Body.Close())
	}
	return response.Body, nil
}

// exportCommand is what the slice contract names for it.
var exportCommand = []string{"node", "--max-old-space-size=128", "dist/export.js"}

func (e *Engine) exportName(slice int64) string {
	return fmt.Sprintf("%s-export-%d", e.config.Fleet, slice)
}

// OfResting implements jobs.Archives. The container has the slice's limits and walls, no network, and its media to
// read; what it writes to its standard output is not logged.
func (e *Engine) OfResting(ctx context.Context, spec jobs.Spec) (io.ReadCloser, error) {
	if err := e.removeExport(ctx, spec.Slice); err != nil {
		return nil, err
	}
	made, name := e.makeExport(spec), e.exportName(spec.Slice)
	created, err := e.client.ContainerCreate(ctx, made.config, made.host, nil, nil, name)
	if err != nil {
		return nil, fatalIfImageMissing(spec.Image, err)
	}
	output, err := e.client.ContainerAttach(ctx, created.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return nil, errors.Join(err, e.removeExport(context.WithoutCancel(ctx), spec.Slice))
	}
	// It is asked for before the end can come: the engine removes the container with its end.
	ended, failed := e.client.ContainerWait(ctx, created.ID, container.WaitConditionNextExit)
	if err := e.client.ContainerStart(ctx, created.ID, container.StartOptions{}); err != nil {
		output.Close()
		return nil, errors.Join(err, e.removeExport(context.WithoutCancel(ctx), spec.Slice))
	}
	reader, writer := io.Pipe()
	stop := context.AfterFunc(ctx, output.Close)
	go func() {
		var words tail
		_, err := stdcopy.StdCopy(writer, &words, output.Reader)
		if err == nil {
			err = exportEnded(ctx, ended, failed, &words)
		}
		_ = writer.CloseWithError(err) // nil is io.EOF: it is whole
	}()
	return &restingArchive{reader, func() error {
		stop()
		output.Close()
		return e.removeExport(context.WithoutCancel(ctx), spec.Slice)
	}}, nil
}

func exportEnded(ctx context.Context, ended <-chan container.WaitResponse, failed <-chan error, words *tail) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-failed:
		return fmt.Errorf("the export's container: %w", err)
	case end := <-ended:
		switch {
		case end.Error != nil:
			return errors.New("the export's container: " + end.Error.Message)
		case end.StatusCode == 0:
			return nil
		case bytes.Contains(words.last, []byte("MODULE_NOT_FOUND")):
			return fmt.Errorf("%w of a slice that rests", jobs.ErrNoArchive)
		}
		return fmt.Errorf("the export's container ended with code %d: %s", end.StatusCode, words)
	}
}

type restingArchive struct {
	*io.PipeReader
	end func() error
}

func (a *restingArchive) Close() error {
	return errors.Join(a.PipeReader.Close(), a.end())
}

// tail keeps the last of what is written to it: the slice is not trusted to say little.
type tail struct{ last []byte }

func (t *tail) Write(data []byte) (int, error) {
	t.last = append(t.last, data...)
	if most := 2 << 10; len(t.last) > most {
		t.last = append([]byte(nil), t.last[len(t.last)-most:]...)
	}
	return len(data), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.last)) }

func (e *Engine) makeExport(spec jobs.Spec) made {
	m := e.make(spec)
	m.config.Entrypoint, m.config.Cmd = exportCommand, []string{}
	m.config.ExposedPorts, m.config.AttachStdout, m.config.AttachStderr = nil, true, true
	m.config.Env = []string{
		"SLICE_ID=" + strconv.FormatInt(spec.Slice, 10), fmt.Sprintf("DB_SCHEMA=slice_%d", spec.Slice), "DATABASE_URL=" + spec.DatabaseURL,
		"MEDIA_DIR=" + mediaDir, "HOME=/tmp",
	}
	m.config.Labels = map[string]string{
		LabelFleet: e.config.Fleet, LabelSlice: strconv.FormatInt(spec.Slice, 10), LabelExport: "true",
	}
	m.host.NetworkMode, m.host.DNS, m.host.PortBindings = "none", nil, nil
	m.host.AutoRemove = true
	m.host.LogConfig = container.LogConfig{Type: "none"}
	m.host.Mounts = []mount.Mount{
		{Type: mount.TypeBind, Source: spec.Directory + "/media", Target: mediaDir, ReadOnly: true},
		{Type: mount.TypeBind, Source: e.config.SocketDir, Target: socketDir, ReadOnly: true},
	}
	m.host.Resources.MemoryReservation = 0
	return m
}

// removeExport ends what gives the data of a slice that rests, if there is something.
func (e *Engine) removeExport(ctx context.Context, slice int64) error {
	err := e.client.ContainerRemove(ctx, e.exportName(slice), container.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) {
		return nil
	}
	if errdefs.IsConflict(err) { // the engine is at it
		return e.exportGone(ctx, slice)
	}
	return err
}

// exportGone waits until the engine has removed it.
func (e *Engine) exportGone(ctx context.Context, slice int64) error {
	gone, failed := e.client.ContainerWait(ctx, e.exportName(slice), container.WaitConditionRemoved)
	select {
	case <-gone:
		return nil
	case err := <-failed:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	}
}
