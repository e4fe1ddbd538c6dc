package http1

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// wire is the connection under a codec: it keeps what was not consumed, offers it
// again as the contract of stream.Codec says, and collects what is written.
type wire struct {
	tb         testing.TB
	pool       buffer.Pool
	heads      stream.Pool
	first      *stream.Head // the head that the pool hands out first
	out        buffer.Chain
	pending    []byte
	paused     bool
	resumed    bool
	ended      bool // the peer has, and the codec was not told yet
	writeEnded bool
	pauses     int
	now        int64
}

func newWire(tb testing.TB) *wire {
	w := &wire{tb: tb}
	w.out.Init(&w.pool)
	w.first = w.heads.Get()
	w.heads.Put(w.first)
	return w
}

func (w *wire) Out() *buffer.Chain { return &w.out }
func (w *wire) Pause()             { w.paused = true; w.pauses++ }
func (w *wire) Resume()            { w.paused, w.resumed = false, true }
func (w *wire) CloseWrite()        { w.writeEnded = true }
func (w *wire) Now() int64         { return w.now }

// feed offers b behind what was not consumed before.
func (w *wire) feed(c stream.Codec, b []byte) error {
	w.pending = append(w.pending, b...)
	return w.run(c)
}

func (w *wire) run(c stream.Codec) error {
	for !w.paused && len(w.pending) > 0 {
		w.resumed = false
		s := w.pool.Get(len(w.pending))
		n := copy(s.Bytes(), w.pending)
		used, err := c.Feed(buffer.ViewOf(s, 0, n))
		s.Release()
		w.pending = w.pending[used:]
		if err != nil {
			return err
		}
		if used == 0 && !w.resumed {
			break
		}
	}
	if w.ended && !w.paused {
		w.ended = false
		c.EOF()
	}
	return nil
}

// end ends the peer's direction. A paused codec is told once it was resumed.
func (w *wire) end(c stream.Codec) (busy bool) {
	if w.paused {
		w.ended = true
		return true
	}
	return c.EOF()
}

// sent takes what was written.
func (w *wire) sent() string {
	b := w.out.AppendTo(nil)
	w.out.Clear()
	return string(b)
}

// check fails the test if a slab or a head was not given back, or given twice.
func (w *wire) check() {
	w.tb.Helper()
	w.out.Clear()
	if live := w.pool.Stats().Live; live != 0 {
		w.tb.Errorf("%d slabs leaked", live)
	}
	if w.heads.Get() != w.first {
		w.tb.Errorf("a head was not given back")
	}
	if w.heads.Get() == w.first {
		w.tb.Errorf("a head was given back twice")
	}
}

// recorder is the far end of a stream. It writes down what comes, with the data
// in one piece, however many calls it came in.
type recorder struct {
	sender   stream.End
	head     stream.Head
	log      strings.Builder
	body     []byte
	calls    int
	over     bool // the message ended
	whole    bool // it ended before it was reset
	pauses   int
	resumes  int
	reset    stream.Reset
	onHead   func(h *stream.Head, end bool)
	onData   func(end bool)
	onReset  func()
	onResume func()
}

func (r *recorder) live() {
	if r.over {
		panic("http1: a part came after the end of the message")
	}
	r.calls++
}

func (r *recorder) Head(h *stream.Head, end bool) {
	r.live()
	r.log.WriteString(dumpHead(h))
	r.head.CopyFrom(h)
	if end {
		r.finish("end")
	}
	if r.onHead != nil {
		r.onHead(h, end)
	}
}

func (r *recorder) Data(d *buffer.Chain, end bool) {
	r.live()
	r.body = d.AppendTo(r.body)
	d.Clear()
	if end {
		r.finish("end")
	}
	if r.onData != nil {
		r.onData(end)
	}
}

func (r *recorder) Trailers(t *stream.Header) {
	r.live()
	var b strings.Builder
	b.WriteString("trailers\n")
	dumpFields(&b, t)
	r.finish(b.String() + "end")
}

// Reset may also come behind the end, as long as the other message is not over.
func (r *recorder) Reset(reset stream.Reset) {
	if r.reset.Reason != 0 {
		panic("http1: a stream was reset twice")
	}
	r.calls++
	r.whole = r.over
	r.reset = reset
	if !r.over {
		r.finish("reset: " + reset.Reason.String())
	}
	if r.onReset != nil {
		r.onReset()
	}
}

