//go:build ignore

// Counts the traffic of slices: one program for each direction, attached to the cgroup above all
// slices. Both let every packet pass. `go generate` compiles this file; see compile/main.go.

#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// Ports of the slice contract, inside the container.
#define USER_PORT 4001
#define PLATFORM_PORT 4002

// Who asks on the user's port from a port below this is the platform: an image that has no port for it
// is asked there. Only root may take such a port, and nginx does not.
#define PRIVILEGED_PORTS 1024

// The loopback device has this index in every network namespace.
#define LOOPBACK_INDEX 1

struct class {
	__u64 bytes; // of layer 3, both directions
	__u64 packets;
	__u64 last; // CLOCK_BOOTTIME in ns, 0: never
};

// What is read by name from maps that other versions left: a field may move, its name means one thing.
struct totals {
	struct class user;
	struct class platform;
	struct class upstream;
};

// The key is the cgroup id of a slice, or 0 for whatever belongs to none that is known. Only the
// runner makes and deletes entries, so a total never vanishes to make room for another.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct totals);
} slice_totals SEC(".maps");

// Stands for the depth of a slice's cgroup below the root of the hierarchy. The runner puts the number
// into the instruction (level.go): to look it up would cost every packet a tenth of all the rest.
#define SLICE_LEVEL 0x51ce1e

// The other side's port, as a packet of a handshake has it: the socket is then the listening one, which
// has no other side. 0 where the packet does not say.
static __always_inline __u16 peer_in(struct __sk_buff *skb, bool ingress)
{
	__be16 ports[2];
	__u8 first;

	if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)))
		return 0;
	if (bpf_skb_load_bytes(skb, first >> 4 == 4 ? (first & 15) * 4 : 40, ports, sizeof(ports)))
		return 0;
	return bpf_ntohs(ports[ingress ? 0 : 1]);
}

static __always_inline bool by_platform(struct __sk_buff *skb, struct bpf_sock *socket, bool ingress)
{
	__u16 peer = bpf_ntohs(socket->dst_port);

	if (socket->protocol != IPPROTO_TCP)
		return false;
	if (!peer)
		peer = peer_in(skb, ingress);
	return peer && peer < PRIVILEGED_PORTS;
}

// The local port is asked of the socket, not read from the packet: that is right for fragments, for
// options and for extension headers, and nothing that a slice writes into a packet changes it.
static __always_inline struct class *class_of(struct __sk_buff *skb, struct totals *totals, bool ingress)
{
	struct bpf_sock *socket = skb->sk;

	if (socket)
		socket = bpf_sk_fullsock(socket);
	if (!socket || (socket->protocol != IPPROTO_TCP && socket->protocol != IPPROTO_UDP))
		return &totals->upstream;
	switch (socket->src_port) { // the local one, in host order
	case USER_PORT:
		return by_platform(skb, socket, ingress) ? &totals->platform : &totals->user;
	case PLATFORM_PORT:
		return &totals->platform;
	}
	return &totals->upstream;
}

static __always_inline int count(struct __sk_buff *skb, bool ingress)
{
	struct totals *totals;
	struct class *class;
	__u64 id;

	if (skb->ifindex == LOOPBACK_INDEX)
		return 1;
	// Groups that a slice makes inside its own count as the slice.
	id = bpf_skb_ancestor_cgroup_id(skb, SLICE_LEVEL);
	totals = bpf_map_lookup_elem(&slice_totals, &id);
	if (!totals) {
		id = 0;
		totals = bpf_map_lookup_elem(&slice_totals, &id);
		if (!totals)
			return 1;
	}
	class = class_of(skb, totals, ingress);
	// An arriving packet may interrupt a leaving one on the same CPU, between reading a sum and
	// writing it back.
	__sync_fetch_and_add(&class->bytes, skb->len);
	__sync_fetch_and_add(&class->packets, 1);
	class->last = bpf_ktime_get_boot_ns();
	return 1;
}

SEC("cgroup_skb/ingress")
int slice_ingress(struct __sk_buff *skb)
{
	return count(skb, true);
}

SEC("cgroup_skb/egress")
int slice_egress(struct __sk_buff *skb)
{
	return count(skb, false);
}

char _license[] SEC("license") = "Dual BSD/GPL";
