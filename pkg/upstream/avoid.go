package upstream

import (
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// A worker avoids a host of which there is reason to think that it takes no requests:
// it is chosen only if no other host takes them. Meanwhile connections to it are
// tried, and requests that have no choice may bring about one as well; the first that
// stands, or on which a heartbeat was answered, ends it.
//
//	         announces, silent                  answered, and the time is up
//	taken ---------------------> avoided, (probe) ---------------------> taken
//	   |  connecting takes long                     stands
//	   `------------------------> avoided, (probe) --------------------> taken
//
// A host that has said that it goes is given time to do so: it may go on taking
// connections, and answering, to its end. If it was seen gone, that time is over.

// avoidReason is why a host is avoided. One replaces those before it.
type avoidReason uint8

const (
	// unreachable: connecting to it takes long.
	unreachable avoidReason = iota
	// unanswering: on no connection to it anything has come, and requests were given up.
	unanswering
	// leaving: it has said that it goes.
	leaving
)

const (
	// goodbyeTime is how long a host of an RPC protocol is given to go: Dubbo's
	// providers take 10 s by default.
	goodbyeTime = 10 * time.Second
	// firstProbe and lastProbe are the times between two tries to connect.
	firstProbe, lastProbe = time.Second, 30 * time.Second
)

// avoidance is a host's being avoided.
type avoidance struct {
	host   *Host
	reason avoidReason
	gone   bool // a connection to it has failed since
	since  int64
	hold   time.Duration // for which it is avoided in any case, unless it was seen gone
	delay  time.Duration // before the next try to connect
	key    PoolKey       // of the connections that are tried
	timer  eventloop.Timer
}

// avoid begins to avoid the host, or to do so for another reason. Requests that wait
// for a connection to it go to other hosts, if these take them.
func (h *Host) avoid(reason avoidReason, key PoolKey, hold time.Duration) {
	if h.original || h.retired {
		return
	}
	a := h.avoided
	if a == nil {
		a = &avoidance{host: h}
		h.avoided = a
		h.cluster.avoiding++
	} else if reason < a.reason {
		return
	}
	key.Owner, h.mute = nil, false
	a.reason, a.hold, a.key, a.delay = reason, hold, key, firstProbe
	a.gone, a.since = false, h.cluster.env.Loop.Now()
	if reason == leaving {
		if hold > 0 {
			h.closeIdle()
			a.schedule(firstProbe)
		} else {
			a.probe()
		}
	}
	h.turnAway()
}

// turnAway asks those who wait for a connection to turn to another host. Those who
// have none stay, in their order.
func (h *Host) turnAway() {
	for n := h.waiting.n; n > 0 && h.waiting.first != nil; n-- {
		p := h.waiting.first
		h.waiting.remove(p)
		h.waiting.push(p)
		if p.waiter.Elsewhere() {
			h.cluster.Stats.RequestTurned++
		}
	}
}

// Avoided tells whether the host is to take requests only if no other does.
func (h *Host) Avoided() bool { return h.avoided != nil }

// needsProof tells whether a connection that has come to stand takes no requests
// before a heartbeat was answered on it.
func (h *Host) needsProof() bool {
	a := h.avoided
	return a != nil && (a.reason == unanswering || a.reason == leaving && a.hold > 0)
}

// goes tells whether a connection is one of those to a host that goes which it had
// before it said so.
func (h *Host) goes(c *Conn) bool {
	a := h.avoided
	return a != nil && a.reason == leaving && a.hold > 0 && c.born < a.since
}

// answers ends the avoiding of a host that was silent.
func (h *Host) answers() {
	if a := h.avoided; a != nil && a.reason == unanswering {
		h.restore()
	}
}

// restore ends the avoiding: the host takes requests again.
func (h *Host) restore() {
	if a := h.avoided; a != nil {
		h.avoidNoMore()
		if a.reason == leaving && a.hold > 0 {
			h.log("a host that had said that it goes takes requests again")
		}
	}
}

func (h *Host) avoidNoMore() {
	if a := h.avoided; a != nil {
		h.avoided = nil
		h.cluster.avoiding--
		h.cluster.env.Loop.Cancel(&a.timer)
	}
}

func (h *Host) log(what string) {
	if l := h.cluster.env.Log; l != nil {
		l.Info(what, slog.String("cluster", h.cluster.Name), slog.String("host", h.Address))
	}
}

// over tells whether a connection on which a heartbeat was answered is reason enough
// to end the avoiding.
func (a *avoidance) over() bool {
	return a.reason != leaving || a.gone || a.host.cluster.env.Loop.Now()-a.since >= int64(a.hold)
}

// failed notes that a connection to the host was of no use.
func (a *avoidance) failed() {
	a.gone = true
	if !a.timer.Set() {
		a.again()
	}
}

// again has a connection tried later, and later each time.
func (a *avoidance) again() {
	a.schedule(a.delay)
	a.delay = min(2*a.delay, lastProbe)
}

// schedule has a connection tried in a while, each time a little earlier or later.
func (a *avoidance) schedule(d time.Duration) {
	env := a.host.cluster.env
	env.Loop.Schedule(&a.timer, d-d/8+time.Duration(below(env.Rand(), int(d/4))), a)
}

// Expired tries a connection.
func (a *avoidance) Expired(*eventloop.Timer) { a.probe() }

// probe makes a connection to the host, unless one is being made. If there is no slot
// for one, requests are to try the host.
func (a *avoidance) probe() {
	h := a.host
	switch {
	case h.retired:
	case h.dialing > 0 || h.coming > 0:
		a.again()
	case !h.cluster.Limits.connections.take(1):
		h.restore()
	default:
		if err := h.dial(a.key); err != nil {
			h.cluster.Limits.release()
			a.failed()
		}
	}
}

// connectFailed judges the host by a connection that was not made, once for all that
// waited for it.
func (h *Host) connectFailed(took time.Duration, err error) {
	if err == nil { // it was given up
		return
	}
	h.mute = false // what comes there next may be another
	if a := h.avoided; a != nil {
		a.failed()
	}
	for _, own := range [...]error{eventloop.ErrStopped, unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM, unix.EADDRNOTAVAIL} {
		if errors.Is(err, own) { // it is no fault of the host's
			return
		}
	}
	h.Done(took, outlier.ConnectFailed)
}

// avoids tells whether a slot's host is avoided.
func (c *Cluster) avoids(slot int32) bool {
	h := c.hosts[slot]
	return h != nil && h.avoided != nil
}
