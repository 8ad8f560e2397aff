package proxy

import (
	"testing"

	"slicegate/functions/session"
)

func TestWhatAQueryReadBeforeAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	id, other := session.ID{1}, session.ID{2}
	for name, change := range map[string]func(*cache){
		"the session ended":       func(c *cache) { c.forgetSession(id) },
		"the user's slice moved":  func(c *cache) { c.forgetUser(7) },
		"the connection was lost": func(c *cache) { c.setListening(false); c.setListening(true) },
	} {
		c := newCache()
		c.setListening(true)
		began := c.begin()
		change(c) // while the query is under way
		c.put(id, Access{UserID: 7}, began)
		if _, found := c.get(id); found {
			t.Errorf("%s, and the answer of before is kept", name)
		}
		c.put(id, Access{UserID: 7}, c.begin())
		c.put(other, Access{UserID: 8}, c.begin())
		change(c)
		if _, found := c.get(id); found {
			t.Errorf("%s, and is still answered from memory", name)
		}
		if _, found := c.get(other); found != (name != "the connection was lost") {
			t.Errorf("%s: somebody else is remembered: %v", name, found)
		}
	}
}

func TestNothingIsRememberedWithoutBeingToldOfChanges(t *testing.T) {
	t.Parallel()
	c := newCache()
	c.put(session.ID{1}, Access{UserID: 7}, c.begin())
	if _, found := c.get(session.ID{1}); found {
		t.Error("remembered before anybody listens")
	}
}

func TestWhatIsAnsweredFromMemoryIsCounted(t *testing.T) {
	t.Parallel()
	p := New(Proxy{})
	p.cache.setListening(true)
	p.cache.put(session.ID{1}, Access{UserID: 7}, p.cache.begin())
	for _, id := range []session.ID{{1}, {2}, {1}} {
		p.cache.get(id)
	}
	if got := p.Figures(); got.Hits != 2 || got.Misses != 1 {
		t.Errorf("got %+v, want 2 hits and 1 miss", got)
	}
}
