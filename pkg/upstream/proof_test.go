package upstream

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// greeted is a protocol in which the host speaks first, as in HTTP/2: "room N" is how
// many streams it takes.
var greeted = PoolKey{Protocol: &protocol.Protocol{Name: "greeted", Multiplexed: true, Cluster: newGreeted}}

func newGreeted(*config.Node, []protocol.ListenerSettings, *config.Report) protocol.ClusterSettings {
	return protocol.ClientMaker(func(link stream.Link, _ *stream.Pool) stream.ClientCodec {
		return &greetedCodec{muxCodec{link: link, streams: make(map[int]*muxStream)}}
	})
}

type greetedCodec struct{ muxCodec }

var _ stream.StreamLimiter = (*greetedCodec)(nil)

func (c *greetedCodec) Features() stream.ClientFeatures {
	f := c.muxCodec.Features()
	f.StreamLimiter = c
	return f
}

func (c *greetedCodec) Limit() int        { return 0 }
func (c *greetedCodec) SetMaxStreams(int) {}

// newGreeter runs a server that says something first, once the test lets it.
func newGreeter(t testing.TB, first string) (s *muxServer, greet func()) {
	s = newMuxServer(t)
	return s, func() {
		until(t, "there is a connection", func() bool { n, _, _ := s.counts(); return n == 1 })
		s.say(first)
	}
}

// A host that ends each connection before it has said anything has not executed what
// was to be sent on it.
func TestNewConnectionEnds(t *testing.T) {
	for _, d := range []PoolKey{mux, greeted} {
		for name, end := range map[string]func(c *net.TCPConn){"fin": fin, "rst": rst} {
			t.Run(d.Protocol.Name+", "+name, func(t *testing.T) {
				s := newServer(t, func(c net.Conn, _ string) bool { end(c.(*net.TCPConn)); return false })
				w := one(t, cluster(nil, s.address()))
				h := w.host(0)
				rs := []*request{w.request("a"), w.request("b")}
				w.on(func() {
					for _, r := range rs {
						r.key = d
						r.start(h)
					}
				})
				if d == greeted { // which sends nothing by itself
					until(t, "there is a connection", func() bool { n, _, _ := s.counts(); return n == 1 })
					s.each(end)
				}
				for _, r := range rs {
					r.expectReset(stream.ConnectFailed, true)
				}
				for _, line := range s.received() {
					if strings.HasPrefix(line, "q") {
						t.Errorf("the host was sent %q", line)
					}
				}
			})
		}
	}
}

// Where the host speaks first, nothing is asked, and requests wait until it has.
func TestHostSpeaksFirst(t *testing.T) {
	s, greet := newGreeter(t, "room 1000")
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	r := w.askIn(greeted, h, "a")
	until(t, "there is a connection", func() bool { n, _, _ := s.counts(); return n == 1 })
	w.turns()
	r.expectNothing()
	if n := len(s.received()); n != 0 {
		t.Errorf("%d lines were sent before the host had said anything", n)
	}
	greet()
	r.expect("a")
	if n := s.count("p"); n != 0 {
		t.Errorf("%d heartbeats were sent", n)
	}
}

// A host that has no room on a new connection is not asked for another and another.
func TestHostWithoutRoom(t *testing.T) {
	s, greet := newGreeter(t, "room 0")
	w := one(t, cluster(nil, s.address()))
	r := w.askIn(greeted, w.host(0), "a")
	greet()
	r.expectReset(stream.ConnectFailed, true)
	if n, _, _ := s.counts(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

// A host that serves requests and shows nothing before is waited for only once, until
// it was seen gone.
func TestHostShowsNothing(t *testing.T) {
	for _, d := range []PoolKey{mux, greeted} {
		t.Run(d.Protocol.Name, func(t *testing.T) {
			s := newServer(t, func(c net.Conn, line string) bool {
				if strings.HasPrefix(line, "q") {
					fmt.Fprintf(c, "a%s\n", line[1:])
				}
				return true
			})
			w := one(t, cluster(nil, s.address()))
			h := w.host(0)
			r := w.askIn(d, h, "a")
			until(t, "there is a connection", func() bool { n, _, _ := s.counts(); return n == 1 })
			w.forward(beats.Timeout / 2)
			r.expectNothing()
			w.forward(beats.Timeout)
			r.expect("a")
			w.on(func() { h.closeIdle() })
			w.askIn(d, h, "b").expect("b")
			w.on(func() {
				if h.connectFailed(0, errVain); h.mute {
					t.Error("another that comes in its place is not waited for")
				}
			})
		})
	}
}

// Without heartbeats, nothing is asked and waited for.
func TestHeartbeatsAreOff(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(func(c *config.Cluster) { c.Heartbeat.Interval = 0 }, s.address()))
	w.askIn(mux, w.host(0), "a").expect("a")
	w.askIn(mute, w.host(0), "b").expect("b")
	if n := s.count("p"); n != 0 {
		t.Errorf("%d heartbeats were sent", n)
	}
}

// A connection on which bytes come, and whose protocol has no heartbeats, stands for a
// moment before it takes requests of a host that was said to go.
func TestProofWithoutHeartbeats(t *testing.T) {
	s := newMuxServer(t)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	w.askIn(mute, h, "a").expect("a")
	w.saysBye(s, h)
	r := w.askIn(mute, h, "b")
	until(t, "there is another connection", func() bool { n, _, _ := s.counts(); return n == 2 })
	s.say("o 0")
	w.turns()
	r.expectNothing()
	w.forward(beats.Timeout)
	r.expect("b")
}
