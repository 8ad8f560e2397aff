package probe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// hook is the attachment of one direction's program.
type hook struct {
	name    string // of the pin
	attach  ebpf.AttachType
	program *ebpf.Program
	link    link.Link // nil while there is no parent
}

// attached tells whether all programs are attached to the parent that is there now, and pinned. It
// is true without a parent, which has no traffic.
func (p *Probe) attached() (bool, error) {
	parent, err := inode(p.config.Parent)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, hook := range p.hooks {
		on, err := hook.on()
		if err != nil || on != parent {
			return false, err
		}
		if _, err := os.Lstat(filepath.Join(p.config.Pins, hook.name)); err != nil {
			return false, nil
		}
	}
	_, err = os.Lstat(p.totals.current.pin)
	return err == nil, nil
}

// on is the id of the cgroup that the program is attached to; 0 if to none, or to one that is gone.
func (h *hook) on() (uint64, error) {
	if h.link == nil {
		return 0, nil
	}
	info, err := h.link.Info()
	if err != nil {
		return 0, err
	}
	if cgroup := info.Cgroup(); cgroup != nil {
		return cgroup.CgroupId, nil
	}
	return 0, nil
}

// attach brings all programs to the parent. The pins must be locked.
func (p *Probe) attach() error {
	parent, err := inode(p.config.Parent)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Lstat(p.totals.current.pin); errors.Is(err, os.ErrNotExist) {
		p.config.Say("the pin of the totals was gone: " + p.totals.current.pin)
		if err := errors.Join(p.totals.current.Unpin(), p.totals.current.Pin(p.totals.current.pin)); err != nil {
			return err
		}
	}
	for _, hook := range p.hooks {
		if err := p.attachOne(hook, parent); err != nil {
			return fmt.Errorf("attach the program for %s to %s: %w", hook.name, p.config.Parent, err)
		}
	}
	return nil
}

// attachOne takes over the pinned link if it is the parent's, with its program exchanged for ours:
// every packet is counted by one of the two. Else it makes and pins a new one.
func (p *Probe) attachOne(hook *hook, parent uint64) error {
	pin := filepath.Join(p.config.Pins, hook.name)
	pinned, err := link.LoadPinnedLink(pin, nil)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	ours := hook.link
	if err == nil {
		if err := hook.close(); err != nil {
			return errors.Join(err, pinned.Close())
		}
		hook.link = pinned
	}
	if on, err := hook.on(); err != nil {
		return err
	} else if on == parent {
		if hook.link == ours { // somebody removed its pin
			p.config.Say("the pin of the program for " + hook.name + " was gone: " + pin)
			return errors.Join(ours.Unpin(), ours.Pin(pin))
		}
		return hook.link.Update(hook.program)
	}

	// What is pinned, if anything, hangs on a parent that was removed.
	if hook.link != nil {
		p.config.Say("the program for " + hook.name + " was not attached to " + p.config.Parent + ", and is now")
		if err := errors.Join(hook.link.Unpin(), hook.close()); err != nil {
			return err
		}
	}
	attached, err := link.AttachCgroup(link.CgroupOptions{Path: p.config.Parent, Attach: hook.attach, Program: hook.program})
	if err != nil {
		return err
	}
	if err := attached.Pin(pin); err != nil {
		return errors.Join(err, attached.Close())
	}
	hook.link = attached
	return nil
}

func (h *hook) close() error {
	if h.link == nil {
		return nil
	}
	err := h.link.Close()
	h.link = nil
	return err
}
