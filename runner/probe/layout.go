package probe

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// sums are what one entry of a map holds, added up over the CPUs, in the order of fields.
type sums [len(fields)]uint64

// fields are the counts' names in count.c.
var fields = [...]string{
	"user.bytes", "user.packets", "user.last",
	"platform.bytes", "platform.packets", "platform.last",
	"upstream.bytes", "upstream.packets", "upstream.last",
}

func (s *sums) add(other sums) {
	for i, value := range other {
		if strings.HasSuffix(fields[i], ".last") {
			s[i] = max(s[i], value)
		} else {
			s[i] += value
		}
	}
}

// layout is where the values of a map hold each of the fields, in bytes; below zero if they do not.
// It is taken from the type that the kernel keeps with the map, so that the totals in a map of an
// older or newer version are read as well.
type layout [len(fields)]int

func layoutOf(value btf.Type) (layout, error) {
	var l layout
	for i := range l {
		l[i] = -1
	}
	err := eachField(value, "", 0, func(name string, offset int, _ uint32) {
		for i, field := range fields {
			if field == name {
				l[i] = offset
			}
		}
	})
	return l, err
}

// eachField calls visit for each number in a struct, with its name "outer.inner".
func eachField(t btf.Type, name string, offset int, visit func(name string, offset int, size uint32)) error {
	switch t := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		for _, member := range t.Members {
			inner := strings.TrimPrefix(name+"."+member.Name, ".")
			if err := eachField(member.Type, inner, offset+int(member.Offset.Bytes()), visit); err != nil {
				return err
			}
		}
		return nil
	case *btf.Int:
		visit(name, offset, t.Size)
		return nil
	default:
		return fmt.Errorf("%s is a %T: only structs and numbers are known", name, t)
	}
}

// sum adds up what the CPUs counted.
func (l layout) sum(cpus []raw) sums {
	var all sums
	for _, cpu := range cpus {
		var one sums
		for i, offset := range l {
			if offset >= 0 && offset+8 <= len(cpu) {
				one[i] = binary.NativeEndian.Uint64(cpu[offset:])
			}
		}
		all.add(one)
	}
	return all
}

// fingerprint names all that two maps must have in common for one to be used as the other.
func fingerprint(spec *ebpf.MapSpec) (string, error) {
	text := fmt.Sprintln(spec.Type, spec.Flags, spec.MaxEntries, spec.KeySize, spec.ValueSize)
	err := eachField(spec.Value, "", 0, func(name string, offset int, size uint32) {
		text += fmt.Sprintln(name, offset, size)
	})
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x", sum[:4]), err
}

// raw is one CPU's value as the kernel has it.
type raw []byte

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (r *raw) UnmarshalBinary(value []byte) error {
	*r = append((*r)[:0], value...)
	return nil
}
