package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var tables = []string{"iptables", "ip6tables"}

const forwarding = "/proc/sys/net/ipv4/ip_forward"

// rememberFirewall keeps what the FORWARD policy was, which an engine sets to DROP, and
// whether the machine forwarded at all: the engine sets neither back.
func (d daemon) rememberFirewall(ctx context.Context) error {
	if _, err := os.Stat(d.path("ip_forward")); err != nil {
		value, err := os.ReadFile(forwarding)
		if err != nil {
			return err
		}
		if err := os.WriteFile(d.path("ip_forward"), value, 0o600); err != nil {
			return err
		}
	}
	for _, table := range tables {
		saved, err := saveRules(ctx, table)
		if err != nil {
			continue // a kernel without this table has nothing to remember
		}
		policy := "ACCEPT"
		if strings.Contains(saved, "\n:FORWARD DROP") {
			policy = "DROP"
		}
		path := d.path(table + ".forward")
		// What a killed predecessor's engine had set is not what the machine had.
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.WriteFile(path, []byte(policy), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// sweepFirewall removes the engine's chains and every rule about its chains and bridges.
func (d daemon) sweepFirewall(ctx context.Context, bridges []string) error {
	var failures []error
	if value, err := os.ReadFile(d.path("ip_forward")); err == nil {
		failures = append(failures, os.WriteFile(forwarding, value, 0o644), os.Remove(d.path("ip_forward")))
	}
	for _, table := range tables {
		saved, err := saveRules(ctx, table)
		if err != nil {
			continue
		}
		script := undo(saved, bridges)
		path := d.path(table + ".forward")
		if policy, err := os.ReadFile(path); err == nil {
			if len(script) > 0 {
				script = append(script, "*filter", ":FORWARD "+string(policy)+" [0:0]", "COMMIT")
			}
			failures = append(failures, os.Remove(path))
		}
		if len(script) == 0 {
			continue
		}
		cmd := exec.CommandContext(ctx, sbin(table+"-restore"), "--noflush")
		cmd.Stdin = strings.NewReader(strings.Join(script, "\n") + "\n")
		if output, err := cmd.CombinedOutput(); err != nil {
			failures = append(failures, fmt.Errorf("%s-restore: %w: %s", table, err, bytes.TrimSpace(output)))
		}
	}
	return errors.Join(failures...)
}

// undo turns what iptables-save printed into the lines for iptables-restore that delete
// Docker's chains and the rules that name them or one of the bridges.
func undo(saved string, bridges []string) []string {
	var script, rules, flushes, removals []string
	table := ""
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line
		case strings.HasPrefix(line, ":DOCKER"):
			chain, _, _ := strings.Cut(line[1:], " ")
			flushes, removals = append(flushes, "-F "+chain), append(removals, "-X "+chain)
		case strings.HasPrefix(line, "-A ") && concerns(line, bridges):
			rules = append(rules, "-D "+line[3:])
		case line == "COMMIT":
			if len(rules)+len(flushes) > 0 {
				script = slices.Concat(script, []string{table}, rules, flushes, removals, []string{"COMMIT"})
			}
			rules, flushes, removals = nil, nil, nil
		}
	}
	return script
}

func concerns(rule string, bridges []string) bool {
	words := strings.Fields(rule)
	if strings.HasPrefix(words[1], "DOCKER") {
		return false // goes with its chain
	}
	for i, word := range words[:len(words)-1] {
		next := words[i+1]
		if (word == "-j" || word == "-g") && strings.HasPrefix(next, "DOCKER") {
			return true
		}
		if (word == "-i" || word == "-o") && slices.Contains(bridges, next) {
			return true
		}
	}
	return false
}

func saveRules(ctx context.Context, table string) (string, error) {
	output, err := exec.CommandContext(ctx, sbin(table+"-save")).Output()
	return string(output), err
}

func sbin(program string) string {
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	return filepath.Join("/usr/sbin", program)
}
