package firewall_test

import (
	"context"
	"crypto/rand"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"slicegate/runner/firewall"
)

func setup(t *testing.T) firewall.Wall {
	t.Helper()
	t.Parallel()
	wall := firewall.Wall{
		Fleet: "t" + strings.ToLower(rand.Text()[:8]), Ports: []uint16{443},
		Resolvers: []netip.Addr{netip.MustParseAddr("192.0.2.53")},
	}
	wall.Bridge = firewall.Bridge(wall.Fleet)
	t.Cleanup(func() {
		if err := wall.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return wall
}

func TestWhatSomebodyChangedIsPutRightAndTold(t *testing.T) {
	wall := setup(t)
	ctx := context.Background()
	if found, err := wall.Ensure(ctx); err != nil || len(found) != 1 {
		t.Fatalf("the first time: %q, %v", found, err)
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: "slicegate_" + wall.Fleet}
	forward := &nftables.Chain{Name: "forward", Table: table}
	for _, change := range []struct {
		name string
		make func(*nftables.Conn)
	}{
		{"nothing", func(*nftables.Conn) {}},
		{"the table is deleted", func(c *nftables.Conn) { c.DelTable(table) }},
		{"a chain is flushed", func(c *nftables.Conn) { c.FlushChain(forward) }},
		{"a chain is added", func(c *nftables.Conn) { c.AddChain(&nftables.Chain{Name: "more", Table: table}) }},
		{"a rule is put first", func(c *nftables.Conn) {
			c.InsertRule(&nftables.Rule{Table: table, Chain: forward, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}})
		}},
		{"a rule is deleted", func(c *nftables.Conn) {
			rules, err := c.GetRules(table, forward)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.DelRule(rules[3]); err != nil {
				t.Fatal(err)
			}
		}},
		{"a rule is replaced by one of the same comment", func(c *nftables.Conn) {
			rules, err := c.GetRules(table, forward)
			if err != nil {
				t.Fatal(err)
			}
			rule := rules[len(rules)-1]
			rule.Exprs[len(rule.Exprs)-1] = &expr.Verdict{Kind: expr.VerdictAccept}
			c.ReplaceRule(rule)
		}},
	} {
		conn, err := nftables.New()
		if err != nil {
			t.Fatal(err)
		}
		change.make(conn)
		if err := conn.Flush(); err != nil {
			t.Fatalf("%s: %v", change.name, err)
		}
		found, err := wall.Ensure(ctx)
		if err != nil || (len(found) == 0) != (change.name == "nothing") {
			t.Errorf("%s: found %q, %v", change.name, found, err)
		}
		if again, err := wall.Ensure(ctx); err != nil || len(again) != 0 {
			t.Errorf("%s: not put right: %q, %v", change.name, again, err)
		}
	}
	// Other settings are another wall.
	wall.Ports = append(wall.Ports, 5222)
	if found, err := wall.Ensure(ctx); err != nil || len(found) != 1 {
		t.Errorf("another port: %q, %v", found, err)
	}
}

func TestRemovingTwice(t *testing.T) {
	wall := setup(t)
	if _, err := wall.Ensure(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := wall.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if found, err := wall.Ensure(context.Background()); err != nil || len(found) != 1 {
		t.Errorf("after removing: %q, %v", found, err)
	}
}

func TestResolversOfAMachine(t *testing.T) {
	t.Parallel()
	const systemd = "nameserver 127.0.0.53\n"
	for _, machine := range []struct{ name, etc, run, want string }{
		{"its own", "# a comment\nnameserver 10.0.0.2\nnameserver fe80::1\nsearch example.com\nnameserver 192.0.2.7\n", "", "10.0.0.2 192.0.2.7"},
		{"behind systemd-resolved", systemd, "nameserver 192.0.2.8\n", "192.0.2.8"},
		{"loopback alone", "nameserver 127.0.0.1\n", "", ""},
	} {
		root := t.TempDir()
		for path, content := range map[string]string{"etc/resolv.conf": machine.etc, "run/systemd/resolve/resolv.conf": machine.run} {
			if content == "" {
				continue
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, path), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		found, err := firewall.Resolvers(root)
		if err != nil {
			t.Errorf("%s: %v", machine.name, err)
		}
		var words []string
		for _, address := range found {
			words = append(words, address.String())
		}
		if got := strings.Join(words, " "); got != machine.want {
			t.Errorf("%s: %q, want %q", machine.name, got, machine.want)
		}
	}
	if _, err := firewall.Resolvers(t.TempDir()); err == nil || !strings.Contains(err.Error(), "SLICE_DNS") {
		t.Errorf("without a resolv.conf: %v", err)
	}
}
