package upstream

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
)

// burst makes n connections to a host, which are idle at the end, and returns
// their numbers in the order in which they became so.
func burst(t *testing.T, w *worker, s *server, n int) (wires []uint64) {
	t.Helper()
	h := w.host(0)
	var rs []*request
	for i := range n {
		rs = append(rs, w.ask(h, "hold"))
		until(t, "the server has the line", func() bool { return len(s.received()) == i+1 })
	}
	for _, r := range rs {
		s.release("x")
		r.expect("x")
		wires = append(wires, r.wire)
	}
	return wires
}

func TestLastInFirstOut(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(nil, s.address()))
	wires := burst(t, w, s, 3)
	for range 4 {
		r := w.ask(w.host(0), "a")
		r.expect("a")
		if r.wire != wires[2] {
			t.Fatalf("connection %d was used, want the one used last, %d", r.wire, wires[2])
		}
	}
	if accepted, _, _ := s.counts(); accepted != 3 {
		t.Errorf("%d connections were made, want 3", accepted)
	}
}

func TestIdleTimeout(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { c.IdleTimeout = 8 * time.Second }, s.address()))
	burst(t, w, s, 8)
	count := func() (n int) {
		w.on(func() { n = w.m.Connections() })
		return n
	}
	w.forward(6900 * time.Millisecond)
	if n := count(); n != 8 {
		t.Fatalf("%d connections are left before the timeout, want 8", n)
	}
	left := map[int]bool{}
	for range 12 {
		w.forward(100 * time.Millisecond)
		left[count()] = true
	}
	if !left[0] {
		t.Errorf("connections outlived the timeout: %v", left)
	}
	if len(left) < 4 {
		t.Errorf("the connections were closed at the same time: %v left along the way", left)
	}
	until(t, "the server sees it", func() bool { _, open, _ := s.counts(); return open == 0 })
}

// A connection that is used again and again is not closed by the timer of its first
// idle time, and one that was due is not used although the timer had no turn.
func TestIdleTimeoutStartsAnew(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { c.IdleTimeout = 8 * time.Second }, s.address()))
	first := w.ask(w.host(0), "a")
	first.expect("a")
	for range 4 {
		w.forward(5 * time.Second)
		r := w.ask(w.host(0), "a")
		r.expect("a")
		if r.wire != first.wire {
			t.Fatal("the connection was not used again")
		}
	}
	r := w.request("a")
	w.on(func() {
		h := w.cluster().host(0)
		h.idle.last.idleSince -= int64(8 * time.Second)
		r.start(h)
	})
	r.expect("a")
	if r.wire == first.wire {
		t.Error("a connection was used that was idle too long")
	}
}

func TestIdleTimeoutChanges(t *testing.T) {
	s := newServer(t, nil)
	ws := newWorkers(t, 1)
	w := ws[0]
	idle := func(d time.Duration) config.Cluster {
		return cluster(func(c *config.Cluster) { c.IdleTimeout = d }, s.address())
	}
	snap := apply(t, ws, nil, idle(time.Hour))
	wires := burst(t, w, s, 2)
	snap = apply(t, ws, snap, idle(0))
	w.forward(2 * time.Hour)
	if r := w.ask(w.host(0), "a"); r.result().answer != "a" || r.wire != wires[1] {
		t.Fatal("a connection was closed by a timeout that is off")
	}
	apply(t, ws, snap, idle(time.Second))
	w.forward(2 * time.Second)
	w.on(func() {
		if n := w.m.Connections(); n != 0 {
			t.Errorf("%d connections did not take the new timeout", n)
		}
	})
}

func TestMaxRequestPerConn(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { c.MaxRequestPerConn = 3 }, s.address()))
	uses := map[uint64]int{}
	for range 9 {
		r := w.ask(w.host(0), "a")
		r.expect("a")
		uses[r.wire]++
	}
	for wire, n := range uses {
		if n != 3 {
			t.Errorf("connection %d carried %d requests, want 3", wire, n)
		}
	}
}

func TestProtocolEndsConnection(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(nil, s.address()))
	a := w.ask(w.host(0), "bye")
	a.expect("bye")
	b := w.ask(w.host(0), "a")
	b.expect("a")
	if a.wire == b.wire {
		t.Error("a connection was used again that its protocol had ended")
	}
}

