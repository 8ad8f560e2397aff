package chaos

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// crowd is the customers, who go on all the time but for the moments in which they are looked at.
type crowd struct {
	customers []*customer
	acting    sync.RWMutex // held for writing: nobody acts
	done      sync.WaitGroup
}

// newCrowd makes n customers of the app at appURL, which nginx serves at address.
func newCrowd(n int, seed uint64, appURL, address string, ledger *ledger) *crowd {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address) // no resolver need know app.localhost
	}}
	var c crowd
	for number := range n {
		c.customers = append(c.customers, &customer{
			number: number, random: rand.New(rand.NewPCG(seed, uint64(100+number))), appURL: appURL,
			http: &http.Client{Transport: transport}, ledger: ledger,
		})
	}
	return &c
}

// start lets them act until ctx ends, and then wait can be called.
func (c *crowd) start(ctx context.Context) {
	for _, one := range c.customers {
		c.done.Go(func() {
			for ctx.Err() == nil {
				c.acting.RLock()
				one.act(ctx)
				c.acting.RUnlock()
				timer := time.NewTimer(150*time.Millisecond + time.Duration(one.random.Int64N(int64(600*time.Millisecond))))
				select {
				case <-ctx.Done():
					timer.Stop()
				case <-timer.C:
				}
			}
		})
	}
}

func (c *crowd) wait() { c.done.Wait() }

// hold waits until nobody acts and keeps it so.
func (c *crowd) hold()  { c.acting.Lock() }
func (c *crowd) letGo() { c.acting.Unlock() }

// find asks every customer what they find, while they are held.
func (c *crowd) find(ctx context.Context, w world) (found []string) {
	var mu sync.Mutex
	var asking sync.WaitGroup
	for _, one := range c.customers {
		asking.Go(func() {
			if what := one.finds(ctx, w); what != "" {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, what)
			}
		})
	}
	asking.Wait()
	return found
}

// address is HOST:PORT on 127.0.0.1 of a URL.
func address(url string) string {
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	return net.JoinHostPort("127.0.0.1", port)
}
