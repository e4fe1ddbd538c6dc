package upstream

import (
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// saysBye has a host say that it goes, on all connections, and waits until that has
// come.
func (w *worker) saysBye(s *muxServer, h *Host) {
	w.t.Helper()
	s.say("bye")
	until(w.t, "the host is avoided", func() (is bool) {
		w.on(func() { is = h.avoided != nil && h.avoided.reason == leaving })
		return is
	})
}

// avoided tells whether a host is.
func (w *worker) avoided(h *Host) (is bool) {
	w.on(func() { is = h.avoided != nil })
	return is
}

// probed moves the time until another connection to a host is tried.
func (w *worker) probed(s *muxServer, want int) {
	w.t.Helper()
	until(w.t, "a connection is tried", func() bool {
		w.forward(firstProbe / 4)
		n, _, _ := s.counts()
		return n >= want
	})
}

// A host that says that it goes, and goes on taking connections and answering, gets no
// requests as long as another takes them, and for the time that it is given to go.
func TestLeavingHostThatAccepts(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	w := one(t, cluster(nil, a.address(), b.address()))
	h := w.host(0)
	w.askIn(mux, h, "a").expect("a")
	w.saysBye(a, h)
	w.onlyPicks(b.address())
	until(t, "its idle connection is closed", func() bool { _, open, _ := a.counts(); return open == 0 })
	for passed := firstProbe / 4; passed < goodbyeTime*3/4; passed += firstProbe / 4 {
		w.forward(firstProbe / 4)
		w.onlyPicks(b.address())
	}
	if n := a.count("p"); n == 0 || n > 4 {
		t.Errorf("it was tried %d times meanwhile", n)
	}
	until(t, "it is back", func() bool {
		w.forward(time.Second)
		return !w.avoided(h)
	})
	w.picksBoth(a.address(), b.address())
	if n := a.count("q"); n != 1 {
		t.Errorf("it got %d requests, want 1", n)
	}
}

// One that was seen gone, and takes connections again, is back when it has answered a
// heartbeat.
func TestLeavingHostRestarts(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	at := a.address()
	w := one(t, cluster(nil, at, b.address()))
	h := w.host(0)
	w.askIn(mux, h, "a").expect("a")
	w.saysBye(a, h)
	a.close()
	until(t, "it was seen gone", func() (gone bool) {
		w.forward(firstProbe / 4)
		w.on(func() { gone = h.avoided.gone })
		return gone
	})
	w.onlyPicks(b.address())
	ln, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	a.restart(ln)
	w.probed(a, 2)
	until(t, "it is back", func() bool { return !w.avoided(h) })
	w.picksBoth(at, b.address())
}

// restart lets a server that was closed listen again.
func (s *server) restart(ln net.Listener) {
	s.ln = ln
	s.wg.Add(1)
	go s.accept()
}

// If no other host takes requests, one that goes does; each request waits until a new
// connection has answered a heartbeat, because nothing is lost by that.
func TestLeavingHostIsTheOnlyOne(t *testing.T) {
	a := newMuxServer(t)
	w := one(t, cluster(nil, a.address()))
	h := w.host(0)
	w.askIn(mux, h, "a").expect("a")
	w.saysBye(a, h)
	a.setDeaf(true)
	r := w.askIn(mux, h, "b")
	until(t, "another heartbeat has come", func() bool { return a.count("p") == 2 })
	r.expectNothing()
	a.setDeaf(false)
	a.say("o 1")
	r.expect("b")
	w.askIn(mux, h, "c").expect("c")
	if n, _, _ := a.counts(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}

// A host that takes connections only to end them fails no request: those who waited
// learn that there is no connection, and that nothing was sent.
func TestLeavingHostThatCloses(t *testing.T) {
	for name, end := range map[string]func(c *net.TCPConn){"fin": fin, "rst": rst} {
		t.Run(name, func(t *testing.T) {
			var said atomic.Bool
			closes := newServer(t, func(c net.Conn, line string) bool {
				switch {
				case said.Load():
					end(c.(*net.TCPConn))
				case line == "p 1":
					fmt.Fprintf(c, "o 1\n")
				default:
					said.Store(true)
					fmt.Fprintf(c, "a 1 a\nbye\n")
				}
				return true
			})
			b := newMuxServer(t)
			w := one(t, cluster(nil, closes.address(), b.address()))
			h, other := w.host(0), w.host(1)
			w.askIn(mux, h, "a").expect("a")
			until(t, "it is avoided", func() bool { return w.avoided(h) })
			r := w.request("b")
			r.key = mux
			lone := w.request("c")
			lone.key = mux
			w.on(func() { r.start(h); lone.start(h) })
			lone.expectReset(stream.ConnectFailed, true)
			r.expectReset(stream.ConnectFailed, true)
			w.askIn(mux, other, "b").expect("b")
			w.onlyPicks(b.address())
			w.on(func() {
				if h.coming != 0 || h.dialing != 0 {
					t.Errorf("%d are coming, %d being made", h.coming, h.dialing)
				}
			})
		})
	}
}

// Requests that wait for a host that says that it goes turn to another.
func TestLeavingHostTurnsAway(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	w := one(t, cluster(limit(1), a.address(), b.address()))
	h, other := w.host(0), w.host(1)
	held := w.askIn(recycled, other, "hold") // takes the only slot
	until(t, "it has come", func() bool { return b.count("q") == 1 })
	r := w.request("a")
	r.key, r.other = mux, other
	w.on(func() { r.start(h); h.avoid(leaving, mux, goodbyeTime) })
	w.on(func() {
		if r.pending.host != other {
			t.Error("the request still waits for the host that goes")
		}
	})
	w.on(held.cancel)
	r.expect("a")
}

// What one worker is told, the others know.
func TestLeavingIsToldToOtherWorkers(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	ws := newWorkers(t, 2)
	apply(t, ws, nil, cluster(nil, a.address(), b.address()))
	h := ws[0].host(0)
	ws[0].askIn(mux, h, "a").expect("a")
	ws[0].saysBye(a, h)
	other := ws[1].host(0)
	until(t, "the other worker knows", func() bool { return ws[1].avoided(other) })
	ws[1].onlyPicks(b.address())
	if n, _, _ := a.counts(); n != 1 {
		t.Errorf("%d connections were made to it, want 1", n)
	}
}

// A server of HTTP/2 that ends connections because they are old, or have carried
// enough, keeps its share of the requests.
func TestRecycledConnection(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	w := one(t, cluster(nil, a.address(), b.address()))
	h := w.host(0)
	for i := range 5 {
		for range 5 {
			w.askIn(recycled, h, "a").expect("a")
		}
		a.say("bye")
		until(t, "there is another connection", func() bool { n, open, _ := a.counts(); return n == i+2 && open == 1 })
		until(t, "it is back", func() bool { return !w.avoided(h) })
		w.forward(2 * time.Second)
	}
	w.picksBoth(a.address(), b.address())
	if n := a.count("p"); n != 0 {
		t.Errorf("%d PINGs were sent, want none", n)
	}
}

// One of several connections that ends says nothing of the host.
func TestRecycledConnectionOfSeveral(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	w := one(t, cluster(nil, a.address(), b.address()))
	h := w.host(0)
	first := w.request("hold")
	first.key = recycled
	second := w.request("hold")
	second.key = mux // another key, and so another connection
	w.on(func() { first.start(h); second.start(h) })
	until(t, "both have come", func() bool { return a.count("q") == 2 })
	left := false
	w.on(func() { first.conn.codec.(*muxCodec).leaving = true; h.announced(first.conn); left = h.avoided != nil })
	if left {
		t.Error("the host is avoided")
	}
	w.on(func() { first.cancel(); second.cancel() })
}

// A server that ends every connection as soon as it stands is about to go.
func TestRecycledAtOnce(t *testing.T) {
	b := newMuxServer(t)
	a := &muxServer{}
	a.server = newServer(t, func(c net.Conn, line string) bool {
		fmt.Fprintf(c, "a%s\nbye\n", line[1:])
		return true
	})
	w := one(t, cluster(nil, a.address(), b.address()))
	h := w.host(0)
	for range 2 {
		w.askIn(recycled, h, "a").expect("a")
		until(t, "it has said so", func() bool { n, _, _ := a.counts(); return n >= 2 })
	}
	until(t, "it is avoided", func() bool { return w.avoided(h) })
	w.onlyPicks(b.address())
	w.forward(time.Second / 2)
	w.onlyPicks(b.address())
	if n := w.counts().HostLeaving; n == 0 {
		t.Error("nobody says so")
	}
}

// The choice takes no more than it must when hosts are avoided.
func TestAvoidingDoesNotAllocate(t *testing.T) {
	for _, lb := range balancers {
		cfg := cluster(func(c *config.Cluster) { c.LBType = lb }, "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
		w := one(t, cfg)
		w.on(func() {
			c := w.cluster()
			for i := range int32(2) {
				c.host(i).avoid(unreachable, mux, 0)
			}
			c.host(2)
			ch := &Choice{Hash: 17, Hashed: true}
			if n := testing.AllocsPerRun(1000, func() {
				if h := c.Pick(ch); h.Address != "127.0.0.1:3" {
					t.Errorf("%s: %s", lb, h.Address)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations per choice", lb, n)
			}
		})
	}
}

// A host that was seen gone and is there again takes requests as soon as the other one
// says that it goes: the time for the next try to connect is not waited for.
func TestLeavingHostsInTurn(t *testing.T) {
	a, b := newMuxServer(t), newMuxServer(t)
	at := a.address()
	w := one(t, cluster(nil, at, b.address()))
	first, second := w.host(0), w.host(1)
	w.askIn(mux, first, "a").expect("a")
	w.askIn(mux, second, "b").expect("b")
	w.saysBye(a, first)
	a.close()
	until(t, "it was seen gone, so often that it is not tried again soon", func() (gone bool) {
		w.forward(time.Second)
		w.on(func() { gone = first.avoided.gone && first.avoided.delay == lastProbe })
		return gone
	})
	w.forward(lastProbe)
	until(t, "it was tried the last time", func() (waits bool) {
		w.on(func() { waits = first.dialing == 0 && first.avoided.timer.Set() })
		return waits
	})
	ln, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	a.restart(ln)
	w.saysBye(b, second)
	until(t, "the first is back, at the same time", func() bool { return !w.avoided(first) })
	w.onlyPicks(at)
}
