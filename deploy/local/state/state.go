// Package state holds what one local system keeps: a folder that one system at a time
// may use, its secrets, and how to reach it while it runs.
package state

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"slicegate/deploy/local/account"
)

// Errors of Claim and Reach.
var (
	ErrBusy       = errors.New("a system runs from this folder already")
	ErrNotRunning = errors.New("no system runs from this folder")
)

// State is a claimed folder.
type State struct {
	Dir    string // absolute, without links
	RunDir string // for sockets: a short path, whatever Dir is
	lock   *os.File
}

// Claim makes the folder and takes it until Release, or until the process ends in any way.
func Claim(dir string) (*State, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrBusy, dir)
		}
		return nil, err
	}
	sum := sha256.Sum256([]byte(dir))
	run := filepath.Join("/run/slicegate", hex.EncodeToString(sum[:4]))
	if err := os.MkdirAll(run, 0o711); err != nil {
		lock.Close()
		return nil, err
	}
	// Mkdir minds the umask, and a service must be able to come through.
	for _, path := range []string{filepath.Dir(run), run} {
		if err := os.Chmod(path, 0o711); err != nil {
			lock.Close()
			return nil, err
		}
	}
	return &State{Dir: dir, RunDir: run, lock: lock}, nil
}

// Release gives the folder up and removes the sockets' folder and the addresses.
func (s *State) Release() error {
	return errors.Join(removeIfThere(s.Path("env")), os.RemoveAll(s.RunDir), s.lock.Close())
}

// Discard removes the folder. Call it after Release.
func (s *State) Discard() error { return os.RemoveAll(s.Dir) }

// Path is a path within the folder.
func (s *State) Path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// Secret gives a secret of the folder: 64 hexadecimal digits made once from 256 random
// bits and kept in a file that only its owner reads.
func (s *State) Secret(name string) (string, error) {
	dir := s.Path("secrets")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	text, err := os.ReadFile(path)
	if err == nil && len(text) == 64 {
		return string(text), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	bits := make([]byte, 32)
	rand.Read(bits)
	secret := hex.EncodeToString(bits)
	// Renamed into place: a secret half written would lock the database for ever.
	if err := os.WriteFile(path+".new", []byte(secret), 0o600); err != nil {
		return "", err
	}
	return secret, os.Rename(path+".new", path)
}

// Publish writes how to reach the running system, for Reach, and for one reader's eyes.
func (s *State) Publish(addresses map[string]string, reader account.Account) error {
	var lines []string
	for name, value := range addresses {
		lines = append(lines, name+"="+value+"\n")
	}
	slices.Sort(lines)
	path := s.Path("env")
	if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "")), 0o600); err != nil {
		return err
	}
	if err := os.Chown(path+".new", int(reader.UID), int(reader.GID)); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Reach gives the KEY=value lines that the system running from the folder has published.
// With none running the error is ErrNotRunning.
func Reach(dir string) ([]string, error) {
	lock, err := os.Open(filepath.Join(dir, "lock"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	// A shared lock is to be had only when nobody holds the folder.
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case err == nil:
		return nil, ErrNotRunning
	case !errors.Is(err, unix.EWOULDBLOCK):
		return nil, err
	}
	file, err := os.Open(filepath.Join(dir, "env"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w yet: it is still starting", ErrNotRunning)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var lines []string
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		lines = append(lines, scanner.Text())
	}
	return lines, nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
