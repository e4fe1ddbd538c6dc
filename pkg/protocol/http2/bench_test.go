package http2

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// relay is the least that a proxy can be: a downstream and an upstream codec, each
// stream of one the other end of a stream of the other.
type relay struct {
	down, up *wire
	server   *ServerConn
	client   *ClientConn
	spare    []*joint
}

// joint holds two streams together. downEnd is what the downstream codec sees, upEnd
// what the upstream codec sees.
type joint struct {
	relay                *relay
	toClient, toUpstream stream.End
}

type (
	downEnd joint
	upEnd   joint
)

func newRelay(tb testing.TB) *relay {
	r := &relay{down: newWire(tb)}
	r.up = r.down.sibling()
	r.server = NewServerConn(&Config{}, r.down, r, r.down.heads)
	r.client = NewClientConn(&Config{}, r.up, r.down.heads)
	p := newPeer(tb)
	p.writes.WriteString(preface)
	if err := r.down.feed(r.server, p.settings().ack().window(0, 1<<30).bytes()); err != nil {
		tb.Fatal(err)
	}
	if err := r.up.feed(r.client, p.settings().ack().window(0, 1<<30).bytes()); err != nil {
		tb.Fatal(err)
	}
	r.down.out.Clear()
	r.up.out.Clear()
	return r
}

func (r *relay) NewStream(sender stream.End) stream.End {
	var j *joint
	if n := len(r.spare); n > 0 {
		j, r.spare = r.spare[n-1], r.spare[:n-1]
	} else {
		j = &joint{relay: r}
	}
	j.toClient = sender
	j.toUpstream = r.client.NewStream((*upEnd)(j))
	return (*downEnd)(j)
}

func (d *downEnd) Head(h *stream.Head, end bool)     { d.toUpstream.Head(h, end) }
func (d *downEnd) Data(data *buffer.Chain, end bool) { d.toUpstream.Data(data, end) }
func (d *downEnd) Trailers(t *stream.Header)         { d.toUpstream.Trailers(t) }
func (d *downEnd) Reset(r stream.Reset)              { d.toUpstream.Reset(r) }
func (d *downEnd) Pause()                            { d.toUpstream.Pause() }
func (d *downEnd) Resume()                           { d.toUpstream.Resume() }
func (u *upEnd) Head(h *stream.Head, end bool)       { u.toClient.Head(h, end); u.done(end) }
func (u *upEnd) Data(data *buffer.Chain, end bool)   { u.toClient.Data(data, end); u.done(end) }
func (u *upEnd) Trailers(t *stream.Header)           { u.toClient.Trailers(t); u.done(true) }
func (u *upEnd) Reset(r stream.Reset)                { u.toClient.Reset(r); u.done(true) }
func (u *upEnd) Pause()                              { u.toClient.Pause() }
func (u *upEnd) Resume()                             { u.toClient.Resume() }

func (u *upEnd) done(end bool) {
	if end {
		u.relay.spare = append(u.relay.spare, (*joint)(u))
	}
}

// load is requests that come together, or their responses, whose frames are given
// new stream numbers for each round.
type load struct {
	slab *buffer.Slab
	n    int
	ids  []int // where the numbers are
	at   []uint32
	step uint32
}

// newLoad makes a load of n messages. write writes one; what it writes the second
// time stands for all later times, when the tables of the compression know it.
func newLoad(w *wire, p *peer, n int, feed func([]byte) error, write func(id uint32)) *load {
	write(1)
	if err := feed(p.bytes()); err != nil {
		w.tb.Fatal(err)
	}
	for i := range n {
		write(uint32(2*i + 3))
	}
	b := p.bytes()
	l := &load{slab: w.pool.Get(len(b)), n: len(b), step: uint32(2 * n)}
	copy(l.slab.Bytes(), b)
	for pos := 0; pos < len(b); {
		h := parseFrameHeader(b[pos:])
		if h.stream != 0 {
			l.ids = append(l.ids, pos+5)
			l.at = append(l.at, h.stream)
		}
		pos += frameHeaderLen + int(h.length)
	}
	return l
}

