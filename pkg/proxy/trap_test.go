package proxy

import (
	"slices"
	"sync"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// trap panics once, at one of the calls that pass it, before the call or after it. It
// notes which calls do.
type trap struct {
	at    string
	after bool

	mu     sync.Mutex
	set    bool
	passed []string
	told   []eventloop.Panic
}

// pass makes a call.
func (p *trap) pass(where string, call func()) {
	p.mu.Lock()
	hit := p.set && where == p.at
	if p.set && !slices.Contains(p.passed, where) {
		p.passed = append(p.passed, where)
	}
	if hit {
		p.set = false
	}
	p.mu.Unlock()
	if hit && !p.after {
		panic("trapped")
	}
	call()
	if hit {
		panic("trapped")
	}
}

// arm sets the trap.
func (p *trap) arm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set = true
}

// disarm takes it away, and returns how many panics the worker has told of.
func (p *trap) disarm() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set = false
	return len(p.told)
}

// panicked is what the worker tells of panics.
func (p *trap) panicked(x eventloop.Panic) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, x)
}

// server has the codecs that a maker makes, and the ends of their streams, pass the
// trap.
func (p *trap) server(maker protocol.ServerMaker) protocol.ServerMaker {
	return func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec {
		d := &trappedServer{trappedCodec: trappedCodec{p, "down.", nil}}
		d.server = maker(link, &trappedAcceptor{p, a}, heads)
		d.Codec = d.server
		return d
	}
}

// client has a codec of a connection to a host pass the trap.
func (p *trap) client(codec stream.ClientCodec) stream.ClientCodec {
	return &trappedClient{trappedCodec{p, "up.", codec}, codec}
}

type trappedCodec struct {
	p    *trap
	side string
	stream.Codec
}

func (c *trappedCodec) Feed(in buffer.View) (n int, err error) {
	c.p.pass(c.side+"Feed", func() { n, err = c.Codec.Feed(in) })
	return n, err
}

func (c *trappedCodec) EOF() (busy bool) {
	c.p.pass(c.side+"EOF", func() { busy = c.Codec.EOF() })
	return busy
}

func (c *trappedCodec) Pressure(high bool) {
	c.p.pass(c.side+"Pressure", func() { c.Codec.Pressure(high) })
}

func (c *trappedCodec) Drain() { c.p.pass(c.side+"Drain", c.Codec.Drain) }

func (c *trappedCodec) Close(r stream.Reset) {
	c.p.pass(c.side+"Close", func() { c.Codec.Close(r) })
}

type trappedServer struct {
	trappedCodec
	server stream.ServerCodec
}

func (c *trappedServer) Phase() (phase stream.Phase) {
	c.p.pass("down.Phase", func() { phase = c.server.Phase() })
	return phase
}

func (c *trappedServer) Features() stream.ServerFeatures { return c.server.Features() }

func (c *trappedServer) TimedOut() { c.p.pass("down.TimedOut", c.server.TimedOut) }

type trappedClient struct {
	trappedCodec
	client stream.ClientCodec
}

func (c *trappedClient) Available() (n int) {
	c.p.pass("up.Available", func() { n = c.client.Available() })
	return n
}

func (c *trappedClient) Features() stream.ClientFeatures { return c.client.Features() }

func (c *trappedClient) NewStream(receiver stream.End) (end stream.End) {
	c.p.pass("up.NewStream", func() { end = &trappedEnd{c.p, "up.", c.client.NewStream(receiver)} })
	return end
}

type trappedAcceptor struct {
	p *trap
	a stream.Acceptor
}

func (a *trappedAcceptor) NewStream(sender stream.End) (end stream.End) {
	a.p.pass("down.NewStream", func() { end = a.a.NewStream(&trappedEnd{a.p, "down.", sender}) })
	return end
}

// trappedEnd is the end of a codec's stream.
type trappedEnd struct {
	p    *trap
	side string
	stream.End
}

func (e *trappedEnd) Head(h *stream.Head, end bool) {
	e.p.pass(e.side+"stream.Head", func() { e.End.Head(h, end) })
}

func (e *trappedEnd) Data(d *buffer.Chain, end bool) {
	e.p.pass(e.side+"stream.Data", func() { e.End.Data(d, end) })
}

func (e *trappedEnd) Trailers(t *stream.Header) {
	e.p.pass(e.side+"stream.Trailers", func() { e.End.Trailers(t) })
}

func (e *trappedEnd) Reset(r stream.Reset) {
	e.p.pass(e.side+"stream.Reset", func() { e.End.Reset(r) })
}

func (e *trappedEnd) Pause()  { e.p.pass(e.side+"stream.Pause", e.End.Pause) }
func (e *trappedEnd) Resume() { e.p.pass(e.side+"stream.Resume", e.End.Resume) }

// trapFilter is a filter whose hooks pass the trap.
type trapFilter struct{ p *trap }

func (f *trapFilter) Attach(s *filter.Stream) (q filter.Request, r filter.Response) {
	f.p.pass("filter.Attach", func() { q, r = f, f })
	return q, r
}

func (f *trapFilter) RequestHead(s *filter.Stream, h *stream.Head, end bool) (st filter.Status) {
	f.p.pass("filter.RequestHead", func() {
		st = filter.Pause
		s.AfterFunc(0, func() { f.p.pass("filter.AfterFunc", s.ResumeRequest) })
	})
	return st
}

func (f *trapFilter) RequestData(*filter.Stream, *buffer.Chain, bool) (st filter.Status) {
	f.p.pass("filter.RequestData", func() {})
	return st
}

func (f *trapFilter) RequestTrailers(*filter.Stream, *stream.Header) (st filter.Status) {
	f.p.pass("filter.RequestTrailers", func() {})
	return st
}

func (f *trapFilter) ResponseHead(*filter.Stream, *stream.Head, bool) (st filter.Status) {
	f.p.pass("filter.ResponseHead", func() {})
	return st
}

func (f *trapFilter) ResponseData(*filter.Stream, *buffer.Chain, bool) (st filter.Status) {
	f.p.pass("filter.ResponseData", func() {})
	return st
}

func (f *trapFilter) ResponseTrailers(*filter.Stream, *stream.Header) (st filter.Status) {
	f.p.pass("filter.ResponseTrailers", func() {})
	return st
}

func (f *trapFilter) Finished(*filter.Stream) { f.p.pass("filter.Finished", func() {}) }
