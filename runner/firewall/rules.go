package firewall

import (
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Private are the IPv4 addresses that are nobody's in public (IANA's special-purpose registry,
// RFC 6890), multicast and broadcast; among them 169.254.169.254, where clouds answer with secrets.
var Private = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/3"),
}

// before the engine's own chains at 0, so that what is dropped here costs no more.
const beforeFilter = nftables.ChainPriority(-10)

type ruled struct {
	chain *nftables.Chain
	rules []*nftables.Rule
}

// chains are all that the table has. Each rule says in its comment what it is for, which
// `nft list table inet slicegate_slice` shows.
func (w Wall) chains(table *nftables.Table) []ruled {
	policy := nftables.ChainPolicyAccept
	chain := func(name string, hook *nftables.ChainHook, priority nftables.ChainPriority) ruled {
		return ruled{chain: &nftables.Chain{
			Name: name, Table: table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: &priority, Policy: &policy,
		}}
	}
	from, to := iface(expr.MetaKeyIIFNAME, expr.CmpOpEq, w.Bridge), iface(expr.MetaKeyOIFNAME, expr.CmpOpEq, w.Bridge)
	notFrom := iface(expr.MetaKeyIIFNAME, expr.CmpOpNeq, w.Bridge)

	forward := chain("forward", nftables.ChainHookForward, beforeFilter)
	forward.add("slice to slice", drop, from, to)
	forward.add("answers", accept, from, known())
	forward.add("answers", accept, to, known())
	forward.add("from elsewhere to a slice", drop, notFrom, to)
	forward.add("slices have no IPv6", drop, from, family(unix.NFPROTO_IPV6))
	for _, resolver := range w.Resolvers {
		forward.add("resolver", accept, from, destination(netip.PrefixFrom(resolver, 32)), port(unix.IPPROTO_UDP, 53))
		forward.add("resolver", accept, from, destination(netip.PrefixFrom(resolver, 32)), port(unix.IPPROTO_TCP, 53))
	}
	for _, network := range Private {
		forward.add("private", drop, from, destination(network))
	}
	for _, open := range w.Ports {
		forward.add("the internet", accept, from, port(unix.IPPROTO_TCP, open))
	}
	forward.add("all else", drop, from)

	input := chain("input", nftables.ChainHookInput, beforeFilter)
	input.add("answers", accept, from, known())
	for _, resolver := range w.Resolvers { // which may be this machine
		input.add("resolver", accept, from, destination(netip.PrefixFrom(resolver, 32)), port(unix.IPPROTO_UDP, 53))
		input.add("resolver", accept, from, destination(netip.PrefixFrom(resolver, 32)), port(unix.IPPROTO_TCP, 53))
	}
	input.add("a slice to this machine", drop, from)

	// Slices are published on 127.0.0.1, which engines before 28 let neighbours on the LAN reach.
	prerouting := chain("prerouting", nftables.ChainHookPrerouting, *nftables.ChainPriorityRaw)
	prerouting.add("loopback from outside", drop, iface(expr.MetaKeyIIFNAME, expr.CmpOpNeq, "lo"), destination(netip.MustParsePrefix("127.0.0.0/8")))
	return []ruled{forward, input, prerouting}
}

func (r *ruled) add(comment string, verdict expr.VerdictKind, matches ...[]expr.Any) {
	rule := &nftables.Rule{Table: r.chain.Table, Chain: r.chain, UserData: commentOf(comment)}
	for _, match := range matches {
		rule.Exprs = append(rule.Exprs, match...)
	}
	rule.Exprs = append(rule.Exprs, &expr.Verdict{Kind: verdict})
	r.rules = append(r.rules, rule)
}
