package upstream

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// What a panic may have left half done of a connection cannot be known, and so the
// whole connection is given up: its codec is called no more, but to reset its streams,
// and it closes as any other does that breaks off. These are the parts of that which
// are this package's; the proxy puts them together.

// available asks the codec how many more streams it takes. It is asked on behalf of
// requests that do not have the connection yet, and so it is noted whose codec is.
func (c *Conn) available() int {
	e := c.host.cluster.env
	e.calling = c
	n := c.codec.Available()
	e.calling = nil
	return n
}

// drain asks the codec to take no more streams, which others cause as well.
func (c *Conn) drain() {
	e := c.host.cluster.env
	e.calling = c
	c.codec.Drain()
	e.calling = nil
}

// Interrupted returns the connection whose codec was being asked something on behalf
// of others when a panic came, nil if there is none.
func (m *Manager) Interrupted() *Conn {
	c := m.env.calling
	m.env.calling = nil
	return c
}

// Owner returns who has the connection for itself, nil if it is nobody's.
func (c *Conn) Owner() Owner { return c.key.Owner }

// Adrift reports whether the connection has lost its way in a panic: not all of its
// streams are somebody's, of whom there are users, or it has none and nobody would
// find it to use it again.
func (c *Conn) Adrift(users int) bool {
	if c.ended || c.dialing || !c.io.Alive() {
		return false
	}
	return int(c.streams) > users || c.streams == 0 && !c.idle && c.doubt != proving
}

// GiveUp aborts the connection and returns the codec that it had, for the caller to
// close. Nothing else is to be called on that, nor on the ends of its streams.
func (c *Conn) GiveUp() stream.ClientCodec {
	codec := c.codec
	c.codec = noCodec{}
	c.pinger, c.leaver, c.orphans, c.limiter = nil, nil, nil, nil
	c.io.Abort()
	return codec
}

// later has something done again that is not over, because it was interrupted by one of
// those that it is done for.
func (h *Host) later(over bool, again func()) {
	if !over {
		h.cluster.env.Loop.Post(again)
	}
}

// Handler returns who the connection was made for.
func (r *Raw) Handler() RawHandler { return r.to }

// Renew makes the cluster's ways of choosing hosts anew on this worker, after one of
// them was interrupted.
func (c *Cluster) Renew() {
	if c.set != nil && !c.removed {
		c.set = nil
		c.adopt()
	}
}

// noCodec is the codec of a connection that was given up.
type noCodec struct{}

var _ stream.ClientCodec = noCodec{}

func (noCodec) Feed(in buffer.View) (int, error) { return in.Len(), nil }
func (noCodec) EOF() bool                        { return false }
func (noCodec) Pressure(bool)                    {}
func (noCodec) Drain()                           {}
func (noCodec) Close(stream.Reset)               {}
func (noCodec) Features() stream.ClientFeatures  { return stream.ClientFeatures{} }
func (noCodec) Available() int                   { return 0 }
func (noCodec) NewStream(stream.End) stream.End  { return nil }
