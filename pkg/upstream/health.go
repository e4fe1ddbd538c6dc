package upstream

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Health is what is known of whether a cluster's hosts are well. It outlives
// snapshots.
//
// Whoever checks the hosts tells it; the workers of the cluster are woken, and take
// it on. They read it when it has changed, not for each request.
type Health struct {
	mu    sync.Mutex                          // held by who changes it
	ill   atomic.Pointer[map[string]struct{}] // addresses, as configured; the map never changes
	wakes []atomic.Pointer[func()]            // by worker
}

// HealthChange is news of a host.
type HealthChange struct {
	Cluster string
	Host    string // its address, as configured
	Healthy bool
}

func newHealth(workers int) *Health { return &Health{wakes: make([]atomic.Pointer[func()], workers)} }

// SetHealth takes on news of hosts, of clusters that the snapshot has. All workers
// that have applied the snapshot, or one before or after it, act on it soon: hosts
// that are not well are no longer chosen, and their idle connections are closed,
// while requests under way go on. Hosts of which there never was any news are well.
//
// Any goroutine may call it; it does not block. News of one host must come in order.
func (s *Snapshot) SetHealth(changes []HealthChange) {
	by := make(map[*Health][]HealthChange, 1)
	for _, c := range changes {
		if i, ok := s.byName[c.Cluster]; ok {
			h := s.clusters[i].Health
			by[h] = append(by[h], c)
		}
	}
	for h, of := range by {
		h.set(of)
	}
}

func (h *Health) set(changes []HealthChange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	ill := make(map[string]struct{})
	if before := h.ill.Load(); before != nil {
		ill = maps.Clone(*before)
	}
	for _, c := range changes {
		if c.Healthy {
			delete(ill, c.Host)
		} else {
			ill[c.Host] = struct{}{}
		}
	}
	h.ill.Store(&ill)
	for i := range h.wakes {
		if wake := h.wakes[i].Load(); wake != nil {
			(*wake)()
		}
	}
}

// Healthy tells whether a host is well, as far as is known.
func (h *Health) Healthy(address string) bool {
	ill := h.ill.Load()
	if ill == nil {
		return true
	}
	_, is := (*ill)[address]
	return !is
}

// examine takes on what is known of the hosts, and makes the sets anew that it
// changes.
func (c *Cluster) examine() {
	if !c.learn() {
		return
	}
	c.all.refresh(c)
	for _, s := range c.subsets {
		s.refresh(c)
	}
	if c.standby != nil {
		c.standby.refresh(c)
	}
	for _, h := range c.hosts {
		h.turned = false
	}
}

// learn marks the hosts that are no longer, or not, as they were, and tells whether
// there are any.
func (c *Cluster) learn() (turned bool) {
	for _, h := range c.hosts {
		if ill := !c.Health.Healthy(h.Address); ill != h.ill {
			h.ill, h.turned, turned = ill, true, true
			if ill {
				h.closeIdle()
			}
		}
	}
	return turned
}
