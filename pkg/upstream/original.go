package upstream

import (
	"net"
	"net/netip"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// Original says where an ORIGINAL_DST cluster takes its hosts from.
type Original struct {
	Header  string // that names the host, in lower case; "": the destination of the connection
	TTL     time.Duration
	Most    int                 // hosts at a time, on each worker
	replace map[netip.Addr]bool // addresses of this machine, for which 127.0.0.1 is taken
}

func newOriginal(c *config.OriginalDst) *Original {
	o := &Original{TTL: c.HostTTL, Most: c.MaxHosts}
	if c.UseHeader {
		o.Header = lower(c.HeaderName)
	}
	if c.ReplaceLocal {
		o.replace = make(map[netip.Addr]bool)
		addrs, err := net.InterfaceAddrs()
		if err != nil { // then nothing is known to be local
			return o
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				o.replace[p.Addr().Unmap()] = true
			}
		}
	}
	return o
}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

// WantsDestination tells whether requests have to say where they were meant to go,
// and by which header, in lower case; "": by their connection.
func (c *Cluster) WantsDestination() (header string, ok bool) {
	if c.Original == nil {
		return "", false
	}
	return c.Original.Header, true
}

// originals are the hosts of an ORIGINAL_DST cluster that one worker has come to
// know. They go when no request has asked for them for a while.
type originals struct {
	hosts map[netip.AddrPort]*Host
	timer eventloop.Timer
	c     *Cluster
}

func (o *originals) pick(c *Cluster, ch *Choice) *Host {
	at := ch.Destination
	if !at.IsValid() || at.Port() == 0 || at.Addr().IsUnspecified() {
		return nil
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if c.Original.replace[at.Addr()] {
		at = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), at.Port())
	}
	h := o.hosts[at]
	if h == nil {
		if len(o.hosts) >= c.Original.Most {
			return nil
		}
		h = o.make(c, at)
	}
	h.asked = c.env.Loop.Now()
	return h
}

func (o *originals) make(c *Cluster, at netip.AddrPort) *Host {
	if o.hosts == nil {
		o.hosts, o.c = make(map[netip.AddrPort]*Host), c
	}
	h := &Host{Host: &members.Host{Address: at.String(), Addr: at, Slot: -1}, cluster: c, original: true, retired: c.draining}
	h.addr = eventloop.AddrFrom(at)
	h.Stats = c.env.Stats.Host(c.Name, h.label())
	o.hosts[at] = h
	c.made = append(c.made, h)
	if !o.timer.Set() {
		c.env.Loop.Schedule(&o.timer, c.Original.TTL/2, o)
	}
	return h
}

// Expired forgets the hosts that nobody has asked for.
func (o *originals) Expired(*eventloop.Timer) {
	c := o.c
	old := c.env.Loop.Now() - int64(c.Original.TTL)
	for i := 0; i < len(c.made); {
		if h := c.made[i]; h.asked <= old && h.active == 0 && h.waiting.n == 0 && h.dialing == 0 {
			delete(o.hosts, h.Addr)
			c.lose(i)
		} else {
			i++
		}
	}
	if len(o.hosts) > 0 {
		c.env.Loop.Schedule(&o.timer, c.Original.TTL/2, o)
	}
}

func (o *originals) end(c *Cluster) {
	c.env.Loop.Cancel(&o.timer)
	o.hosts = nil
}
