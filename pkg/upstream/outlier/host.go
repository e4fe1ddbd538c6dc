package outlier

import (
	"fmt"
	"time"
)

// Target is a host that is watched.
type Target struct {
	Host     string // its address; in a cluster it is unique
	Counters *Counters
}

// Change is news of a host: it is ejected, or no longer.
type Change struct {
	Cluster, Host string
	Counters      *Counters // the target's
	Ejected       bool
	Until         time.Time // when an ejection may end; it does at the first look after that
	Reason        string    // in words
	Times         int       // how often it was ejected so far
}

// Status is what is known of a host that is ejected, or was.
type Status struct {
	Cluster, Host string
	Ejected       bool
	Since         time.Time // when it was ejected, or came back
	Until         time.Time // when it may come back, if it is ejected
	Reason        string    // of the last change
	Times         int       // how often it was ejected
}

// host is what is known of a target.
type host struct {
	Target
	out    bool
	since  time.Time // of the last change; zero: it was never ejected
	until  time.Time
	reason string
	times  int
	factor int // of the base time: how often it was ejected, less the intervals without
}

// reason says why a row that is too long is.
func (r row) reason(n uint32) string {
	switch r {
	case rowGateway:
		return fmt.Sprintf("%d gateway failures in a row", n)
	case rowLocal:
		return fmt.Sprintf("no answer %d times in a row", n)
	default:
		return fmt.Sprintf("%d failures in a row", n)
	}
}

// tooLong returns which row became too long for an ejection; it begins anew, as do
// those for which there is none. hit decides about enforcing.
func (h *host) tooLong(p *Policy, hit func(percent float64) bool) (reason string, found bool) {
	reached := h.Counters.reached.Swap(0)
	for r := range rows {
		if reached&(1<<r) == 0 {
			continue
		}
		n := max(h.Counters.row[r].Swap(0), p.rows[r].most) // a success may have come meanwhile
		if !h.out && !found && p.rows[r].most > 0 && hit(p.rows[r].enforce) {
			reason, found = r.reason(n), true
		}
	}
	return reason, found
}

// forget makes the host's rows of failures begin anew.
func (h *host) forget() {
	h.Counters.reached.Store(0)
	h.Counters.endRows()
}

// eject sets how long the host is ejected from now on. draw is random, from 0 to 1.
func (h *host) eject(p *Policy, now time.Time, reason string, draw float64) {
	h.times++
	if h.factor == 0 || p.base*time.Duration(h.factor) < p.longest {
		h.factor++
	}
	h.out, h.since, h.reason = true, now, reason
	h.until = now.Add(min(p.base*time.Duration(h.factor), p.longest) + time.Duration(draw*float64(p.jitter)))
}

func (h *host) comeBack(now time.Time, reason string) {
	h.out, h.since, h.until, h.reason = false, now, time.Time{}, reason
	h.forget()
}

func (h *host) change(cluster string) Change {
	return Change{Cluster: cluster, Host: h.Host, Counters: h.Counters, Ejected: h.out, Until: h.until, Reason: h.reason, Times: h.times}
}

func (h *host) status(cluster string) Status {
	return Status{Cluster: cluster, Host: h.Host, Ejected: h.out, Since: h.since, Until: h.until, Reason: h.reason, Times: h.times}
}
