package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"

	"slicegate/jobs"
)

// made is a container as the engine is asked for it.
type made struct {
	config  *container.Config
	host    *container.HostConfig
	network *network.NetworkingConfig
}

// Where the slice contract has things, inside the container.
const (
	mediaDir   = "/app/media"
	sessionDir = "/app/session"
	socketDir  = "/run/postgresql"
	standInDir = "/app/stand-in"
)

// make describes the container of one slice: every slice has the same walls.
func (e *Engine) make(spec jobs.Spec) made {
	limits, init := e.config.Limits, true
	owner := fmt.Sprintf("%d:%d", spec.Owner, spec.Owner)
	environment := e.config.Env
	if e.config.StandIn {
		environment = append([]string{"STAND_IN_PAGE=" + standInDir}, environment...)
	}
	quota := limits.MediaQuota
	if spec.MediaQuota > 0 {
		quota = spec.MediaQuota
	}
	var resolvers []string
	for _, resolver := range e.config.Resolvers {
		resolvers = append(resolvers, resolver.String())
	}
	m := made{
		config: &container.Config{
			Image:        spec.Image,
			User:         owner,
			ExposedPorts: nat.PortSet{UserPort: {}},
			Env: append([]string{
				"SLICE_ID=" + strconv.FormatInt(spec.Slice, 10),
				fmt.Sprintf("DB_SCHEMA=slice_%d", spec.Slice),
				"DATABASE_URL=" + spec.DatabaseURL,
				"WA_ENGINE=" + e.config.WAEngine,
				"CHROMIUM_PROFILE=" + e.config.ChromiumProfile,
				"CHROMIUM_FLAGS=" + e.config.ChromiumFlags,
				"MEDIA_QUOTA_BYTES=" + strconv.FormatInt(quota, 10),
				"HOME=" + sessionDir,
			}, environment...),
			Labels: map[string]string{
				LabelFleet: e.config.Fleet,
				LabelSlice: strconv.FormatInt(spec.Slice, 10),
			},
		},
		host: &container.HostConfig{
			NetworkMode: container.NetworkMode(e.network()),
			DNS:         resolvers,
			// The user's port, on loopback alone: nginx is the only way in.
			PortBindings:   nat.PortMap{UserPort: {{HostIP: "127.0.0.1", HostPort: strconv.Itoa(spec.Port)}}},
			RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
			ReadonlyRootfs: true,
			CapDrop:        []string{"ALL"},
			SecurityOpt:    e.security,
			Init:           &init,
			IpcMode:        container.IPCModePrivate,
			CgroupnsMode:   container.CgroupnsModePrivate,
			Tmpfs:          map[string]string{"/tmp": "size=64m,mode=1777,noexec,nosuid,nodev"},
			Mounts: []mount.Mount{
				{Type: mount.TypeBind, Source: spec.Directory + "/media", Target: mediaDir},
				{Type: mount.TypeBind, Source: spec.Directory + "/session", Target: sessionDir},
				{Type: mount.TypeBind, Source: e.config.SocketDir, Target: socketDir, ReadOnly: true},
			},
			// A slice that talks too much fills its own two small files.
			LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "2m", "max-file": "2"}},
			Resources: container.Resources{
				CgroupParent:      e.cgroupParent,
				Memory:            limits.Memory,
				MemoryReservation: limits.Reservation,
				MemorySwap:        limits.Memory + limits.Swap, // Docker counts the two together
				NanoCPUs:          int64(limits.CPUs * 1e9),
				CPUShares:         int64(limits.CPUReservation * 1024),
				PidsLimit:         &limits.Pids,
			},
		},
		network: &network.NetworkingConfig{},
	}
	m.config.Labels[LabelSpec] = m.hash()
	return m
}

// hash tells one description from another; it holds the database password only as a digest.
func (m made) hash() string {
	encoded, err := json.Marshal([]any{m.config, m.host})
	if err != nil {
		panic(err) // plain structs always encode
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// LastWords implements jobs.Containers.
func (e *Engine) LastWords(ctx context.Context, slice int64) string {
	reader, err := e.client.ContainerLogs(ctx, e.name(slice), container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "5"})
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	defer reader.Close()
	var lines bytes.Buffer
	_, _ = stdcopy.StdCopy(&lines, &lines, io.LimitReader(reader, 8<<10)) // what came before an error is words too
	return strings.TrimSpace(lines.String())
}
