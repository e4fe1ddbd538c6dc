package upstream

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/pkg/upstream/members"
)

// announced takes what a host says on a connection: that it takes no more requests.
// In RPC protocols it speaks of itself. A server of HTTP/2 often means the connection,
// which has carried enough or is too old: then a new one stands at once. It means
// itself if it says so again on that one.
func (h *Host) announced(c *Conn) {
	hold := goodbyeTime
	if !c.key.Protocol.RPC {
		hold = h.goodbye(c)
		if hold == 0 && h.conns-h.doubted > 1 {
			return
		}
	}
	if hold > 0 {
		h.cluster.Stats.HostLeaving++
		h.log("a host says that it goes: it gets no requests while others take them")
		h.cluster.Limits.announce(h.cluster.env.Worker, h.Host, c.key)
	}
	h.avoid(leaving, c.key, hold)
	h.cluster.seekOthers(h)
	if c.doubt == proving {
		h.coming -= c.wide
		c.doubt = trusted
		c.finish()
		h.refuse(errLeaving)
	}
}

// errLeaving: the host has said that it takes no more requests.
var errLeaving = errors.New("upstream: the host takes no more requests")

// goodbye counts announcements on connections that had done next to nothing, and
// returns for how long the host is avoided.
func (h *Host) goodbye(c *Conn) time.Duration {
	const few, young, soon, forgotten = 2, 10 * time.Second, time.Second, time.Minute
	now := h.cluster.env.Loop.Now()
	age := time.Duration(now - c.born)
	ordinary := c.doubt != proving && age > soon && (c.uses > few || age > young)
	if ordinary || h.goodbyeAt == 0 || now-h.goodbyeAt > int64(forgotten) {
		h.goodbyes = 0
	} else {
		h.goodbyes = min(h.goodbyes+1, 5)
	}
	h.goodbyeAt = now
	if h.goodbyes == 0 {
		return 0
	}
	return time.Second << h.goodbyes
}

// heardOf is announced for what a host said to another worker.
func (c *Cluster) heardOf(m *members.Host, key PoolKey) {
	if c.removed || c.set == nil || int(m.Slot) >= len(c.set.Hosts) {
		return
	}
	if is := c.set.Hosts[m.Slot]; is == nil || !is.Same(m) {
		return
	}
	if h := c.host(m.Slot); h.avoided == nil || h.avoided.reason != leaving {
		h.avoid(leaving, key, goodbyeTime)
		c.seekOthers(h)
	}
}

// seekOthers tries the hosts that were seen gone, because another one goes as well:
// in a rolling restart they may be back, and only the time for the next try not come.
func (c *Cluster) seekOthers(goes *Host) {
	for _, h := range c.made {
		if a := h.avoided; a != nil && a.gone && h != goes {
			c.env.Loop.Cancel(&a.timer)
			a.probe()
		}
	}
}
