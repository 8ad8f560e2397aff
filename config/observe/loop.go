package observe

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Loop is something that a process does again and again, and that must not stand still.
type Loop struct {
	Name   string
	Within time.Duration // a round that takes longer has stopped
	Clock  func() time.Time

	turned atomic.Pointer[time.Time] // when it last went round; nil: not yet
}

// Turn is called in every round.
func (l *Loop) Turn() {
	now := l.Clock()
	l.turned.Store(&now)
}

// Check tells whether it turns. One that has not begun does.
func (l *Loop) Check() Check {
	return Check{Name: l.Name, Ask: func(context.Context) error {
		turned := l.turned.Load()
		if turned == nil {
			return nil
		}
		if since := l.Clock().Sub(*turned); since > l.Within {
			return fmt.Errorf("it has stood still for %s; a round takes %s at most", since.Round(time.Second), l.Within)
		}
		return nil
	}}
}
