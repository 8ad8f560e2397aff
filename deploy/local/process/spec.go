// Package process runs the children of a local system: services that must not outlive it
// and commands that must end when it is told to stop. What a child says goes, line by
// line, to whom the caller names.
package process

import (
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"slicegate/deploy/local/account"
)

// Spec describes one child.
type Spec struct {
	Name string   // what it is called in logs and errors
	Path string   // the program, looked up in PATH when it has no slash
	Args []string // without the program's own name
	Env  []string // KEY=value, added to a small environment; nothing else is inherited
	Dir  string   // empty: the current folder

	Account    *account.Account // nil: who we are
	ReadSearch bool             // may read below folders that are closed to the account
	BindLow    bool             // may listen on a port below 1024

	StopSignal syscall.Signal // asks it to end, and reaches it when we die; zero is SIGTERM
	Grace      time.Duration  // how long it may take to end before it is killed; zero is 10 s
	Finish     bool           // once asked to end it is waited for, never killed, and may outlive us

	Line   func(string) // gets every line of its output; nil drops them
	Stdout io.Writer    // gets its standard output instead, as it comes
}

// inherited are the variables, or beginnings of names, that every child gets: what finds
// programs and reaches networks, and no secret of ours.
var inherited = []string{
	"LANG=", "LC_ALL=", "TERM=", "TZ=", "NO_COLOR=", "CI=", "TMPDIR=", "GO", "CGO_", "npm_config_", "NPM_CONFIG_",
	"http_proxy=", "https_proxy=", "no_proxy=", "HTTP_PROXY=", "HTTPS_PROXY=", "NO_PROXY=",
	"SSL_CERT_FILE=", "SSL_CERT_DIR=", "NODE_EXTRA_CA_CERTS=",
}

func (s Spec) environment() []string {
	// Debian's ordinary users do not have the folders of nginx and iptables in PATH.
	environment := []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
	for _, entry := range os.Environ() {
		if slices.ContainsFunc(inherited, func(start string) bool { return strings.HasPrefix(entry, start) }) {
			environment = append(environment, entry)
		}
	}
	home := os.Getenv("HOME")
	if s.Account != nil {
		home = s.Account.Home
		environment = append(environment, "USER="+s.Account.Name, "LOGNAME="+s.Account.Name)
	}
	environment = append(environment, "HOME="+home)
	return append(environment, s.Env...)
}

func (s Spec) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if !s.Finish {
		attributes.Pdeathsig = s.stopSignal()
	}
	if s.Account == nil || s.Account.UID == uint32(os.Geteuid()) {
		return attributes
	}
	attributes.Credential = &syscall.Credential{Uid: s.Account.UID, Gid: s.Account.GID}
	if s.ReadSearch {
		attributes.AmbientCaps = append(attributes.AmbientCaps, unix.CAP_DAC_READ_SEARCH)
	}
	if s.BindLow {
		attributes.AmbientCaps = append(attributes.AmbientCaps, unix.CAP_NET_BIND_SERVICE)
	}
	return attributes
}

func (s Spec) stopSignal() syscall.Signal {
	if s.StopSignal == 0 {
		return syscall.SIGTERM
	}
	return s.StopSignal
}

func (s Spec) grace() time.Duration {
	if s.Grace == 0 {
		return 10 * time.Second
	}
	return s.Grace
}

func (s Spec) line(text string) {
	if s.Line != nil {
		s.Line(strings.TrimRight(text, "\r"))
	}
}
