package proxy

import (
	"sync"
	"sync/atomic"

	lru "github.com/hashicorp/golang-lru/v2"

	"slicegate/functions/session"
)

// cacheSize is how many sessions are remembered: some 200 bytes each.
const cacheSize = 20_000

// cache remembers who holds a session for as long as a LISTEN connection would tell of a
// change. It never answers for longer: not connected, it is empty and stays empty.
type cache struct {
	hits, misses atomic.Uint64

	mu         sync.Mutex
	entries    *lru.Cache[session.ID, Access]
	listening  bool
	generation uint64 // of the last change that was told
}

func newCache() *cache {
	entries, err := lru.New[session.ID, Access](cacheSize)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &cache{entries: entries}
}

func (c *cache) get(id session.ID) (Access, bool) {
	access, found := c.entries.Get(id)
	if found {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
	return access, found
}

// begin comes before the query whose result put is to store.
func (c *cache) begin() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.generation
}

// put stores what a query said, unless a change was told since it began: the query may have
// read the row before the change.
func (c *cache) put(id session.ID, access Access, began uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listening && c.generation == began {
		c.entries.Add(id, access)
	}
}

func (c *cache) forgetSession(id session.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.entries.Remove(id)
}

func (c *cache) forgetUser(user int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	for _, id := range c.entries.Keys() {
		if access, found := c.entries.Peek(id); found && access.UserID == user {
			c.entries.Remove(id)
		}
	}
}

func (c *cache) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.entries.Purge()
}

// setListening empties the cache whenever the connection that tells of changes comes or goes.
func (c *cache) setListening(listening bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.listening = listening
	c.entries.Purge()
}
