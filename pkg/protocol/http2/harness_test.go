package http2

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	xhpack "golang.org/x/net/http2/hpack"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// wire is the connection under a codec: it keeps what was not consumed, offers it
// again as the contract of stream.Codec says, and collects what is written.
type wire struct {
	tb      testing.TB
	pool    *buffer.Pool
	heads   *stream.Pool
	first   *stream.Head // the head that the pool hands out first
	out     buffer.Chain
	pending []byte
	paused  bool
	resumed bool
	now     int64
}

func newWire(tb testing.TB) *wire {
	w := &wire{tb: tb, pool: &buffer.Pool{}, heads: &stream.Pool{}, now: 1e15}
	w.out.Init(w.pool)
	w.first = w.heads.Get()
	w.heads.Put(w.first)
	return w
}

// sibling is another wire of the same worker.
func (w *wire) sibling() *wire {
	s := &wire{tb: w.tb, pool: w.pool, heads: w.heads, first: w.first, now: w.now}
	s.out.Init(w.pool)
	return s
}

func (w *wire) Out() *buffer.Chain { return &w.out }
func (w *wire) Pause()             { w.paused = true }
func (w *wire) Resume()            { w.paused, w.resumed = false, true }
func (w *wire) CloseWrite()        { panic("http2: half of a connection was closed") }
func (w *wire) Now() int64         { return w.now }

// feed offers b behind what was not consumed before.
func (w *wire) feed(c stream.Codec, b []byte) error {
	w.pending = append(w.pending, b...)
	return w.run(c)
}

func (w *wire) run(c stream.Codec) error {
	for !w.paused && len(w.pending) > 0 {
		w.resumed = false
		offered := min(len(w.pending), buffer.MaxSlab)
		s := w.pool.Get(offered)
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
	return nil
}

// sent takes what was written.
func (w *wire) sent() []byte {
	b := w.out.AppendTo(nil)
	w.out.Clear()
	return b
}

// check fails the test if a slab or a head was not given back, or given twice.
func (w *wire) check() {
	w.tb.Helper()
	w.out.Clear()
	if live := w.pool.Stats().Live; live != 0 {
		w.tb.Errorf("%d slabs leaked", live)
	}
	seen := map[*stream.Head]bool{}
	found := false
	for range 1000 {
		h := w.heads.Get()
		if seen[h] {
			w.tb.Fatal("a head was given back twice")
		}
		seen[h] = true
		if h == w.first {
			found = true
			break
		}
	}
	if !found {
		w.tb.Error("a head was not given back")
	}
	for h := range seen {
		w.heads.Put(h)
	}
}

// chain makes a chain of a string, in the wire's pool.
func (w *wire) chain(text string) *buffer.Chain {
	c := &buffer.Chain{}
	c.Init(w.pool)
	c.AppendString(text)
	return c
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
	onPause  func()
	onResume func()
}

func (r *recorder) live() {
	if r.over {
		panic("http2: a part came after the end of the message")
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
	if r.onData != nil {
		r.onData(true)
	}
}

// Reset may also come behind the end, as long as the other message is not over.
func (r *recorder) Reset(reset stream.Reset) {
	if r.reset.Reason != 0 {
		panic("http2: a stream was reset twice")
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

func (r *recorder) Pause() {
	r.pauses++
	if r.onPause != nil {
		r.onPause()
	}
}

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
	fmt.Fprintf(&b, " length %d", h.ContentLength)
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

// peer is the other side of a connection, made of somebody else's code: it writes
// frames, and says in words what frames came.
type peer struct {
	tb     testing.TB
	writes bytes.Buffer
	framer *xhttp2.Framer
	block  bytes.Buffer // being written
	blocks bytes.Buffer // being read
	enc    *xhpack.Encoder
	dec    *xhpack.Decoder
}

func newPeer(tb testing.TB) *peer {
	p := &peer{tb: tb}
	p.framer = xhttp2.NewFramer(&p.writes, nil)
	p.framer.AllowIllegalWrites = true
	p.enc = xhpack.NewEncoder(&p.block)
	p.dec = xhpack.NewDecoder(4096, nil)
	return p
}

// bytes takes what was written.
func (p *peer) bytes() []byte {
	b := bytes.Clone(p.writes.Bytes())
	p.writes.Reset()
	return b
}

// encode makes a header block of names and values.
func (p *peer) encode(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.enc.WriteField(xhpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(p.block.Bytes())
}

func (p *peer) headers(id uint32, end bool, fields ...string) *peer {
	p.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: p.encode(fields...), EndStream: end, EndHeaders: true})
	return p
}

// get writes a plain request without a body.
func (p *peer) get(id uint32, more ...string) *peer {
	return p.headers(id, true, append([]string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}, more...)...)
}

// post writes the head of a request with a body.
func (p *peer) post(id uint32, more ...string) *peer {
	return p.headers(id, false, append([]string{":method", "POST", ":scheme", "http", ":authority", "a", ":path", "/"}, more...)...)
}

func (p *peer) data(id uint32, text string, end bool) *peer {
	p.framer.WriteData(id, end, []byte(text))
	return p
}

func (p *peer) settings(s ...xhttp2.Setting) *peer {
	p.framer.WriteSettings(s...)
	return p
}

func (p *peer) ack() *peer {
	p.framer.WriteSettingsAck()
	return p
}

func (p *peer) rst(id uint32, code ErrCode) *peer {
	p.framer.WriteRSTStream(id, xhttp2.ErrCode(code))
	return p
}

func (p *peer) window(id, n uint32) *peer {
	p.framer.WriteWindowUpdate(id, n)
	return p
}

func (p *peer) ping(ack bool, text string) *peer {
	var d [8]byte
	copy(d[:], text)
	p.framer.WritePing(ack, d)
	return p
}

func (p *peer) goAway(last uint32, code ErrCode) *peer {
	p.framer.WriteGoAway(last, xhttp2.ErrCode(code), []byte("because"))
	return p
}

func (p *peer) raw(typ frameType, flags uint8, id uint32, payload string) *peer {
	p.framer.WriteRawFrame(xhttp2.FrameType(typ), xhttp2.Flags(flags), id, []byte(payload))
	return p
}

// read says in words what frames b is made of; b must be whole frames.
func (p *peer) read(b []byte) string {
	p.tb.Helper()
	var out strings.Builder
	f := xhttp2.NewFramer(nil, bytes.NewReader(b))
	f.SetMaxReadFrameSize(1 << 20)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			if err.Error() != "EOF" {
				var detail string
				if d := f.ErrorDetail(); d != nil {
					detail = d.Error()
				}
				p.tb.Fatalf("what was written is no frame: %v %s\n%s%x", err, detail, out.String(), b)
			}
			return out.String()
		}
		p.dump(&out, frame)
	}
}

