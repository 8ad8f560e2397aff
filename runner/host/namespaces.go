package host

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// UserNamespaces tells whether processes without rights may make user namespaces here, which
// Chromium's sandbox is made of; the error says what forbids it and what to do.
func UserNamespaces() error {
	for _, setting := range []struct{ path, forbids, advice string }{
		{"/proc/sys/user/max_user_namespaces", "0", "set user.max_user_namespaces to 10000"},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "set kernel.unprivileged_userns_clone to 1"},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "set kernel.apparmor_restrict_unprivileged_userns to 0"},
	} {
		value, err := os.ReadFile(setting.path)
		if err == nil && strings.TrimSpace(string(value)) == setting.forbids {
			return fmt.Errorf("%s is %s: %s", setting.path, setting.forbids, setting.advice)
		}
	}
	// What no setting tells, a try does.
	try := exec.Command("/bin/true")
	try.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if err := try.Run(); err != nil {
		return fmt.Errorf("the kernel makes no user namespaces: %w", err)
	}
	return nil
}
