package system

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"slicegate/config"
)

// ours are settings that the system decides, whatever the environment says: they may be
// there for another program.
var ours = []string{"DATABASE_URL", "SLICES_DATABASE_URL", "SOCKET_DIR", "SLICE_SOCKET_DIR", "DOCKER_HOST"}

// settings are what the binaries read, as far as the environment and the options give it.
type settings map[string]string

// settingsFrom takes every setting that the binaries declare from the environment; what
// the options say comes before it.
func settingsFrom(environment func(string) (string, bool), options Options) settings {
	found := settings{}
	for _, declared := range slices.Concat(config.Settings[config.Functions](), config.Settings[config.Runner](), config.Settings[config.Site]()) {
		for _, name := range []string{declared.Name, declared.Name + "_FILE"} {
			if value, ok := environment(name); ok && value != "" {
				found[name] = value
			}
		}
	}
	for _, name := range ours {
		delete(found, name)
		delete(found, name+"_FILE")
	}
	for name, value := range map[string]string{"FLEET": options.Fleet, "SLICE_PORTS": options.SlicePorts} {
		if value != "" {
			found[name] = value
		}
	}
	for _, entry := range options.ExtraEnv {
		name, value, _ := strings.Cut(entry, "=")
		found[name] = value
	}
	return found
}

func (s settings) or(name, fallback string) string {
	if value, ok := s[name]; ok {
		return value
	}
	return fallback
}

// with gives the settings and more as an environment.
func (s settings) with(more map[string]string) []string {
	var environment []string
	for name, value := range s {
		if _, ok := more[name]; !ok {
			environment = append(environment, name+"="+value)
		}
	}
	for name, value := range more {
		environment = append(environment, name+"="+value)
	}
	return environment
}

// Port reads PORT, 8080 if it is not set.
func Port() (int, error) {
	text := os.Getenv("PORT")
	if text == "" {
		return 8080, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("PORT must be a number from 1 to 65535, not %q", text)
	}
	return port, nil
}

// FreePort is a port of 127.0.0.1 that nobody listens on, for a system that is tested.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
