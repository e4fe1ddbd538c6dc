package consul

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	nameTime   = time.Minute      // a name is looked up at most once within it
	lookupTime = 2 * time.Second  // for one name
	answerSpan = 5 * time.Second  // for all names of an answer
	lookups    = 16               // at a time, for one watch
	nameIdle   = 10 * time.Minute // a name that nobody asked for is forgotten
	manyNames  = 1024             // from so many on, forgotten names are looked for
)

// lookup finds the addresses of a name.
type lookup func(ctx context.Context, name string) ([]netip.Addr, error)

// names knows the addresses of services that are registered with a name in place of an
// address. An instance has one address: the one it had before as long as the name
// still has it, and else the lowest, IPv4 first. A name that cannot be looked up keeps
// what it had, unless the answer is that it has no address.
type names struct {
	lookup lookup
	log    *slog.Logger

	mu    sync.Mutex
	known map[string]*name
}

// name is what is known of one. Only one look-up changes it at a time.
type name struct {
	sync.Mutex
	addr   netip.Addr // not valid: none
	looked time.Time
	failed bool // it has been logged

	used time.Time // under the lock of names
}

func newNames(log *slog.Logger) *names {
	return &names{lookup: systemLookup, log: log, known: make(map[string]*name)}
}

func systemLookup(ctx context.Context, name string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
}

// resolve returns the addresses of those names that have one. Names that there was no
// time for are as they were.
func (n *names) resolve(ctx context.Context, wanted []string) map[string]netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, answerSpan)
	defer cancel()
	found := make(map[string]netip.Addr, len(wanted))
	var mu sync.Mutex
	var wg sync.WaitGroup
	places := make(chan struct{}, lookups)
	for _, w := range wanted {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			if addr := n.one(ctx, w); addr.IsValid() {
				mu.Lock()
				defer mu.Unlock()
				found[w] = addr
			}
		})
	}
	wg.Wait()
	return found
}

func (n *names) one(ctx context.Context, host string) netip.Addr {
	k := n.get(host)
	k.Lock()
	defer k.Unlock()
	if ctx.Err() != nil || !k.looked.IsZero() && time.Since(k.looked) < nameTime {
		return k.addr
	}
	k.looked = time.Now()
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	addrs, err := n.lookup(ctx, host)
	if err != nil && !k.failed {
		n.log.Warn("a service in Consul has an address that cannot be looked up", "name", host, "error", err)
	}
	k.failed = err != nil
	var dns *net.DNSError
	switch {
	case err == nil:
		k.addr = choose(addrs, k.addr)
	case errors.As(err, &dns) && dns.IsNotFound:
		k.addr = netip.Addr{}
	}
	return k.addr
}

func (n *names) get(host string) *name {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	k := n.known[host]
	if k == nil {
		if len(n.known) >= manyNames {
			n.forget(now)
		}
		k = &name{}
		n.known[host] = k
	}
	k.used = now
	return k
}

func (n *names) forget(now time.Time) {
	for host, k := range n.known {
		if now.Sub(k.used) > nameIdle {
			delete(n.known, host)
		}
	}
}

// choose picks an address, the present one if it is among them.
func choose(addrs []netip.Addr, present netip.Addr) netip.Addr {
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	if len(addrs) == 0 || slices.Contains(addrs, present) {
		return present
	}
	return slices.MinFunc(addrs, netip.Addr.Compare) // IPv4 is less than IPv6
}
