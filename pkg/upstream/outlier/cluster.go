package outlier

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// cluster decides about the hosts of one cluster. It has no clock and no goroutine:
// what it does depends on the time it is given, the counters and the draws.
type cluster struct {
	name   string
	policy *Policy
	hosts  []*host
	out    int              // hosts that are ejected
	next   time.Time        // when the next look is
	draw   func() float64   // random, from 0 up to 1
	news   []Change         // since take
	spared int              // ejections since the last look that the limit did not allow
	known  map[string]*host // hosts by address
}

// set makes these the hosts. What is known of hosts stays known, but of those whose
// counters are new; the ejections of such end, because they are other hosts that have
// the same address.
func (c *cluster) set(p *Policy, targets []Target, now time.Time) {
	if c.policy == nil || now.Add(p.interval).Before(c.next) {
		c.next = now.Add(p.interval)
	}
	before := c.known
	c.policy, c.out = p, 0
	c.hosts, c.known = make([]*host, 0, len(targets)), make(map[string]*host, len(targets))
	for _, t := range targets {
		if c.known[t.Host] != nil {
			continue
		}
		h := before[t.Host]
		if h == nil || h.Counters != t.Counters {
			fresh := &host{Target: t}
			if h != nil && h.out {
				fresh.reason = "it is a new host"
				c.news = append(c.news, fresh.change(c.name))
			}
			h = fresh
		}
		if h.out {
			c.out++
		}
		c.known[t.Host] = h
		c.hosts = append(c.hosts, h)
	}
}

// stop ends all ejections: there is no policy any more.
func (c *cluster) stop(now time.Time) {
	for _, h := range c.hosts {
		if h.out {
			c.comeBack(h, now, "outlier detection is off")
		}
	}
}

// take returns what has changed since the last call.
func (c *cluster) take() []Change {
	news := c.news
	c.news = nil
	return news
}

// suspects ejects hosts with too many failures in a row.
func (c *cluster) suspects(now time.Time) {
	c.policy.stirred.Store(false)
	for _, h := range c.hosts {
		if h.Counters.reached.Load() == 0 {
			continue
		}
		if reason, found := h.tooLong(c.policy, c.hit); found {
			c.eject(h, now, reason)
		}
	}
}

// look is what happens every interval: hosts come back, and rates are compared.
func (c *cluster) look(now time.Time) {
	c.next = now.Add(c.policy.interval)
	c.suspects(now) // those that a worker found by a policy that it had before
	rates := c.rates()
	for _, h := range c.hosts {
		if h.out && !now.Before(h.until) {
			c.comeBack(h, now, fmt.Sprintf("after %v", now.Sub(h.since).Round(time.Millisecond)))
		}
	}
	c.lowSuccess(rates, now)
	c.highFailure(rates, now)
	for _, h := range c.hosts {
		if !h.out && h.factor > 0 && now.Sub(h.since) >= c.policy.interval {
			h.factor--
		}
	}
}

// rate is how many of a host's requests in an interval did not fail.
type rate struct {
	*host
	volume  uint64
	percent float64
}

// rates ends the interval, and returns the rates of hosts that were in, lowest first.
func (c *cluster) rates() []rate {
	if !c.policy.rates {
		return nil
	}
	all := make([]rate, 0, len(c.hosts))
	for _, h := range c.hosts {
		good, bad := h.Counters.good.Swap(0), h.Counters.bad.Swap(0)
		if volume := good + bad; volume > 0 && !h.out {
			all = append(all, rate{h, volume, float64(good) * 100 / float64(volume)})
		}
	}
	slices.SortStableFunc(all, func(a, b rate) int { return cmp.Compare(a.percent, b.percent) })
	return all
}

// enough returns the rates that a rule is about, none if they are too few.
func (r *rateRule) enough(rates []rate) []rate {
	if r.enforce <= 0 {
		return nil
	}
	var of []rate
	for _, h := range rates {
		if h.volume >= r.volume {
			of = append(of, h)
		}
	}
	if len(of) < r.hosts {
		return nil
	}
	return of
}

// rounding is how far two percentages that are the same may be apart.
const rounding = 1e-9

// lowSuccess ejects hosts whose rate of success is further below the mean than the
// standard deviation allows.
func (c *cluster) lowSuccess(rates []rate, now time.Time) {
	rates = c.policy.success.enough(rates)
	if len(rates) < 2 {
		return
	}
	sum, squares := 0.0, 0.0
	for _, r := range rates {
		sum += r.percent
	}
	mean := sum / float64(len(rates))
	for _, r := range rates {
		squares += (r.percent - mean) * (r.percent - mean)
	}
	least := mean - c.policy.factor*math.Sqrt(squares/float64(len(rates)))
	for _, r := range rates {
		if r.percent > least-rounding {
			return
		}
		if c.hit(c.policy.success.enforce) {
			others := (sum - r.percent) / float64(len(rates)-1)
			c.eject(r.host, now, fmt.Sprintf("success rate %.1f %%, others %.1f %%", r.percent, others))
		}
	}
}

// highFailure ejects hosts of whose requests too many fail.
func (c *cluster) highFailure(rates []rate, now time.Time) {
	for _, r := range c.policy.failure.enough(rates) {
		if 100-r.percent < c.policy.most-rounding {
			return
		}
		if !r.out && c.hit(c.policy.failure.enforce) {
			c.eject(r.host, now, fmt.Sprintf("%.1f %% of the requests failed", 100-r.percent))
		}
	}
}

// hit decides about something that is done in a percentage of the times.
func (c *cluster) hit(percent float64) bool { return c.draw()*100 < percent }

// eject ejects a host, unless too many are.
func (c *cluster) eject(h *host, now time.Time, reason string) {
	if c.out > 0 && float64(c.out+1)*100 > c.policy.percent*float64(len(c.hosts)) {
		c.spared++
		return
	}
	c.out++
	h.eject(c.policy, now, reason, c.draw())
	c.news = append(c.news, h.change(c.name))
}

func (c *cluster) comeBack(h *host, now time.Time, reason string) {
	c.out--
	h.comeBack(now, reason)
	c.news = append(c.news, h.change(c.name))
}
