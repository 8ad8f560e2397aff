package docker

import (
	"encoding/json"
	"fmt"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// Profiles in which a slice's Chromium runs, as CHROMIUM_PROFILE names them.
const (
	Sandboxed = "sandboxed" // its own sandbox is on: pages run in user namespaces of their own
	Lean      = "lean"      // one process, no sandbox: the container is the only wall
)

// browserSyscalls are what Chromium's sandbox needs beyond Docker's own profile: a user
// namespace for each page's process, and in it an empty root. No capability comes with them:
// what the process gains counts inside that namespace alone. The price is that a slice reaches
// the kernel's code for user namespaces.
var browserSyscalls = []string{"clone", "unshare", "chroot"}

// securityOptions are the container's own, as the engine wants them.
func securityOptions(engine, profile string) ([]string, error) {
	options := []string{"no-new-privileges"}
	if engine != "webjs" || profile != Sandboxed {
		return options, nil // Docker's own profile
	}
	wider := seccomp.DefaultProfile()
	wider.Syscalls = append(wider.Syscalls, &seccomp.Syscall{
		LinuxSyscall: specs.LinuxSyscall{Names: browserSyscalls, Action: specs.ActAllow},
		Comment:      "Chromium's sandbox",
	})
	encoded, err := json.Marshal(wider)
	if err != nil {
		return nil, fmt.Errorf("seccomp profile: %w", err)
	}
	return append(options, "seccomp="+string(encoded)), nil
}
