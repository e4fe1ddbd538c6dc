package upstream

import (
	"errors"
	"time"
)

// prove sends a heartbeat over a connection that has come to stand, before any request.
func (c *Conn) prove() {
	c.doubt = proving
	if !c.askNow() { // then it is to stand for a moment
		c.pulse.probeAt = c.now() + int64(c.host.cluster.Probes.Timeout)
	}
	c.watch()
}

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
	return c.io.Received() == 0 && (c.fin || remote(err))
}
