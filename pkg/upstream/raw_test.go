package upstream

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/metrics"
)

// pipe is a raw connection's owner, which tells the test what happens to it.
type pipe struct {
	Raw
	w      *worker
	stands chan struct{}
	turns  bool // it would rather have another host
	ended  chan error
	got    chan string
}

func (p *pipe) Connected(*eventloop.Conn)           { close(p.stands) }
func (p *pipe) Elsewhere() bool                     { return p.turns }
func (p *pipe) EOF(io *eventloop.Conn)              { p.CloseWrite(); io.Close() }
func (*pipe) Pressure(*eventloop.Conn, bool)        {}
func (p *pipe) Closed(_ *eventloop.Conn, err error) { p.ended <- err }
func (p *pipe) Data(_ *eventloop.Conn, in buffer.View) int {
	p.got <- string(in.Bytes())
	return in.Len()
}

// raw begins a raw connection to a host.
func (w *worker) raw(h *Host) *pipe {
	w.t.Helper()
	p := &pipe{w: w, stands: make(chan struct{}), ended: make(chan error, 1), got: make(chan string, 1)}
	w.on(func() {
		if err := h.Connect(&p.Raw, p); err != nil {
			p.ended <- err
		}
	})
	return p
}

func (p *pipe) wait() {
	p.w.t.Helper()
	receive(p.w.t, p.stands, "the raw connection")
}

// end expects it to end with an error.
func (p *pipe) end(want error) {
	p.w.t.Helper()
	if err := receive(p.w.t, p.ended, "the end of the raw connection"); !errors.Is(err, want) {
		p.w.t.Errorf("it ended with %v, want %v", err, want)
	}
}

// abort ends it.
func (p *pipe) abort() {
	p.w.t.Helper()
	p.w.on(func() {
		if !p.Abort() {
			p.ended <- eventloop.ErrAborted
		}
	})
	p.end(eventloop.ErrAborted)
}

func TestRaw(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(nil, s.address()))
	h := w.host(0)
	p := w.raw(h)
	p.wait()
	w.on(func() {
		w.checkRules()
		p.Socket().Write([]byte("hello\n"))
		if p.Host() != h || h.active != 1 || h.conns != 1 {
			t.Errorf("host %v, %d active, %d connections", p.Host(), h.active, h.conns)
		}
	})
	if got := receive(t, p.got, "the answer"); got != "hello\n" {
		t.Errorf("got %q", got)
	}
	w.ask(h, "a").expect("a") // on a connection of its own
	s.each(fin)
	p.end(nil)
	var st *metrics.ClusterStats
	until(t, "the other one is closed as well", func() bool {
		w.on(func() { st = w.stats.Copy().Clusters["c"] })
		return st.ConnectionClose == 2
	})
	if st.ConnectionRemoteClose != 2 || st.BytesReadTotal != 8 || st.BytesWriteTotal != 8 || st.RequestTotal != 0 {
		t.Errorf("%+v", st)
	}
	w.on(func() {
		if w.checkRules(); h.active != 0 || h.conns != 0 {
			t.Errorf("%d active, %d connections", h.active, h.conns)
		}
	})
}

// What cannot be made is told with its reason, and counted.
func TestRawFails(t *testing.T) {
	w := one(t, cluster(func(c *config.Cluster) { c.ConnectTimeout = time.Minute }, refusing(t), silent(t)))
	w.raw(w.host(0)).end(syscall.ECONNREFUSED)
	slow := w.raw(w.host(1))
	w.forward(time.Minute + time.Second)
	slow.end(eventloop.ErrConnectTimeout)
	if st := w.stats.Copy().Clusters["c"]; st.ConnectionConFail != 2 || st.ConnectionTotal != 0 {
		t.Errorf("%+v", st.Upstream)
	}
	w.raw(w.host(1)).abort() // which is nobody's failure
	if st := w.stats.Copy().Clusters["c"]; st.ConnectionConFail != 2 {
		t.Errorf("%+v", st.Upstream)
	}
}

