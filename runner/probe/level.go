package probe

import (
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// levelPlace is SLICE_LEVEL in count.c.
const levelPlace = 0x51ce1e

// setLevel puts the depth of the slices' cgroups into the programs.
func setLevel(spec *ebpf.CollectionSpec, level int) error {
	for name, program := range spec.Programs {
		found := 0
		for i := range program.Instructions {
			// The second argument of bpf_skb_ancestor_cgroup_id.
			if in := &program.Instructions[i]; in.OpCode == asm.Mov.Op(asm.ImmSource) && in.Dst == asm.R2 && in.Constant == levelPlace {
				in.Constant = int64(level)
				found++
			}
		}
		if found != 1 {
			return fmt.Errorf("the program %s has %d places for the depth of slices, not one", name, found)
		}
	}
	return nil
}