// next returns the load with the numbers of its next round.
func (l *load) next() buffer.View {
	b := l.slab.Bytes()
	for i, pos := range l.ids {
		binary.BigEndian.PutUint32(b[pos:], l.at[i])
		l.at[i] += l.step
	}
	return buffer.ViewOf(l.slab, 0, l.n)
}

// exchange is what is passed through a relay: n requests in one read, n responses in
// another.
type exchange struct {
	relay               *relay
	requests, responses *load
}

func newExchange(tb testing.TB, n int, request, response func(p *peer, id uint32)) *exchange {
	r := newRelay(tb)
	client, server := newPeer(tb), newPeer(tb)
	x := &exchange{relay: r}
	x.requests = newLoad(r.down, client, n, func(b []byte) error { return r.down.feed(r.server, b) }, func(id uint32) { request(client, id) })
	x.responses = newLoad(r.down, server, n, func(b []byte) error { return r.up.feed(r.client, b) }, func(id uint32) { response(server, id) })
	x.run(tb)
	return x
}

func (x *exchange) run(tb testing.TB) {
	r := x.relay
	if r.client.streams.lastID > 1<<30 { // the numbers would run out: begin anew
		r.server.streams.lastID, r.client.streams.lastID = 1, 1
		for _, l := range []*load{x.requests, x.responses} {
			for i := range l.at {
				l.at[i] = l.at[i]%l.step + 2
			}
		}
	}
	r.server.send.window, r.client.send.window = 1<<30, 1<<30
	in := x.requests.next()
	if n, err := r.server.Feed(in); n != in.Len() || err != nil {
		tb.Fatalf("requests: %d of %d, %v", n, in.Len(), err)
	}
	r.up.out.Clear()
	in = x.responses.next()
	if n, err := r.client.Feed(in); n != in.Len() || err != nil {
		tb.Fatalf("responses: %d of %d, %v", n, in.Len(), err)
	}
	r.down.out.Clear()
	if r.server.streams.count != 0 || r.client.streams.count != 0 {
		tb.Fatalf("%d and %d streams are left", r.server.streams.count, r.client.streams.count)
	}
}

// exchanges are what is measured.
var exchanges = []struct {
	name              string
	request, response func(p *peer, id uint32)
}{
	{
		name: "GET",
		request: func(p *peer, id uint32) {
			p.get(id, "user-agent", "h2load nghttp2/1.52.0")
		},
		response: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "server", "nginx/1.22.1", "date", "Sat, 21 Nov 2026 02:25:00 GMT",
				"content-type", "application/octet-stream", "content-length", "256", "last-modified", "Sat, 21 Nov 2026 02:00:00 GMT",
				"etag", "\"6560a1c0-100\"", "accept-ranges", "bytes").data(id, text(256), true)
		},
	},
	{
		name: "gRPC",
		request: func(p *peer, id uint32) {
			p.headers(id, false, ":method", "POST", ":scheme", "http", ":path", "/helloworld.Greeter/SayHello", ":authority", "localhost:50051",
				"content-type", "application/grpc", "user-agent", "grpc-go/1.70.0", "te", "trailers", "grpc-timeout", "999957u").
				data(id, "\x00\x00\x00\x00\x07\x0a\x05world", true)
		},
		response: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-type", "application/grpc").
				data(id, "\x00\x00\x00\x00\x0d\x0a\x0bHello world", false).headers(id, true, "grpc-status", "0", "grpc-message", "")
		},
	},
	{
		name: "browser",
		request: func(p *peer, id uint32) {
			p.get(id, "cache-control", "max-age=0", "user-agent",
				"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
				"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-encoding", "gzip, deflate, br",
				"accept-language", "en-GB,en;q=0.9", "cookie", "session=0123456789abcdef0123456789abcdef", "cookie", "theme=dark; another=one")
		},
		response: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-type", "text/html", "content-length", "1000").data(id, text(1000), true)
		},
	},
	{
		name: "POST16K",
		request: func(p *peer, id uint32) {
			p.post(id, "content-length", "16384").data(id, text(16384), true)
		},
		response: func(p *peer, id uint32) {
			p.headers(id, false, ":status", "200", "content-length", "2").data(id, "ok", true)
		},
	},
	{
		name: "small frames",
		request: func(p *peer, id uint32) {
			p.post(id)
			for range 20 {
				p.data(id, "twenty bytes of data", false)
			}
			p.data(id, "", true)
		},
		response: func(p *peer, id uint32) { p.headers(id, true, ":status", "204") },
	},
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, e := range exchanges {
		t.Run(e.name, func(t *testing.T) {
			x := newExchange(t, 3, e.request, e.response)
			for range 500 { // until everything has its size
				x.run(t)
			}
			expect(t, "allocations", testing.AllocsPerRun(1000, func() { x.run(t) }), 0)
			x.requests.slab.Release()
			x.responses.slab.Release()
			x.relay.server.Close(stream.Reset{})
			x.relay.client.Close(stream.Reset{})
			x.relay.down.check()
		})
	}
}

