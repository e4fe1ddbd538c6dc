package xprotocoltest

import (
	"cmp"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// Link stands in for the socket and the worker under a connection.
type Link struct {
	// Paused tells that the connection wants no more bytes for now.
	Paused bool

	buffers buffer.Pool
	heads   stream.Pool
	out     buffer.Chain
	codec   stream.Codec
	rest    []byte // was offered, and not consumed
}

// Out implements [stream.Link].
func (l *Link) Out() *buffer.Chain { return &l.out }

// Pause implements [stream.Link].
func (l *Link) Pause() { l.Paused = true }

// Resume implements [stream.Link]. What was not consumed is fed by the next Feed.
func (l *Link) Resume() { l.Paused = false }

// CloseWrite implements [stream.Link].
func (l *Link) CloseWrite() {}

// Now returns 0: no time passes.
func (l *Link) Now() int64 { return 0 }

// Feed gives the connection bytes as a worker does: it offers what is there until
// nothing more is consumed. What is left is offered again with the bytes of the
// next call; nothing is offered while the link is paused.
func (l *Link) Feed(b []byte) error {
	l.rest = append(l.rest, b...)
	for len(l.rest) > 0 && !l.Paused {
		n, err := l.offer(l.rest[:min(len(l.rest), buffer.MaxSlab)])
		l.rest = l.rest[:copy(l.rest, l.rest[n:])]
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// offer gives the codec a view that is taken away again after the call.
func (l *Link) offer(b []byte) (int, error) {
	slab := l.buffers.Get(len(b))
	defer slab.Release()
	return l.codec.Feed(buffer.ViewOf(slab, 0, copy(slab.Bytes(), b)))
}

// Waiting returns how many bytes were not consumed.
func (l *Link) Waiting() int { return len(l.rest) }

// Sent returns what the connection has sent since the last call.
func (l *Link) Sent() []byte {
	b := l.out.AppendTo(nil)
	l.out.Clear()
	return b
}

// Slabs returns how many slabs are in use, the one in Out not counted. After Close
// there must be none.
func (l *Link) Slabs() int {
	l.out.Clear()
	return l.buffers.Stats().Live
}

// Limits are what a configuration may set. Zeros leave the protocol's own.
type Limits struct{ Frame, Streams int }

// Downstream is a client's connection. The test is the client, by Feed and Sent,
// and also what stands behind the connection: it answers the requests.
type Downstream struct {
	Link
	Codec stream.ServerCodec
	// Acceptor takes the requests in the place of Calls, unless it is nil.
	Acceptor stream.Acceptor
	// Calls are the requests, in the order in which they came.
	Calls []*Call
	// Arrived is told of each request once it is complete.
	Arrived func(*Call)
	// Refusals are why requests that are no Calls were refused.
	Refusals []stream.Reset
}

var _ stream.Refuser = (*Downstream)(nil)

// Refused implements [stream.Refuser].
func (d *Downstream) Refused(why stream.Reset) { d.Refusals = append(d.Refusals, why) }

// common is the settings of a listener for any RPC protocol.
type common interface {
	Common() *xprotocol.ListenerSettings
}

// NewDownstream returns a connection of a protocol.
func NewDownstream(s xprotocol.Spec, limits Limits) *Downstream {
	p := s.Protocol()
	settings := p.ListenerSettings(nil)
	if limits != (Limits{}) {
		c := settings.(common).Common()
		c.MaxFrameSize = cmp.Or(limits.Frame, xprotocol.DefaultMaxFrame)
		c.MaxConcurrentRequests = cmp.Or(limits.Streams, xprotocol.DefaultMaxStreams)
	}
	d := &Downstream{}
	d.out.Init(&d.buffers)
	d.Codec = settings.Server(&protocol.Listener{})(d, d, &d.heads)
	d.codec = d.Codec
	return d
}

// NewStream implements [stream.Acceptor].
func (d *Downstream) NewStream(sender stream.End) stream.End {
	if d.Acceptor != nil {
		return d.Acceptor.NewStream(sender)
	}
	c := &Call{End: sender, arrived: d.Arrived}
	d.Calls = append(d.Calls, c)
	return c.Receiver()
}

// Upstream is a connection to a host. The test is the host, by Feed and Sent, and
// also what stands before the connection: it sends requests.
type Upstream struct {
	Link
	Codec stream.ClientCodec
	spec  xprotocol.Spec
}

// NewUpstream returns a connection of a protocol.
func NewUpstream(s xprotocol.Spec) *Upstream {
	u := &Upstream{spec: s}
	u.out.Init(&u.buffers)
	p := s.Protocol()
	u.Codec = p.ClusterSettings(nil).Client()(u, &u.heads)
	u.codec = u.Codec
	return u
}

// Send sends the request that a frame is, and returns what will be its answer.
func (u *Upstream) Send(frame []byte) (*Call, error) {
	c := &Call{}
	c.End = u.Codec.NewStream(c.Receiver())
	return c, c.Pass(u.spec, frame)
}
