package upstream

import (
	"net/netip"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/upstream/balance"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// Choice is what a request's host depends on.
type Choice struct {
	// Subset is the SubsetKey of the labels that the host must have, "" for any.
	Subset string
	// Hash is the same for requests that belong together, if Hashed.
	Hash   uint64
	Hashed bool
	// Destination is where the request was meant to go, for ORIGINAL_DST clusters.
	Destination netip.AddrPort
	// Tried are the hosts of earlier tries. They are chosen only if there is no other.
	Tried []*Host
	// AvoidZone and AvoidPriority make hosts of other zones or priorities than those of
	// Tried come first.
	AvoidZone, AvoidPriority bool
}

// pool is how one worker chooses from a pool of hosts.
type pool struct {
	*members.Pool
	pickers []balance.Picker // by share
}

// pool returns how to choose from p.
func (c *Cluster) pool(p *members.Pool) *pool {
	if own := c.pools[p]; own != nil {
		return own
	}
	own := &pool{Pool: p, pickers: make([]balance.Picker, len(p.Shares))}
	for i := range p.Shares {
		own.pickers[i] = p.Shares[i].Table.Picker(&c.view)
	}
	c.pools[p] = own
	return own
}

// newView makes what balancers see of the worker.
func (c *Cluster) newView() balance.Worker {
	v := balance.Worker{Rand: c.env.Rand, Cost: c.cost}
	v.Total = func() int { return int(max(c.active-1, 0)) } // the one that chooses is no load yet
	v.Load = func(slot int32) int {
		if h := c.hosts[slot]; h != nil {
			return h.active + h.waiting.n
		}
		return 0
	}
	if c.Balancer == config.LBLeastConnection {
		v.Load = func(slot int32) int {
			if h := c.hosts[slot]; h != nil {
				return h.conns + h.dialing
			}
			return 0
		}
	}
	return v
}

// Hashes tells whether the hash of a request makes a difference.
func (c *Cluster) Hashes() bool {
	return c.Balancer == config.LBMaglev || c.Balancer == config.LBRingHash
}

// Pick chooses a host for a request, nil if there is none. Hosts that are not well
// are chosen only if too few are.
func (c *Cluster) Pick(ch *Choice) *Host {
	if c.Original != nil {
		return c.original.pick(c, ch)
	}
	p := c.all
	if ch.Subset != "" {
		of, fallback := c.set.Pool(ch.Subset)
		if fallback {
			c.Stats.SubsetsFallBack++
		}
		p = c.pool(of)
	}
	if len(p.pickers) == 0 {
		return nil
	}
	at := c.share(p, ch.Hash, ch.Hashed)
	if p.Shares[at].Panics {
		c.Stats.PanicPicks++
	}
	slot := p.pickers[at].Pick(ch.Hash, ch.Hashed)
	if len(ch.Tried) == 0 && (c.avoiding == 0 || !c.avoids(slot) || c.avoiding >= c.set.Len) {
		return c.host(slot)
	}
	return c.another(p, at, slot, ch)
}

// share returns the place of the share of a pool that a request falls into.
func (c *Cluster) share(p *pool, hash uint64, hashed bool) int {
	if len(p.Shares) == 1 {
		return 0
	}
	draw := hash
	if !hashed {
		draw = c.env.Rand()
	}
	return p.Draw(uint32(draw>>32) & (members.Whole - 1))
}

// another chooses a host for another try, or for the first if the proposed one is
// avoided: not one that was tried, and better none that is not well or not wanted, if
// that can be. slot is the first proposal.
func (c *Cluster) another(p *pool, at int, slot int32, ch *Choice) *Host {
	best, against := slot, worst // the best so far, and what is against it
	consider := func(slot int32) bool {
		if a := c.objection(slot, ch); a < against {
			best, against = slot, a
		}
		return against == none
	}
	if next, ok := p.pickers[at].(balance.Follower); ok {
		if n := len(ch.Tried); n > 0 {
			slot = next.After(ch.Tried[n-1].Slot)
		}
		for range min(p.Shares[at].Table.Len(), farthest) {
			if consider(slot) {
				return c.host(slot)
			}
			slot = next.After(slot)
		}
	}
	const draws = 8
	for i := range draws {
		if consider(slot) {
			return c.host(slot)
		}
		hash := ch.Hash + uint64(i+1)*0x9e3779b97f4a7c15 // the same next one for the same request
		from := c.share(p, hash, ch.Hashed)
		if i >= draws/2 && (ch.AvoidZone || ch.AvoidPriority) {
			from = i % len(p.Shares)
		}
		slot = p.pickers[from].Pick(hash, ch.Hashed)
	}
	c.search(p, consider)
	return c.host(best)
}

// farthest is how many hosts are looked at one by one for another try.
const farthest = 256

// search looks at some hosts of a pool one by one, from anywhere on, until one suits.
func (c *Cluster) search(p *pool, suits func(slot int32) bool) {
	n := len(p.Slots)
	at := below(c.env.Rand(), n)
	for range min(n, farthest) {
		if suits(p.Slots[at]) {
			return
		}
		if at++; at == n {
			at = 0
		}
	}
}

// objection is what speaks against another try at a host. Each of these weighs more
// than all those before it.
type objection uint8

const (
	unwanted   objection = 1 << iota // it is in a zone or of a priority that was tried
	unwell                           // it takes no requests but in panic
	doubtful                         // it is avoided because it was silent
	tried                            // it was tried itself
	absent                           // it is avoided because it goes, or cannot be reached
	weightless                       // it takes no requests as long as there are others
	worst
	none = objection(0)
)

func (c *Cluster) objection(slot int32, ch *Choice) objection {
	m := c.set.Hosts[slot]
	against := none
	for _, h := range ch.Tried {
		if h.Address == m.Address {
			against |= tried
		}
		if ch.AvoidZone && h.Zone == m.Zone || ch.AvoidPriority && h.Priority == m.Priority {
			against |= unwanted
		}
	}
	if !c.set.State(slot).Takes() {
		against |= unwell
	}
	if c.avoids(slot) {
		if c.hosts[slot].avoided.reason == unanswering {
			against |= doubtful
		} else {
			against |= absent
		}
	}
	if c.set.WeightNow(slot) == 0 {
		against |= weightless
	}
	return against
}

// below turns a random number into one from 0 to n-1.
func below(random uint64, n int) int { return int((random >> 32) * uint64(n) >> 32) }
