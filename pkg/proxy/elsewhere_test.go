package proxy

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hanging returns an address where connecting takes for ever: its queue is full.
func hanging(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	raw, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { unix.Listen(int(fd), 0) }); err != nil {
		t.Fatal(err)
	}
	at, err := net.ResolveTCPAddr("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		_ = unix.Connect(fd, &unix.SockaddrInet4{Port: at.Port, Addr: [4]byte{127, 0, 0, 1}}) // most will not come to stand
	}
	return ln.Addr().String()
}

// deafHost takes connections and whatever comes on them, and sends nothing but perhaps
// something at first.
type deafHost struct {
	mu    sync.Mutex
	conns int // so far
	open  int
}

func newDeafHost(t *testing.T, first string) (h *deafHost, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h = &deafHost{}
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			h.add(1, 1)
			wg.Go(func() {
				defer h.add(0, -1)
				defer c.Close()
				_, _ = io.WriteString(c, first)
				_, _ = io.Copy(io.Discard, c)
			})
		}
	})
	return h, ln.Addr().String()
}

func (h *deafHost) add(conns, open int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns += conns
	h.open += open
}

func (h *deafHost) counts() (conns, open int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns, h.open
}

const inOrder = `,"lb_type":"LB_REQUEST_ROUNDROBIN"`

// TestSlowConnectTurns: requests that wait for a host which does not take the
// connection soon are answered by another, and that is no retry.
func TestSlowConnectTurns(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 1, first: []string{hanging(t)}, cluster: inOrder})
		var all []<-chan result
		for range 12 {
			all = append(all, w.ask())
		}
		w.until("they wait", func() bool { return w.w.Stats.Cluster("c").RequestPendingActive == 12 })
		w.forward(600 * time.Millisecond)
		for range all {
			w.asked().answer(k.ok(), "here")
		}
		for _, from := range all {
			w.expect(from, k.ok(), "here")
		}
		from := w.ask() // does not wait any more
		w.asked().answer(k.ok(), "here")
		w.expect(from, k.ok(), "here")
		if st := w.clusterStats(); st.RequestRetry != 0 || st.ResponseFailed != 0 || st.RequestTurned != 12 {
			t.Errorf("%d retries, %d failures, %d turned", st.RequestRetry, st.ResponseFailed, st.RequestTurned)
		}
		w.settled()
	})
}

// TestRefusedByMany: a request passes over as many hosts as take no connection,
// within reason: nothing was sent to them.
func TestRefusedByMany(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, dead: 4, hosts: 1, cluster: inOrder})
		from := w.ask()
		w.asked().answer(k.ok(), "here")
		w.expect(from, k.ok(), "here")
		if n := w.clusterStats().RequestRetry; n != 0 {
			t.Errorf("%d retries", n)
		}
		w.settled()
	})
}

// TestDeafHost: many requests to a host that answers nothing time out; from then on
// the others go elsewhere, if many share a connection, and in any case not over a
// connection on which one has timed out.
func TestDeafHost(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		deaf, address := newDeafHost(t, "")
		w := newWorld(t, plan{kind: k, hosts: 1, first: []string{address}, cluster: inOrder})
		var lost []<-chan result
		for range 8 {
			lost = append(lost, w.ask())
		}
		w.until("they are with the deaf one", func() bool { return w.hostActive(0) == 8 })
		w.forward(10 * time.Second)
		for _, from := range lost {
			w.got(from)
		}
		w.settled()
		w.until("HTTP/1 has closed its connections", func() bool {
			_, open := deaf.counts()
			return k != kindHTTP1 || open == 0
		})
		if k == kindHTTP1 {
			return
		}
		for range 8 {
			from := w.ask()
			w.asked().answer(k.ok(), "here")
			w.expect(from, k.ok(), "here")
		}
		if st := w.clusterStats(); st.ConnectionSuspected != 1 {
			t.Errorf("%d connections were suspected, want 1", st.ConnectionSuspected)
		}
		for range 4 {
			w.forward(time.Second)
		}
		w.until("the connection is closed", func() bool { return w.w.Stats.Cluster("c").ConnectionSilent == 1 })
	})
}

// hostActive returns how many requests a host has, on the worker.
func (w *world) hostActive(i int) int64 { return w.w.Stats.Host("c", w.hosts[i]).RequestActive }

// TestCancelledAfterLong: clients have timeouts, too. One that gives a request up after
// a long time is as good a reason to look whether the host lives, and one that does so
// at once is none.
func TestCancelledAfterLong(t *testing.T) {
	for _, k := range []kind{kindHTTP2, kindGRPC} {
		t.Run(string(k), func(t *testing.T) {
			_, address := newDeafHost(t, "\x00\x00\x00\x04\x00\x00\x00\x00\x00") // SETTINGS
			w := newWorld(t, plan{kind: k, first: []string{address}})
			for i, wait := range []time.Duration{0, 2 * time.Second} {
				ctx, cancel := context.WithCancel(t.Context())
				from := w.client.ask(ctx, request{method: "GET"})
				w.until("it is sent", func() bool { return w.hostActive(0) == 1 })
				w.forward(wait)
				cancel()
				w.got(from)
				w.settled()
				if n := w.clusterStats().ConnectionSuspected; n != uint64(i) {
					t.Errorf("after %s, %d suspicions, want %d", wait, n, i)
				}
			}
		})
	}
}
