package upstream

import (
	"errors"
	"time"
)

// That a connection has come to stand says little: the host's system makes it, before
// the host knows of it. A host that shuts down ends such connections as soon as it sees
// them, or never sees them, and has said that it goes only on those it knew. A request
// would be lost, and nothing would prove that it was not executed. So requests wait
// until the host has shown that it serves the connection, if its protocol lets it show
// that: by the answer to a heartbeat, or by what a server of HTTP/2 says first. From
// then on the connection is one of those on which a host says that it goes.

// prove makes requests wait for that on a connection that has come to stand. It
// reports whether they have to.
func (c *Conn) prove() bool {
	switch h := c.host; {
	case !c.key.Protocol.Multiplexed:
		return false
	case h.needsProof():
		if !c.askNow() { // then it is to stand for a moment
			c.proveBy()
		}
	case h.mute:
		return false
	case c.limiter != nil: // the host speaks first, without being asked
		c.proveBy()
	case !c.hasBeats() || !c.askNow():
		return false
	}
	c.doubt = proving
	c.watch()
	return true
}

// proveBy sets the time until which the host is waited for.
func (c *Conn) proveBy() { c.pulse.probeAt = c.now() + int64(c.host.cluster.Probes.Timeout) }

// shows reports whether the host has shown that it serves the connection.
func (c *Conn) shows() bool {
	return c.pinger != nil && c.pinger.Received() > 0 && c.pinger.Answered() && !c.says()
}

// waitedEnough reports whether requests have waited long enough for a host to show
// itself: there are some that do not answer heartbeats, and serve requests. One of which
// there is reason to think that it takes none is to prove that it does.
func (c *Conn) waitedEnough(now int64) bool {
	return c.doubt == proving && now >= c.pulse.probeAt && (c.pinger == nil || !c.host.needsProof())
}

// errUseless: the host takes no request on a connection that has come to stand.
var errUseless = errors.New("upstream: the host takes no requests on a new connection")

// proved takes a connection into use, as far as that is wanted.
func (c *Conn) proved() {
	h := c.host
	c.trust()
	h.coming -= c.wide
	if a := h.avoided; a != nil {
		if a.over() {
			h.restore()
		} else if a.again(); h.waits(c.key) == nil {
			c.finish()
			return
		}
	}
	if !c.sound() {
		c.finish()
		h.refuse(errUseless)
		return
	}
	c.watch()
	h.free(c)
	h.settle()
}

// disproved takes note of the end of a connection that was of no use: the host ended
// it before it had sent anything, or did not answer.
func (c *Conn) disproved(err error) {
	h := c.host
	proved := c.doubt == proving
	if proved {
		h.coming -= c.wide
	}
	if c.doubt == suspected {
		h.doubted--
	}
	c.doubt = trusted
	if !proved && (!c.vain(err) || c.pinger == nil || !c.key.Protocol.Multiplexed) {
		if a := h.avoided; a != nil && a.reason == unanswering && h.dialing == 0 {
			a.failed() // it may have been the one that was to show that the host lives
		}
		return
	}
	if h.avoided == nil {
		h.avoid(unanswering, c.key, 0)
	}
	if h.avoided == nil { // it takes no more anyway
		h.refuse(cause(err))
		return
	}
	if c.uses > 0 { // its requests tell how they went
		h.avoided.failed()
	} else {
		h.connectFailed(time.Duration(c.now()-c.born), cause(err))
	}
	h.refuse(cause(err))
}

// errVain: the host took a connection and ended it.
var errVain = errors.New("upstream: the host ended the connection before it sent anything")

func cause(err error) error {
	if err == nil {
		return errVain
	}
	return err
}

// vain tells whether the host ended the connection and had never sent a byte.
func (c *Conn) vain(err error) bool {
	return !c.spoke && (c.fin || remote(err))
}
