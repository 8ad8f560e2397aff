package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// removeBridgeDevice deletes a bridge that is down: SIOCBRDELBR, for which
// golang.org/x/sys has no wrapper.
func removeBridgeDevice(socket int, name string) error {
	const deleteBridge = 0x89a1
	device, err := unix.BytePtrFromString(name)
	if err != nil {
		return err
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), deleteBridge, uintptr(unsafe.Pointer(device)))
	if errno != 0 {
		return errno
	}
	return nil
}
