// Package firewall is the wall around the network of one fleet's slices. A slice reaches the
// internet by the ports it needs and the configured resolvers; it does not reach another
// slice, the host, or anything private, and nobody but the host reaches a slice.
//
// The rules are one nftables table of the fleet's own. A drop in it is final whatever other
// tables say, and it does not go when somebody flushes iptables or restarts the engine.
package firewall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Wall describes the rules of one fleet.
type Wall struct {
	Fleet     string
	Bridge    string       // the interface of the fleet's network
	Resolvers []netip.Addr // asked by slices on port 53; none where the engine asks for them
	Ports     []uint16     // TCP ports of public addresses that slices may reach
}

const tablePrefix = "slicegate_"

// bridged must hold 1, else what goes from one port of a bridge to another passes no rules.
const bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables"

// Ensure puts the rules up in one transaction unless they are there already. It tells what it
// found different, nil if nothing was. May be called at any time.
func (w Wall) Ensure(ctx context.Context) (repaired []string, err error) {
	value, err := os.ReadFile(bridged)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the kernel module br_netfilter is not loaded, without which slices reach each other: run `modprobe br_netfilter` and add it to /etc/modules-load.d")
	case err != nil:
		return nil, err
	case strings.TrimSpace(string(value)) != "1":
		if err := os.WriteFile(bridged, []byte("1\n"), 0o644); err != nil {
			return nil, fmt.Errorf("set net.bridge.bridge-nf-call-iptables to 1, without which slices reach each other: %w", err)
		}
		repaired = append(repaired, "net.bridge.bridge-nf-call-iptables was "+strings.TrimSpace(string(value)))
	}
	err = retry(ctx, func() error {
		found, err := w.difference()
		if err != nil || found == "" {
			return err
		}
		if err := w.put(); err != nil {
			return err
		}
		repaired = append(repaired, found)
		return nil
	})
	return repaired, explain(err)
}

// Remove takes the rules away. Without them it does nothing.
func (w Wall) Remove(ctx context.Context) error {
	return explain(retry(ctx, func() error { return remove(w.table().Name) }))
}

// Sweep removes the rules of fleets whose network is gone.
func Sweep(ctx context.Context) error {
	return explain(retry(ctx, func() error {
		conn, err := nftables.New()
		if err != nil {
			return err
		}
		tables, err := conn.ListTablesOfFamily(nftables.TableFamilyINet)
		if err != nil {
			return err
		}
		for _, table := range tables {
			fleet, ours := strings.CutPrefix(table.Name, tablePrefix)
			if !ours {
				continue
			}
			if _, err := os.Stat(filepath.Join("/sys/class/net", Bridge(fleet))); err == nil {
				continue
			}
			if err := remove(table.Name); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Bridge is the interface of a fleet's network. Names of interfaces have 15 characters at most.
func Bridge(fleet string) string { return fmt.Sprintf("br-%.12s", fleet) }

func (w Wall) table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: tablePrefix + w.Fleet}
}

// put replaces the whole table: the kernel takes all of a batch or nothing.
func (w Wall) put() error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := conn.AddTable(w.table())
	conn.DelTable(table) // what adding found there
	conn.AddTable(table)
	for _, wanted := range w.chains(table) {
		conn.AddChain(wanted.chain)
		for _, rule := range wanted.rules {
			conn.AddRule(rule)
		}
	}
	return conn.Flush()
}

func remove(name string) error {
	conn, err := nftables.New()
	if err != nil {
		return err
	}
	table := &nftables.Table{Family: nftables.TableFamilyINet, Name: name}
	conn.AddTable(table) // so that deleting finds one
	conn.DelTable(table)
	return conn.Flush()
}

// difference says how the kernel's rules differ from those that should be there; "" if not at all.
func (w Wall) difference() (string, error) {
	conn, err := nftables.New()
	if err != nil {
		return "", err
	}
	table := w.table()
	tables, err := conn.ListTablesOfFamily(table.Family)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(tables, func(t *nftables.Table) bool { return t.Name == table.Name })
	if i < 0 {
		return "table " + table.Name + " was not there", nil
	}
	if tables[i].Flags&unix.NFT_TABLE_F_DORMANT != 0 {
		return "table " + table.Name + " was dormant", nil
	}
	all, err := conn.ListChainsOfTableFamily(table.Family)
	if err != nil {
		return "", err
	}
	found := map[string]*nftables.Chain{}
	for _, chain := range all {
		if chain.Table.Name == table.Name {
			found[chain.Name] = chain
		}
	}
	wanted := w.chains(table)
	if len(found) != len(wanted) {
		return fmt.Sprintf("table %s had %d chains, not %d", table.Name, len(found), len(wanted)), nil
	}
	for _, one := range wanted {
		chain := found[one.chain.Name]
		if chain == nil || !sameHook(chain, one.chain) {
			return fmt.Sprintf("chain %s of table %s was not as it should be", one.chain.Name, table.Name), nil
		}
		rules, err := conn.GetRules(table, chain)
		if err != nil {
			return "", err
		}
		if !slices.EqualFunc(rules, one.rules, sameRule) {
			return fmt.Sprintf("the rules of chain %s of table %s were changed", one.chain.Name, table.Name), nil
		}
	}
	return "", nil
}

func sameHook(a, b *nftables.Chain) bool {
	return a.Hooknum != nil && *a.Hooknum == *b.Hooknum && a.Priority != nil && *a.Priority == *b.Priority &&
		(a.Policy == nil || *a.Policy == nftables.ChainPolicyAccept)
}

func sameRule(a, b *nftables.Rule) bool {
	return bytes.Equal(a.UserData, b.UserData) && slices.EqualFunc(a.Exprs, b.Exprs, func(x, y expr.Any) bool {
		one, err1 := expr.Marshal(byte(nftables.TableFamilyINet), x)
		other, err2 := expr.Marshal(byte(nftables.TableFamilyINet), y)
		return err1 == nil && err2 == nil && bytes.Equal(one, other)
	})
}

// retry repeats what the kernel broke off because somebody else changed rules meanwhile.
func retry(ctx context.Context, do func() error) error {
	for {
		err := do()
		if !errors.Is(err, syscall.EINTR) && !errors.Is(err, syscall.ERESTART) && !errors.Is(err, syscall.EBUSY) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("the firewall around the slices needs root (CAP_NET_ADMIN): run as root, or set FIREWALL=off where slices need no walls: %w", err)
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EPROTONOSUPPORT), errors.Is(err, syscall.ENOENT):
		return fmt.Errorf("the firewall around the slices needs nftables in the kernel (modules nf_tables, nft_ct; Linux 5.2 or newer): %w", err)
	case err != nil:
		return fmt.Errorf("firewall: %w", err)
	}
	return nil
}