// Raw connections and those of the pool share the limit.
func TestRawTakesASlot(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { limit(1)(c); c.IdleTimeout = time.Hour }, s.address()))
	h := w.host(0)
	w.ask(h, "a").expect("a")
	p := w.raw(h) // for which the idle one makes room
	p.wait()
	waits := w.ask(h, "b")
	w.turns()
	waits.expectNothing()
	p.abort()
	waits.expect("b")
	hold := w.ask(h, "hold")
	until(t, "it is under way", func() bool { return len(s.received()) == 3 })
	p = w.raw(h)
	w.on(func() { w.checkRules() })
	s.release("x")
	hold.expect("x")
	p.wait()
	p.abort()
	if _, _, most := s.counts(); most != 1 {
		t.Errorf("%d connections at a time, want 1", most)
	}
}

// Those that wait have the slots in turn, whoever gives them up.
func TestRawsWait(t *testing.T) {
	s := newServer(t, nil)
	ws := newWorkers(t, 2)
	apply(t, ws, nil, cluster(func(c *config.Cluster) { limit(1)(c); c.CircuitBreakers[0].MaxPendingRequests = 3 }, s.address()))
	first := ws[0].raw(ws[0].host(0))
	first.wait()
	var raws []*pipe
	for _, w := range []*worker{ws[1], ws[1], ws[1]} {
		raws = append(raws, w.raw(w.host(0)))
	}
	ws[0].raw(ws[0].host(0)).end(ErrOverflow)
	raws[1].abort() // it is not missed
	first.abort()
	raws[0].wait()
	third := ws[0].raw(ws[0].host(0))
	raws[0].abort()
	raws[0] = third
	for range 2 { // either of them first, as workers take turns
		select {
		case <-raws[0].stands:
			raws[0].abort()
			raws[0].stands = nil
		case <-raws[2].stands:
			raws[2].abort()
			raws[2].stands = nil
		case <-time.After(patience):
			t.Fatal("waited in vain for a slot")
		}
	}
	if st := ws[1].stats.Copy().Clusters["c"]; st.RequestPendingActive != 0 || st.ConnectionOverflow != 3 {
		t.Errorf("%+v", st)
	}
}

// Waiting takes no longer than connecting may.
func TestRawWaitsInVain(t *testing.T) {
	s := newServer(t, nil)
	w := one(t, cluster(func(c *config.Cluster) { limit(1)(c); c.ConnectTimeout = time.Minute }, s.address()))
	first := w.raw(w.host(0))
	first.wait()
	p := w.raw(w.host(0))
	w.forward(59 * time.Second)
	if len(p.ended) != 0 {
		t.Error("it is over before its time")
	}
	w.forward(2 * time.Second)
	p.end(ErrOverflow)
	first.abort()
	w.ask(w.host(0), "a").expect("a")
}

// A host that is dialled counts as loaded already: a burst spreads.
func TestRawLoad(t *testing.T) {
	for _, lb := range []config.LBType{config.LBLeastConnection, config.LBLeastRequest} {
		w := one(t, cluster(func(c *config.Cluster) { c.LBType = lb; c.ConnectTimeout = time.Hour }, silent(t), silent(t)))
		var raws []*pipe
		for range 8 {
			var h *Host
			w.on(func() { h = w.cluster().Pick(new(Choice)) })
			raws = append(raws, w.raw(h))
		}
		w.on(func() {
			hosts := w.cluster().hosts
			if a, b := hosts[0].dialing, hosts[1].dialing; a != 4 || b != 4 {
				t.Errorf("%s: %d and %d connections", lb, a, b)
			}
		})
		for _, p := range raws {
			p.abort()
		}
	}
}

// A raw connection outlives its host's place in the configuration.
func TestRawOutlivesItsHost(t *testing.T) {
	s := newServer(t, nil)
	ws := newWorkers(t, 1)
	before := apply(t, ws, nil, cluster(nil, s.address()))
	p := ws[0].raw(ws[0].host(0))
	p.wait()
	before = apply(t, ws, before, cluster(nil, "127.0.0.1:1"))
	apply(t, ws, before, cluster(func(c *config.Cluster) { c.Name = "other" }))
	ws[0].on(func() { p.Socket().Write([]byte(strings.Repeat("x", 10) + "\n")) })
	if got := receive(t, p.got, "the answer"); len(got) != 11 {
		t.Errorf("got %q", got)
	}
	p.abort()
}
