// Package packages finds the programs a local system runs and installs from Debian's
// packages those that are missing, leaving no service behind that it did not find.
package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Need is one thing that must be present, and where Debian has it.
type Need struct {
	Programs []string // any one of these, by name or absolute path, is enough
	Packages []string
	Why      string
}

// What a system can need.
var (
	Postgres = Need{[]string{"postgres", "/usr/lib/postgresql/*/bin/postgres"}, []string{"postgresql"}, "the database"}
	Nginx    = Need{[]string{"nginx"}, []string{"nginx"}, "the front door"}
	Bases    = Need{[]string{"mmdebstrap"}, []string{"mmdebstrap", "debian-archive-keyring"}, "building the slice image"}
	Keyring  = Need{[]string{"/usr/share/keyrings/debian-archive-trixie-stable.*"}, []string{"debian-archive-keyring"}, "checking what the slice image is made of"}
	Browser  = Need{[]string{"chromium"}, []string{"chromium", "fonts-liberation"}, "browser tests"}
	Compiler = Need{[]string{"gcc", "clang"}, []string{"gcc"}, "Go's race detector"}
	Headers  = Need{[]string{"/usr/include/stdlib.h"}, []string{"libc6-dev"}, "Go's race detector"}
	Networks = Need{[]string{"ip"}, []string{"iproute2"}, "tests of the walls around slices"}
	Unzip    = Need{[]string{"unzip"}, []string{"unzip"}, "the test that opens an export"}
	Clang    = Need{[]string{"clang"}, []string{"clang"}, "compiling the eBPF probe"}
	Strip    = Need{[]string{"llvm-strip"}, []string{"llvm"}, "compiling the eBPF probe"}
	Libbpf   = Need{[]string{"/usr/include/bpf/bpf_helpers.h"}, []string{"libbpf-dev"}, "compiling the eBPF probe"}
	Load     = Need{[]string{"wrk"}, []string{"wrk"}, "the benchmark of the way through nginx"}
)

// Dockerd is the engine itself.
var Dockerd = Need{[]string{"dockerd"}, []string{"docker.io"}, "the engine that runs slices"}

// engine is what a Docker engine of our own needs.
var engine = []Need{
	Dockerd,
	{[]string{"containerd"}, []string{"containerd"}, "the engine that runs slices"},
	{[]string{"runc"}, []string{"runc"}, "the engine that runs slices"},
	{[]string{"iptables"}, []string{"iptables"}, "keeping slices apart"},
}

// Engine is what a Docker engine of our own needs on this kernel. Where AppArmor is
// enforced, containers do not start when their profile cannot be loaded.
func Engine() []Need {
	value, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	if err != nil || !strings.HasPrefix(string(value), "Y") {
		return engine
	}
	return append(slices.Clone(engine), Need{[]string{"apparmor_parser"}, []string{"apparmor"}, "the containers' AppArmor profile"})
}

// Path is where one of the need's programs is, or empty. Of several versions it is the
// newest.
func (n Need) Path() string {
	for _, program := range n.Programs {
		if strings.Contains(program, "/") {
			if matches, _ := filepath.Glob(program); len(matches) > 0 {
				sort.Slice(matches, func(i, j int) bool { return version(matches[i]) < version(matches[j]) })
				return matches[len(matches)-1]
			}
			continue
		}
		if path := find(program); path != "" {
			return path
		}
	}
	return ""
}

// find looks in PATH and in the folders that an ordinary user's PATH lacks.
func find(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// version is the last of a path's elements that is a number: 17 in /usr/lib/postgresql/17/bin.
func version(path string) int {
	for _, element := range slices.Backward(strings.Split(path, "/")) {
		if number, err := strconv.Atoi(element); err == nil {
			return number
		}
	}
	return 0
}

// Missing are those needs that this machine cannot serve.
func Missing(needs ...Need) []Need {
	var missing []Need
	for _, need := range needs {
		if need.Path() == "" {
			missing = append(missing, need)
		}
	}
	return missing
}
