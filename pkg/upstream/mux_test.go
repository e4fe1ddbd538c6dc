package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// mux is what muxCodec speaks, as an RPC protocol; recycled is the same, but that a
// host which says that it goes may mean the connection.
var (
	mux      = PoolKey{Protocol: &protocol.Protocol{Name: "mux", RPC: true, Multiplexed: true, Cluster: newMux}}
	recycled = PoolKey{Protocol: &protocol.Protocol{Name: "recycled", Multiplexed: true, Cluster: newMux}}
	mute     = PoolKey{Protocol: &protocol.Protocol{Name: "mute", RPC: true, Multiplexed: true, Cluster: newMute}}
)

// muxCodec is a protocol of lines in which many are under way: "q 1 text" asks and is
// answered by "a 1 text", "p 1" by "o 1"; a host that goes says "bye".
type muxCodec struct {
	link    stream.Link
	streams map[int]*muxStream
	last    int
	frames  uint64
	pinged  int
	ponged  int
	leaving bool
	closed  bool
	noBeats bool
}

func (c *muxCodec) Features() stream.ClientFeatures {
	return stream.ClientFeatures{Pinger: c, Leaver: c}
}

func newMux(*config.Node, []protocol.ListenerSettings, *config.Report) protocol.ClusterSettings {
	return protocol.ClientMaker(func(link stream.Link, _ *stream.Pool) stream.ClientCodec {
		return &muxCodec{link: link, streams: make(map[int]*muxStream)}
	})
}

// newMute is of a protocol without heartbeats.
func newMute(*config.Node, []protocol.ListenerSettings, *config.Report) protocol.ClusterSettings {
	return protocol.ClientMaker(func(link stream.Link, _ *stream.Pool) stream.ClientCodec {
		return &muxCodec{link: link, streams: make(map[int]*muxStream), noBeats: true}
	})
}

type muxStream struct {
	c    *muxCodec
	id   int
	sink stream.End
}

func (c *muxCodec) NewStream(r stream.End) stream.End {
	c.last++
	s := &muxStream{c, c.last, r}
	c.streams[c.last] = s
	return s
}

func (c *muxCodec) Available() int {
	if c.closed || c.leaving {
		return 0
	}
	return 1000 - len(c.streams)
}

func (c *muxCodec) Feed(in buffer.View) (n int, err error) {
	for {
		line, _, ok := bytes.Cut(in.Bytes()[n:], []byte("\n"))
		if !ok {
			return n, nil
		}
		n += len(line) + 1
		c.frames++
		if err := c.take(string(line)); err != nil {
			return n, err
		}
	}
}

func (c *muxCodec) take(line string) error {
	kind, rest, _ := strings.Cut(line, " ")
	number, text, _ := strings.Cut(rest, " ")
	id, _ := strconv.Atoi(number)
	switch kind {
	case "bye":
		c.leaving = true
	case "room":
		c.closed = id == 0
	case "o":
		c.ponged = id
	case "a":
		if s := c.streams[id]; s != nil {
			delete(c.streams, id)
			var d buffer.Chain
			d.Init(c.link.Out().Pool())
			d.AppendString(text)
			s.sink.Data(&d, true)
			d.Clear()
		}
	default:
		return errors.New("a line of no kind: " + line)
	}
	return nil
}

func (c *muxCodec) EOF() bool { c.closed = true; return false }

func (c *muxCodec) Close(r stream.Reset) {
	c.closed = true
	for id, s := range c.streams {
		delete(c.streams, id)
		s.sink.Reset(r)
	}
}

func (c *muxCodec) Pressure(bool)    {}
func (c *muxCodec) Drain()           { c.closed = true }
func (c *muxCodec) Leaving() bool    { return c.leaving }
func (c *muxCodec) Answered() bool   { return c.pinged == c.ponged }
func (c *muxCodec) Received() uint64 { return c.frames }

func (c *muxCodec) Ping() bool {
	if c.noBeats {
		return false
	}
	c.pinged++
	c.link.Out().AppendString(fmt.Sprintf("p %d\n", c.pinged))
	return true
}

func (s *muxStream) Head(*stream.Head, bool) {}
func (s *muxStream) Data(d *buffer.Chain, end bool) {
	s.c.link.Out().AppendString(fmt.Sprintf("q %d ", s.id))
	s.c.link.Out().Move(d)
}
func (s *muxStream) Trailers(*stream.Header) {}
func (s *muxStream) Reset(stream.Reset)      { delete(s.c.streams, s.id) }
func (s *muxStream) Pause()                  {}
func (s *muxStream) Resume()                 {}

// muxServer answers what muxCodec asks: all but "hold", and pings unless it is deaf.
type muxServer struct {
	*server
	deaf bool // guarded by server.mu
}

func newMuxServer(t testing.TB) *muxServer {
	m := &muxServer{}
	ready := make(chan struct{})
	m.server = newServer(t, func(c net.Conn, line string) bool {
		<-ready
		kind, rest, _ := strings.Cut(line, " ")
		m.mu.Lock()
		deaf := m.deaf
		m.mu.Unlock()
		switch {
		case strings.HasSuffix(line, " hold") || deaf:
		case kind == "p":
			fmt.Fprintf(c, "o %s\n", rest)
		default:
			fmt.Fprintf(c, "a %s\n", rest)
		}
		return true
	})
	close(ready)
	return m
}

func (m *muxServer) setDeaf(deaf bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deaf = deaf
}

// count returns how many lines have come that begin with some text.
func (m *muxServer) count(front string) (n int) {
	for _, line := range m.received() {
		if strings.HasPrefix(line, front) {
			n++
		}
	}
	return n
}

// say sends a line on every connection.
func (m *muxServer) say(line string) {
	m.each(func(c *net.TCPConn) { fmt.Fprintf(c, "%s\n", line) })
}

// askIn starts a request over a connection of a key.
func (w *worker) askIn(d PoolKey, h *Host, text string) *request {
	r := w.request(text)
	r.key = d
	w.on(func() { r.start(h) })
	return r
}

// timesOut gives a request up because of its time.
func (r *request) timesOut(heard uint64) {
	r.w.on(func() {
		r.conn.Unanswered(heard)
		r.cancel()
	})
}

// counts returns the cluster's counters.
func (w *worker) counts() (st metrics.ClusterStats) {
	w.t.Helper()
	w.on(func() { st = *w.cluster().Stats })
	return st
}

// pick returns the address of the host that the next request would go to.
func (w *worker) pick() (address string) {
	w.on(func() { address = w.cluster().Pick(&Choice{}).Address })
	return address
}

// onlyPicks expects that requests go to one host.
func (w *worker) onlyPicks(address string) {
	w.t.Helper()
	for range 8 {
		if got := w.pick(); got != address {
			w.t.Fatalf("a request goes to %s, want only %s", got, address)
		}
	}
}

// picksBoth expects that requests go to two hosts.
func (w *worker) picksBoth(a, b string) {
	w.t.Helper()
	seen := make(map[string]int)
	for range 8 {
		seen[w.pick()]++
	}
	if seen[a] != 4 || seen[b] != 4 {
		w.t.Fatalf("requests go to %v, want both of %s and %s in turn", seen, a, b)
	}
}
