package http1

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

const (
	wrkGet = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"

	nginxAnswer = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 02:25:00 GMT\r\n" +
		"Content-Type: application/octet-stream\r\nContent-Length: 256\r\n" +
		"Last-Modified: Sat, 21 Nov 2026 02:00:00 GMT\r\nConnection: keep-alive\r\n" +
		"ETag: \"6560a1c0-100\"\r\nAccept-Ranges: bytes\r\n\r\n"
)

// relay is the least that a proxy can be: a downstream and an upstream codec, each
// the other's end.
type relay struct {
	down, up *wire
	server   *ServerConn
	client   *ClientConn

	toClient   stream.End
	toUpstream stream.End
}

// downEnd is what the downstream codec sees, upEnd what the upstream codec sees.
type (
	downEnd struct{ *relay }
	upEnd   struct{ *relay }
)

func newRelay(tb testing.TB) *relay {
	r := &relay{down: newWire(tb)}
	r.up = r.down.sibling()
	r.server = NewServerConn(&Config{}, r.down, r, &r.down.heads)
	r.client = NewClientConn(&Config{}, r.up, &r.down.heads)
	return r
}

// sibling is another wire of the same worker.
func (w *wire) sibling() *wire {
	s := &wire{tb: w.tb}
	s.out.Init(&w.pool)
	return s
}

func (r *relay) NewStream(sender stream.End) stream.End {
	r.toClient = sender
	r.toUpstream = r.client.NewStream(upEnd{r})
	return downEnd{r}
}

func (d downEnd) Head(h *stream.Head, end bool)     { d.toUpstream.Head(h, end) }
func (d downEnd) Data(data *buffer.Chain, end bool) { d.toUpstream.Data(data, end) }
func (d downEnd) Trailers(t *stream.Header)         { d.toUpstream.Trailers(t) }
func (d downEnd) Reset(r stream.Reset)              { d.toUpstream.Reset(r) }
func (d downEnd) Pause()                            { d.toUpstream.Pause() }
func (d downEnd) Resume()                           { d.toUpstream.Resume() }
func (u upEnd) Head(h *stream.Head, end bool)       { u.toClient.Head(h, end) }
func (u upEnd) Data(data *buffer.Chain, end bool)   { u.toClient.Data(data, end) }
func (u upEnd) Trailers(t *stream.Header)           { u.toClient.Trailers(t) }
func (u upEnd) Reset(r stream.Reset)                { u.toClient.Reset(r) }
func (u upEnd) Pause()                              { u.toClient.Pause() }
func (u upEnd) Resume()                             { u.toClient.Resume() }

// exchange passes one request and its response through, from the two slabs.
func (r *relay) exchange(tb testing.TB, request, response buffer.View) {
	if n, err := r.server.Feed(request); n != request.Len() || err != nil {
		tb.Fatalf("request: %d, %v", n, err)
	}
	r.up.out.Clear()
	if n, err := r.client.Feed(response); n != response.Len() || err != nil {
		tb.Fatalf("response: %d, %v", n, err)
	}
	r.down.out.Clear()
}

// slabOf makes a view of a string in a slab of the wire's pool.
func (w *wire) slabOf(text string) (buffer.View, *buffer.Slab) {
	s := w.pool.Get(len(text))
	return buffer.ViewOf(s, 0, copy(s.Bytes(), text)), s
}

func postOf(n int) string {
	return "POST /upload HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 16384\r\n\r\n" + strings.Repeat("x", n)
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, request := range map[string]string{
		"GET":         wrkGet,
		"POST 16 KiB": postOf(16 << 10),
		"POST chunked": "POST / HTTP/1.1\r\nHost: A\r\nConnection: X-A\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n" +
			strings.Repeat("x", 16<<10) + "\r\n0\r\nX-Sum: 1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(t)
			req, s1 := r.down.slabOf(request)
			resp, s2 := r.down.slabOf(nginxAnswer + strings.Repeat("y", 256))
			got := testing.AllocsPerRun(1000, func() { r.exchange(t, req, resp) })
			expect(t, "allocations", got, 0)
			s1.Release()
			s2.Release()
			r.server.Close(stream.Reset{})
			r.down.check()
		})
	}
}

// An idle connection is its struct, and nothing else.
func TestIdleSize(t *testing.T) {
	if n := unsafe.Sizeof(ServerConn{}); n > 160 {
		t.Errorf("a ServerConn takes %d bytes", n)
	}
	t.Logf("ServerConn %d, ClientConn %d bytes", unsafe.Sizeof(ServerConn{}), unsafe.Sizeof(ClientConn{}))
	r := newRelay(t)
	req, s1 := r.down.slabOf(wrkGet)
	resp, s2 := r.down.slabOf(nginxAnswer + strings.Repeat("y", 256))
	r.exchange(t, req, resp)
	s1.Release()
	s2.Release()
	r.down.check()
}

// BenchmarkServerGet parses a request and writes a response that is at hand.
func BenchmarkServerGet(b *testing.B) {
	w := newWire(b)
	a := &answerer{wire: w, head: responseHead(200, 2, "Server", "weir", "Content-Type", "text/plain", "Content-Length", "")}
	c := NewServerConn(&Config{}, w, a, &w.heads)
	in, _ := w.slabOf(wrkGet)
	a.body.Init(&w.pool)
	b.ReportAllocs()
	for b.Loop() {
		if n, err := c.Feed(in); n != in.Len() || err != nil {
			b.Fatal(n, err)
		}
		w.out.Clear()
	}
}

// answerer answers every request inside Head.
type answerer struct {
	*wire
	head   *stream.Head
	body   buffer.Chain
	sender stream.End
}

func (a *answerer) NewStream(sender stream.End) stream.End {
	a.sender = sender
	return a
}

func (a *answerer) Head(*stream.Head, bool) {
	a.sender.Head(a.head, false)
	a.body.AppendString("ok")
	a.sender.Data(&a.body, true)
}
func (a *answerer) Data(d *buffer.Chain, _ bool) { d.Clear() }
func (a *answerer) Trailers(*stream.Header)      {}
func (a *answerer) Reset(stream.Reset)           {}
func (a *answerer) Pause()                       {}
func (a *answerer) Resume()                      {}

// BenchmarkRoundTrip is the codecs' share of a proxied request: parse and write
// the request, parse and write the response.
func BenchmarkRoundTrip(b *testing.B) {
	for _, bench := range []struct{ name, request string }{
		{"GET", wrkGet},
		{"browser", "GET /a/b/c?d=e HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\n" +
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36\r\n" +
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n" +
			"Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n"},
		{"POST16K", postOf(16 << 10)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := newRelay(b)
			req, _ := r.down.slabOf(bench.request)
			resp, _ := r.down.slabOf(nginxAnswer + strings.Repeat("y", 256))
			b.ReportAllocs()
			for b.Loop() {
				r.exchange(b, req, resp)
			}
		})
	}
}