func (p *peer) dump(out *strings.Builder, frame xhttp2.Frame) {
	h := frame.Header()
	end := ""
	if h.Flags.Has(flagEndStream) && (h.Type == xhttp2.FrameData || h.Type == xhttp2.FrameHeaders) {
		end = " end"
	}
	switch f := frame.(type) {
	case *xhttp2.DataFrame:
		if len(f.Data()) > 40 {
			fmt.Fprintf(out, "%d DATA (%d)%s\n", h.StreamID, len(f.Data()), end)
		} else {
			fmt.Fprintf(out, "%d DATA %q%s\n", h.StreamID, f.Data(), end)
		}
	case *xhttp2.HeadersFrame:
		fmt.Fprintf(out, "%d HEADERS%s\n", h.StreamID, end)
		p.dumpBlock(out, f.HeaderBlockFragment(), f.HeadersEnded())
	case *xhttp2.ContinuationFrame:
		fmt.Fprintf(out, "%d CONTINUATION\n", h.StreamID)
		p.dumpBlock(out, f.HeaderBlockFragment(), f.HeadersEnded())
	case *xhttp2.SettingsFrame:
		if f.IsAck() {
			out.WriteString("SETTINGS ack\n")
			return
		}
		out.WriteString("SETTINGS")
		f.ForeachSetting(func(s xhttp2.Setting) error {
			fmt.Fprintf(out, " %d=%d", s.ID, s.Val)
			return nil
		})
		out.WriteString("\n")
	case *xhttp2.RSTStreamFrame:
		fmt.Fprintf(out, "%d RST %s\n", h.StreamID, f.ErrCode)
	case *xhttp2.WindowUpdateFrame:
		fmt.Fprintf(out, "%d WINDOW %d\n", h.StreamID, f.Increment)
	case *xhttp2.PingFrame:
		if f.IsAck() {
			fmt.Fprintf(out, "PING ack %q\n", f.Data[:])
		} else {
			fmt.Fprintf(out, "PING %q\n", f.Data[:])
		}
	case *xhttp2.GoAwayFrame:
		fmt.Fprintf(out, "GOAWAY %d %s\n", f.LastStreamID, f.ErrCode)
	default:
		fmt.Fprintf(out, "%d %v\n", h.StreamID, h)
	}
}

func (p *peer) dumpBlock(out *strings.Builder, fragment []byte, ended bool) {
	p.blocks.Write(fragment)
	if !ended {
		return
	}
	fields, err := p.dec.DecodeFull(p.blocks.Bytes())
	p.blocks.Reset()
	if err != nil {
		p.tb.Fatalf("what was written is no header block: %v", err)
	}
	for _, f := range fields {
		hidden := ""
		if f.Sensitive {
			hidden = " (hidden)"
		}
		fmt.Fprintf(out, "  %s: %s%s\n", f.Name, f.Value, hidden)
	}
}

