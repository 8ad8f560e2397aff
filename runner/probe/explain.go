package probe

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// explain says in words what a refusal of the kernel means and what can be done.
func explain(err error) error {
	var verifier *ebpf.VerifierError
	var advice string
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES) && !errors.As(err, &verifier):
		advice = "the kernel does not allow it: run as root (CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN), outside of a container"
		if lockdown, _ := os.ReadFile("/sys/kernel/security/lockdown"); strings.Contains(string(lockdown), "[confidentiality]") {
			advice += "; it is locked down for confidentiality, which forbids eBPF: boot with lockdown=integrity"
		}
	case errors.As(err, &verifier):
		advice = "the kernel's verifier does not accept the program, which it should on Linux 5.15 and newer: report this with the kernel's version"
	case errors.Is(err, unix.ENOSYS):
		advice = "the kernel has no eBPF: it needs CONFIG_BPF_SYSCALL=y, as Debian's and Ubuntu's have"
	case errors.Is(err, unix.EINVAL), errors.Is(err, ebpf.ErrNotSupported):
		advice = "the kernel does not know this: it must be Linux 5.15 or newer with CONFIG_CGROUP_BPF=y, as Debian's and Ubuntu's are"
	case errors.Is(err, unix.E2BIG):
		advice = "there are more groups than the map holds: Forget those that are gone"
	case errors.Is(err, unix.ENOMEM):
		advice = "the kernel has no memory for it"
	default:
		return fmt.Errorf("probe: %w", err)
	}
	return fmt.Errorf("the traffic of slices cannot be counted: %w: %s", err, advice)
}
