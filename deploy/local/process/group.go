package process

import (
	"errors"
	"fmt"
	"sync"
)

// ErrEnded is in the error of a service that ended without being asked.
var ErrEnded = errors.New("ended by itself")

// Group is the services of one system: when one ends unasked, the system is over.
type Group struct {
	mu       sync.Mutex
	children []*Child
	watchers sync.WaitGroup
	failed   chan error
}

// NewGroup makes an empty group.
func NewGroup() *Group { return &Group{failed: make(chan error, 1)} }

// Start runs a service and watches it.
func (g *Group) Start(spec Spec) (*Child, error) {
	child, err := Start(spec)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.children = append(g.children, child)
	g.mu.Unlock()
	g.watchers.Go(func() {
		<-child.Done()
		if child.Asked() {
			return
		}
		how := "exit code 0"
		if child.Err() != nil {
			how = child.Err().Error()
		}
		select {
		case g.failed <- fmt.Errorf("%s %w (%s); its last lines:%s", spec.Name, ErrEnded, how, child.Tail()):
		default: // the first death is the news
		}
	})
	return child, nil
}

// Failed gives the first error of a service that ended unasked.
func (g *Group) Failed() <-chan error { return g.failed }

// Stop ends the services one after the other, the newest first, and waits for each.
func (g *Group) Stop() {
	g.mu.Lock()
	children := g.children
	g.children = nil
	g.mu.Unlock()
	for i := len(children) - 1; i >= 0; i-- {
		children[i].Stop()
	}
	g.watchers.Wait()
}
