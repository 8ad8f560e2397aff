// Package account says under which Unix user a child of a local system runs. Postgres
// refuses root, and nothing that parses what strangers send should have it.
package account

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Account is a Unix user.
type Account struct {
	Name     string
	Home     string
	UID, GID uint32
}

// Invoker is who asked for the system: the user behind sudo, else the current one.
func Invoker() (Account, error) {
	if uid := os.Getenv("SUDO_UID"); uid != "" && os.Geteuid() == 0 {
		found, err := user.LookupId(uid)
		if err != nil {
			return Account{}, fmt.Errorf("the user behind sudo: %w", err)
		}
		return from(found)
	}
	return Current()
}

// Current is who this process is.
func Current() (Account, error) {
	found, err := user.Current()
	if err != nil {
		return Account{}, fmt.Errorf("the current user: %w", err)
	}
	return from(found)
}

// Service is the account for a service: the invoker when that is not root, else the
// first of the named accounts that exists.
func Service(names ...string) (Account, error) {
	invoker, err := Invoker()
	if err != nil || invoker.UID != 0 {
		return invoker, err
	}
	for _, name := range names {
		if found, err := user.Lookup(name); err == nil {
			return from(found)
		}
	}
	return Account{}, fmt.Errorf("none of the accounts %v exists on this machine", names)
}

// Reaches says whether the account may enter every folder above path, by owner, group
// and mode (access lists and supplementary groups are not looked at: no is the safe answer).
func (a Account) Reaches(path string) bool {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || !a.enters(info) {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}

func (a Account) enters(info os.FileInfo) bool {
	stat := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case a.UID == 0:
		return true
	case a.UID == stat.Uid:
		return mode&0o100 != 0
	case a.GID == stat.Gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}

// MakeDir makes one folder owned by the account, or makes an existing one so.
func (a Account) MakeDir(path string, mode os.FileMode) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return err
	}
	if err := os.Chown(path, int(a.UID), int(a.GID)); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

func from(found *user.User) (Account, error) {
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return Account{}, fmt.Errorf("user %s: %w", found.Username, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return Account{}, fmt.Errorf("user %s: %w", found.Username, err)
	}
	return Account{Name: found.Username, Home: found.HomeDir, UID: uint32(uid), GID: uint32(gid)}, nil
}
