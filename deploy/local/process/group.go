package process

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrEnded is in the error of a service that ended without being asked.
var ErrEnded = errors.New("ended by itself")

// Group is the services of one system: when one ends unasked, the system is over, unless the
// group is supervised.
type Group struct {
	mu       sync.Mutex
	children []*Child // in the order of their first start
	watchers sync.WaitGroup
	failed   chan error
	restart  time.Duration // 0: not supervised
	stopping chan struct{}
}

// NewGroup makes an empty group.
func NewGroup() *Group { return &Group{failed: make(chan error, 1), stopping: make(chan struct{})} }

// NewSupervised makes a group that starts a service again this long after it ended unasked, as
// systemd does on a server.
func NewSupervised(restart time.Duration) *Group {
	group := NewGroup()
	group.restart = restart
	return group
}

// Start runs a service and watches it.
func (g *Group) Start(spec Spec) (*Child, error) {
	child, err := Start(spec)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	place := len(g.children)
	g.children = append(g.children, child)
	g.mu.Unlock()
	g.watchers.Go(func() { g.watch(child, place) })
	return child, nil
}

func (g *Group) watch(child *Child, place int) {
	for {
		<-child.Done()
		if child.Asked() {
			return
		}
		if g.restart == 0 {
			g.fail(child)
			return
		}
		if child = g.again(child, place); child == nil {
			return
		}
	}
}

func (g *Group) fail(child *Child) {
	how := "exit code 0"
	if child.Err() != nil {
		how = child.Err().Error()
	}
	select {
	case g.failed <- fmt.Errorf("%s %w (%s); its last lines:%s", child.spec.Name, ErrEnded, how, child.Tail()):
	default: // the first death is the news
	}
}

// again starts what ended, and gives nil when the group is being stopped.
func (g *Group) again(ended *Child, place int) *Child {
	timer := time.NewTimer(g.restart)
	defer timer.Stop()
	select {
	case <-g.stopping:
		return nil
	case <-timer.C:
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.stopping:
		return nil
	default:
	}
	child, err := Start(ended.spec)
	if err != nil {
		select {
		case g.failed <- fmt.Errorf("start %s again: %w", ended.spec.Name, err):
		default:
		}
		return nil
	}
	g.children[place] = child
	return child
}

// Find gives the child that runs, or ran last, under a service's name; nil if none was started.
func (g *Group) Find(name string) *Child {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, child := range g.children {
		if child.spec.Name == name {
			return child
		}
	}
	return nil
}

// Failed gives the first error of a service that ended unasked.
func (g *Group) Failed() <-chan error { return g.failed }

// Stop ends the services one after the other, the newest first, and waits for each.
func (g *Group) Stop() {
	g.mu.Lock()
	children := g.children
	g.children = nil
	select {
	case <-g.stopping: // again is harmless
	default:
		close(g.stopping)
	}
	g.mu.Unlock()
	for i := len(children) - 1; i >= 0; i-- {
		children[i].Stop()
	}
	g.watchers.Wait()
}