func (r *recorder) Pause() { r.pauses++ }
func (r *recorder) Resume() {
	r.resumes++
	if r.onResume != nil {
		r.onResume()
	}
}

func (r *recorder) finish(how string) {
	r.over = true
	if len(r.body) > 0 {
		fmt.Fprintf(&r.log, "body %q\n", r.body)
	}
	r.log.WriteString(how + "\n")
}

// text is all that came.
func (r *recorder) text() string { return r.log.String() }

func dumpHead(h *stream.Head) string {
	var b strings.Builder
	if h.Status != 0 {
		fmt.Fprintf(&b, "%d", h.Status)
	} else {
		fmt.Fprintf(&b, "%s %s://%s %s", h.Method(), h.Scheme(), h.Authority(), h.Path())
	}
	fmt.Fprintf(&b, " 1.%d length %d", h.Minor, h.ContentLength)
	if h.Opaque {
		b.WriteString(" opaque")
	}
	b.WriteString("\n")
	dumpFields(&b, &h.Header)
	return b.String()
}

func dumpFields(b *strings.Builder, h *stream.Header) {
	for i := range h.Len() {
		name, value := h.At(i)
		fmt.Fprintf(b, "  %s: %s\n", name, value)
	}
}

// server is a ServerConn on a wire, with a recorder for each stream.
type server struct {
	*wire
	conn     *ServerConn
	streams  []*recorder
	onStream func(*recorder)
}

func newServer(tb testing.TB, cfg Config) *server {
	s := &server{wire: newWire(tb)}
	s.conn = NewServerConn(&cfg, s.wire, s, &s.heads)
	return s
}

func (s *server) NewStream(sender stream.End) stream.End {
	r := &recorder{sender: sender}
	s.streams = append(s.streams, r)
	if s.onStream != nil {
		s.onStream(r)
	}
	return r
}

func (s *server) last() *recorder { return s.streams[len(s.streams)-1] }

func (s *server) write(b string) error { return s.feed(s.conn, []byte(b)) }

// resume offers what a response made readable again, as the loop would.
func (s *server) resume() error { return s.run(s.conn) }

func (s *server) close() {
	s.tb.Helper()
	s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	s.check()
}

// chain makes a chain of a string, in the wire's pool.
func (w *wire) chain(text string) *buffer.Chain {
	c := &buffer.Chain{}
	c.Init(&w.pool)
	c.AppendString(text)
	return c
}

// response sends a whole response.
func (s *server) response(to stream.End, status int, body string, fields ...string) {
	h := responseHead(status, int64(len(body)), fields...)
	to.Head(h, body == "")
	if body != "" {
		to.Data(s.chain(body), true)
	}
}

func responseHead(status int, length int64, fields ...string) *stream.Head {
	h := &stream.Head{}
	h.Clear()
	h.Status, h.ContentLength, h.Minor = status, length, 1
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

func requestHead(method, host, path string, length int64, fields ...string) *stream.Head {
	h := &stream.Head{}
	h.Clear()
	h.SetMethod([]byte(method))
	h.SetScheme("http")
	h.SetAuthority([]byte(host))
	h.SetPath([]byte(path))
	h.ContentLength, h.Minor = length, 1
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

// client is a ClientConn on a wire.
type client struct {
	*wire
	conn *ClientConn
}

func newClient(tb testing.TB, cfg Config) *client {
	c := &client{wire: newWire(tb)}
	c.conn = NewClientConn(&cfg, c.wire, &c.heads)
	return c
}

// open opens a stream and sends a head on it.
func (c *client) open(h *stream.Head, end bool) *recorder {
	r := &recorder{}
	r.sender = c.conn.NewStream(r)
	r.sender.Head(h, end)
	return r
}

func (c *client) write(b string) error { return c.feed(c.conn, []byte(b)) }

func (c *client) close() {
	c.tb.Helper()
	c.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	c.check()
}

// splits calls f with input in one piece, in two at every place, and byte by
// byte.
func splits(input string, f func(name string, pieces []string)) {
	f("whole", []string{input})
	for i := 1; i < len(input); i++ {
		f(fmt.Sprintf("split at %d", i), []string{input[:i], input[i:]})
	}
	f("byte by byte", strings.Split(input, ""))
}

// expect compares and says where.
func expect[T comparable](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// viewOf makes a view of a string in memory that is no pool's.
func viewOf(text string) buffer.View {
	var p buffer.Pool
	s := p.Get(len(text))
	n := copy(s.Bytes(), text)
	return buffer.ViewOf(s, 0, n)
}
