package firewall

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Resolvers are the IPv4 resolvers of a machine (its root is "/") that can be reached from
// elsewhere; behind systemd-resolved those that it asks itself, as the engine has it too. With
// another one on loopback alone there are none: the engine then asks it for the slices, from the
// machine itself, and slices need no way to it.
func Resolvers(root string) ([]netip.Addr, error) {
	found, err := nameservers(filepath.Join(root, "etc/resolv.conf"))
	if err != nil {
		return nil, fmt.Errorf("the machine's resolvers: %w (or name them in SLICE_DNS)", err)
	}
	if len(found) == 0 {
		behind, err := nameservers(filepath.Join(root, "run/systemd/resolve/resolv.conf"))
		if err == nil {
			return behind, nil
		}
	}
	return found, nil
}

func nameservers(path string) ([]netip.Addr, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var found []netip.Addr
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		address, err := netip.ParseAddr(fields[1])
		if err == nil && address.Is4() && !address.IsLoopback() {
			found = append(found, address)
		}
	}
	return found, lines.Err()
}