// What the host did to an idle connection must not become a request's failure,
// unless nobody could know.
func TestPeerClosesIdle(t *testing.T) {
	unsolicited := func(c *net.TCPConn) { fmt.Fprint(c, "408\n") }
	for name, end := range map[string]func(*net.TCPConn){"fin": fin, "rst": rst, "unsolicited": unsolicited} {
		t.Run(name+", noticed", func(t *testing.T) {
			s := newServer(t, nil)
			w := one(t, cluster(nil, s.address()))
			wire := burst(t, w, s, 1)[0]
			s.each(end)
			until(t, "it is noticed", func() (gone bool) {
				w.on(func() { gone = w.m.Connections() == 0 })
				return gone
			})
			r := w.ask(w.host(0), "a")
			r.expect("a")
			if r.wire == wire {
				t.Error("a dead connection was used")
			}
			st := w.stats.Copy().Clusters["c"]
			if name != "unsolicited" && st.ConnectionRemoteClose != 1 || name == "unsolicited" && st.ConnectionLocalClose != 1 ||
				st.ConnectionRemoteCloseWithActiveRequest+st.ConnectionLocalCloseWithActiveRequest != 0 {
				t.Errorf("counted as %+v", st.Upstream)
			}
		})
		// The request takes the connection in the same turn in which its end is about to
		// be read.
		t.Run(name+", in the same turn", func(t *testing.T) {
			s := newServer(t, nil)
			w := one(t, cluster(nil, s.address()))
			wire := burst(t, w, s, 1)[0]
			h := w.host(0)
			r := w.request("a")
			before := w.before(func() { r.start(h) })
			var fd int
			w.on(func() { fd = descriptor(t, h.idle.last.io.LocalAddr()) })
			free := w.hold()
			before()
			s.each(end)
			arrived(t, fd)
			free()
			got := r.result()
			if r.wire != wire {
				t.Fatal("the request did not take the connection")
			}
			if !got.reset.Unprocessed && !got.undelivered {
				t.Errorf("got %+v", got)
			}
			w.ask(h, "b").expect("b")
		})
	}
}

func TestConnectFails(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		w := one(t, cluster(nil, refusing(t)))
		r := w.ask(w.host(0), "a")
		got := r.result()
		if got.reset.Reason != stream.ConnectFailed || !got.reset.Unprocessed || !errors.Is(got.reset.Err, syscall.ECONNREFUSED) {
			t.Errorf("got %+v", got)
		}
		if st := w.stats.Copy().Clusters["c"]; st.ConnectionConFail != 1 || st.ConnectionTotal != 0 {
			t.Errorf("counted as %+v", st.Upstream)
		}
	})
	t.Run("in time", func(t *testing.T) {
		w := one(t, cluster(func(c *config.Cluster) { c.ConnectTimeout = 3 * time.Second }, silent(t)))
		r := w.ask(w.host(0), "a")
		w.forward(2 * time.Second)
		r.expectNothing()
		w.forward(time.Second)
		if got := r.result(); got.reset.Reason != stream.ConnectFailed || !errors.Is(got.reset.Err, eventloop.ErrConnectTimeout) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("at once", func(t *testing.T) {
		w := one(t, cluster(limit(1), "unix:"+t.TempDir()+"/nobody"))
		for range 3 {
			r := w.ask(w.host(0), "a")
			if got := r.result(); got.reset.Reason != stream.ConnectFailed || !errors.Is(got.reset.Err, syscall.ENOENT) {
				t.Errorf("got %+v", got)
			}
		}
		if st := w.stats.Copy().Clusters["c"]; st.ConnectionConFail != 3 {
			t.Errorf("counted as %+v", st.Upstream)
		}
	})
	t.Run("without descriptors", func(t *testing.T) {
		s := newServer(t, nil)
		w := one(t, cluster(nil, s.address()))
		var before syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
			t.Fatal(err)
		}
		r := w.request("a")
		h := w.host(0)
		w.on(func() {
			syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: before.Max})
			r.start(h)
			syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)
		})
		if got := r.result(); !errors.Is(got.reset.Err, syscall.EMFILE) {
			t.Errorf("got %+v", got)
		}
		w.ask(h, "b").expect("b")
	})
}

// When a host does not take a connection, those who wait for the same are told at
// once, not one after the other.
func TestConnectFailureTellsAll(t *testing.T) {
	w := one(t, cluster(func(c *config.Cluster) {
		limit(1)(c)
		c.ConnectTimeout = time.Second
	}, silent(t)))
	var rs []*request
	for range 5 {
		rs = append(rs, w.ask(w.host(0), "a"))
	}
	w.forward(time.Second)
	for _, r := range rs {
		r.expectReset(stream.ConnectFailed, true)
	}
}

// Bytes that come before the request has left are no answer to it.
func TestEarlyBytes(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(nil, s.address()))
	burst(t, w, s, 1)
	r := w.request("a")
	var c *Conn
	w.on(func() {
		c = w.cluster().host(0).Acquire(lines)
		r.conn = c
		r.up = c.Open(r) // and nothing is sent
	})
	s.each(func(c *net.TCPConn) { fmt.Fprint(c, "poison\n") })
	r.expectReset(stream.ConnectionLost, true)
}

func TestCounters(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(nil, s.address()))
	w.ask(w.host(0), "hello").expect("hello")
	r := w.ask(w.host(0), "hold")
	until(t, "the server has it", func() bool { return len(s.received()) == 2 })
	s.each(rst)
	r.expectReset(stream.ConnectionLost, false)
	w.turns()
	c := w.stats.Copy()
	for name, got := range map[string][]uint64{
		"cluster": {c.Clusters["c"].BytesWriteTotal, c.Clusters["c"].BytesReadTotal, c.Clusters["c"].ConnectionTotal,
			c.Clusters["c"].ConnectionRemoteClose, c.Clusters["c"].ConnectionRemoteCloseWithActiveRequest},
	} {
		if fmt.Sprint(got) != "[11 6 1 1 1]" {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, st := range c.Hosts {
		if st.BytesWriteTotal != 11 || st.BytesReadTotal != 6 || st.ConnectionTotal != 1 || st.ConnectionRemoteCloseWithActiveRequest != 1 {
			t.Errorf("host: %+v", st.Upstream)
		}
	}
}