// BenchmarkRelay is the codecs' share of a proxied request: parse and write the
// request, parse and write the response, 32 at a time and one at a time.
func BenchmarkRelay(b *testing.B) {
	for _, e := range exchanges {
		for name, n := range map[string]int{"32": 32, "1": 1} {
			if e.name == "POST16K" {
				n = min(n, 7) // what a slab holds
			}
			b.Run(e.name+"/"+name, func(b *testing.B) {
				x := newExchange(b, n, e.request, e.response)
				b.ReportAllocs()
				rounds := 0
				for b.Loop() {
					if rounds%n == 0 {
						x.run(b)
					}
					rounds++
				}
			})
		}
	}
}

// An idle connection is its structs, small tables, and nothing else.
func TestIdleSize(t *testing.T) {
	t.Logf("ServerConn %d, ClientConn %d, stream %d bytes", unsafe.Sizeof(ServerConn{}), unsafe.Sizeof(ClientConn{}), unsafe.Sizeof(h2stream{}))
	if n := unsafe.Sizeof(ServerConn{}); n > 640 { // a size that the allocator has; the next is 704
		t.Errorf("a ServerConn takes %d bytes", n)
	}
	w := newWire(t)
	cfg := &Config{}
	const conns = 1000
	keep := make([]*ServerConn, conns)
	p := newPeer(t)
	p.writes.WriteString(preface)
	in := p.settings().ack().get(1).bytes()
	a := &quick{wire: w}
	one := func(i int) {
		keep[i] = NewServerConn(cfg, w, a, w.heads)
		if err := w.feed(keep[i], in); err != nil {
			t.Fatal(err)
		}
		w.out.Clear()
	}
	one(0)
	n := testing.AllocsPerRun(1, func() {
		for i := range conns {
			one(i)
		}
	})
	t.Logf("%.1f allocations for a connection with a request", n/conns)
}

// quick answers every request inside Head.
type quick struct {
	*wire
	head   stream.Head
	sender stream.End
}

func (a *quick) NewStream(sender stream.End) stream.End {
	a.sender, a.head.Status = sender, 204
	return a
}
func (a *quick) Head(*stream.Head, bool)      { a.sender.Head(&a.head, true) }
func (a *quick) Data(d *buffer.Chain, _ bool) { d.Clear() }
func (a *quick) Trailers(*stream.Header)      {}
func (a *quick) Reset(stream.Reset)           {}
func (a *quick) Pause()                       {}
func (a *quick) Resume()                      {}
