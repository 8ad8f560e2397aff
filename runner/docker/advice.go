package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/system"
)

// advice says what of the engine's settings should be different where slices live.
func advice(info system.Info, proxies int) []string {
	var found []string
	if !info.LiveRestoreEnabled {
		found = append(found, `set "live-restore": true in /etc/docker/daemon.json: without it every slice stops when the engine is restarted or updated`)
	}
	if proxies > 0 {
		found = append(found, fmt.Sprintf(`set "userland-proxy": false in /etc/docker/daemon.json: %d docker-proxy processes of some 4 MB each stand between nginx and the slices`, proxies))
	}
	major, _, _ := strings.Cut(info.ServerVersion, ".")
	if version, err := strconv.Atoi(major); err == nil && version < 24 {
		found = append(found, "update the engine: "+info.ServerVersion+" no longer gets security fixes; 24 is the oldest that is tried with this")
	}
	return found
}

// proxies counts the engine's processes that pass on published ports one by one.
func proxies() int {
	count := 0
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		if comm, err := os.ReadFile(name); err == nil && strings.TrimSpace(string(comm)) == "docker-proxy" {
			count++
		}
	}
	return count
}