// server is a ServerConn on a wire, with a client at the other end and a recorder
// for each stream.
type server struct {
	*wire
	client   *peer
	conn     *ServerConn
	streams  []*recorder
	onStream func(*recorder)
}

func newServer(tb testing.TB, cfg Config) *server {
	s := &server{wire: newWire(tb), client: newPeer(tb)}
	s.conn = NewServerConn(&cfg, s.wire, s, s.heads)
	return s
}

// ready is a server whose client has sent its preface, and has seen the settings.
func ready(tb testing.TB, cfg Config) *server {
	tb.Helper()
	s := newServer(tb, cfg)
	s.client.writes.WriteString(preface)
	s.client.settings().ack()
	if err := s.feed(s.conn, s.client.bytes()); err != nil {
		tb.Fatal(err)
	}
	s.sent()
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

// flush feeds what the client has written, and returns what comes back.
func (s *server) flush() (string, error) {
	s.tb.Helper()
	err := s.feed(s.conn, s.client.bytes())
	return s.client.read(s.sent()), err
}

// exchange is flush where no error is expected.
func (s *server) exchange() string {
	s.tb.Helper()
	got, err := s.flush()
	if err != nil {
		s.tb.Fatalf("%v; sent\n%s", err, got)
	}
	return got
}

// written returns what was written since.
func (s *server) written() string {
	s.tb.Helper()
	return s.client.read(s.sent())
}

func (s *server) close() {
	s.tb.Helper()
	s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	if s.conn.streams.count != 0 || s.conn.streams.live != 0 || s.conn.streams.table.n != 0 || s.conn.send.ready != nil {
		s.tb.Errorf("%d streams are left, %d live", s.conn.streams.count, s.conn.streams.live)
	}
	s.check()
}

// response sends a whole response.
func (w *wire) response(to stream.End, status int, body string, fields ...string) {
	h := responseHead(status, int64(len(body)), fields...)
	to.Head(h, body == "")
	if body != "" {
		to.Data(w.chain(body), true)
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

// clientSide is a ClientConn on a wire, with a server at the other end.
type clientSide struct {
	*wire
	server *peer
	conn   *ClientConn
}

func newClient(tb testing.TB, cfg Config) *clientSide {
	c := &clientSide{wire: newWire(tb), server: newPeer(tb)}
	c.conn = NewClientConn(&cfg, c.wire, c.heads)
	return c
}

// connected is a client whose server has sent its settings.
func connected(tb testing.TB, cfg Config, settings ...xhttp2.Setting) *clientSide {
	tb.Helper()
	c := newClient(tb, cfg)
	c.sent()
	c.server.settings(settings...).ack()
	if err := c.feed(c.conn, c.server.bytes()); err != nil {
		tb.Fatal(err)
	}
	c.sent()
	return c
}

// open opens a stream and sends a head on it.
func (c *clientSide) open(h *stream.Head, end bool) *recorder {
	r := &recorder{}
	r.sender = c.conn.NewStream(r)
	r.sender.Head(h, end)
	return r
}

func (c *clientSide) flush() (string, error) {
	c.tb.Helper()
	err := c.feed(c.conn, c.server.bytes())
	return c.server.read(c.sent()), err
}

func (c *clientSide) exchange() string {
	c.tb.Helper()
	got, err := c.flush()
	if err != nil {
		c.tb.Fatalf("%v; sent\n%s", err, got)
	}
	return got
}

func (c *clientSide) written() string {
	c.tb.Helper()
	return c.server.read(c.sent())
}

func (c *clientSide) close() {
	c.tb.Helper()
	c.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	if c.conn.streams.count != 0 || c.conn.streams.live != 0 || c.conn.streams.table.n != 0 || c.conn.send.ready != nil || c.conn.streams.unassigned != nil {
		c.tb.Errorf("%d streams are left, %d live", c.conn.streams.count, c.conn.streams.live)
	}
	c.check()
}

// expect compares and says where.
func expect[T comparable](tb testing.TB, what string, got, want T) {
	tb.Helper()
	if got != want {
		tb.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// lines joins what peer.read is to say.
func lines(l ...string) string {
	if len(l) == 0 {
		return ""
	}
	return strings.Join(l, "\n") + "\n"
}

// isError fails the test unless err is the one wanted.
func isError(tb testing.TB, err error, want *Error) {
	tb.Helper()
	var e *Error
	if !errors.As(err, &e) || e != want {
		tb.Errorf("error is %v, not %v", err, want)
	}
}
