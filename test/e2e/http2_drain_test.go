package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/server"
)

// TestDrainInTwoSteps: a client is first told to open no more streams, and what it
// sent before it knew is served; then it is told the last one, the connection ends
// with that, and those behind it are refused.
func TestDrainInTwoSteps(t *testing.T) {
	for _, upstream := range []string{h1, h2} {
		t.Run(upstream, func(t *testing.T) {
			arrived, release := make(chan string, 10), make(chan struct{})
			up := serveIn(t, upstream, func(w http.ResponseWriter, r *http.Request) {
				arrived <- r.URL.Path
				if r.URL.Path == "/slow" {
					wait(r, release)
				}
				io.WriteString(w, "up")
			})
			w := start(t, way{h2, h2, upstream, "proxy"}.setup(setup{up: up.addr()}))
			f := dialFrames(t, w.addr())
			f.request(1, true, "GET", "/slow")
			<-arrived
			drained := make(chan int)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				drained <- w.Drain(ctx)
			}()
			f.holdPings = true
			if !f.until(func() bool { return f.away != nil && len(f.pings) == 1 }) {
				t.Fatal("the connection ended")
			}
			if f.away.ErrCode != xhttp2.ErrCodeNo || f.last != 1<<31-1 {
				t.Errorf("the first GOAWAY is %v up to %d", f.away.ErrCode, f.last)
			}
			f.request(3, true, "GET", "/late")
			f.expect(3, 200, "up")
			f.request(5, true, "GET", "/slow")
			f.away = nil
			f.WritePing(true, f.pings[0])
			f.until(func() bool { return f.away != nil })
			if f.away == nil || f.away.ErrCode != xhttp2.ErrCodeNo || f.last != 5 {
				t.Fatalf("the second GOAWAY is %v up to %d", f.away, f.last)
			}
			f.request(7, true, "GET", "/refused")
			if m := f.whole(7); m.reset == nil || *m.reset != xhttp2.ErrCodeRefusedStream {
				t.Errorf("a request behind the last got %q", m)
			}
			close(release)
			f.expect(1, 200, "up")
			f.expect(5, 200, "up")
			if f.over(); <-drained != 0 {
				t.Error("requests were cut off")
			}
			close(arrived)
			for path := range arrived {
				if path == "/refused" {
					t.Error("a refused request reached the host")
				}
			}
		})
	}
}

// TestDrainIdle: a connection without a stream is told, and closed.
func TestDrainIdle(t *testing.T) {
	up := named(t, "up")
	w := start(t, setup{up: up.addr(), proxy: `"downstream_protocol": "Http2", "upstream_protocol": "Http1"`})
	idle, fresh := dialFrames(t, w.addr()), dial(t, w.addr())
	idle.request(1, true, "GET", "/")
	idle.expect(1, 200, "up")
	until(t, "both connections are there", func() bool { return w.Load().Connections == 2 })
	drained := make(chan int)
	go func() { drained <- w.Drain(context.Background()) }()
	idle.over()
	if idle.away == nil || idle.away.ErrCode != xhttp2.ErrCodeNo || idle.last != 1 {
		t.Errorf("the client was told %v up to %d", idle.away, idle.last)
	}
	fresh.ended()
	<-drained
}

// TestDrainCutsWhatWaits: a response that is over for its host, but waits for a client
// that gives no window, is cut off at the end of the drain, and counted.
func TestDrainCutsWhatWaits(t *testing.T) {
	up := named(t, "up")
	log, member := logged(t)
	w := start(t, setup{up: up.addr(), listener: member, proxy: `"downstream_protocol": "Http2", "upstream_protocol": "Http1"`})
	f := dialFrames(t, w.addr(), xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	f.request(1, true, "GET", "/")
	lines(t, log, 1) // it is over
	ctx, cancel := context.WithCancel(context.Background())
	drained := make(chan int)
	go func() { drained <- w.Drain(ctx) }()
	until(t, "it drains", func() bool { return w.Stage() == server.Draining })
	cancel()
	if cut := <-drained; cut != 1 {
		t.Errorf("%d were cut off, want 1", cut)
	}
}

// hammer sends POSTs from several goroutines over one client of each version, until
// it is stopped, and returns how many were answered.
func hammer(t *testing.T, all *sync.WaitGroup, stop chan struct{}, url string, lost func(connected bool, err error) bool) *atomic.Int64 {
	served := &atomic.Int64{}
	for _, version := range []string{h1, h2} {
		c := clientOf(t, version)
		for n := range 6 {
			all.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					_, connected, err := onConnection(c, url, fmt.Sprint(version, n, i))
					if err == nil {
						served.Add(1)
					} else if lost(connected, err) {
						t.Errorf("request %d of %s client %d: %v", i, version, n, err)
						return
					} else {
						return
					}
				}
			})
		}
	}
	return served
}

// mirrorIn is mirror for one version of HTTP.
func mirrorIn(t testing.TB, version string) *upstream {
	return serveIn(t, version, func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
}

// TestTermUnderLoadHTTP2: what got onto a connection is answered, clients of both
// versions are told to go, and the process ends with 0.
func TestTermUnderLoadHTTP2(t *testing.T) {
	for _, upstream := range []string{h1, h2} {
		t.Run(upstream, func(t *testing.T) {
			up := mirrorIn(t, upstream)
			p := run(t, way{h2, "Auto", upstream, "proxy"}.setup(setup{up: up.addr(), server: `"graceful_timeout": "10s"`}))
			stop := make(chan struct{})
			var all sync.WaitGroup
			served := hammer(t, &all, stop, p.url("/"), func(connected bool, err error) bool { return connected })
			until(t, "the load is on", func() bool { return served.Load() > 1000 })
			p.signal(syscall.SIGTERM)
			p.exits(0)
			close(stop)
			all.Wait()
		})
	}
}

// TestReloadUnderLoadHTTP2 changes clusters, hosts, routes and the protocol of hosts
// again and again, and no request fails.
func TestReloadUnderLoadHTTP2(t *testing.T) {
	duration := 2 * time.Second
	if testing.Short() {
		duration = 500 * time.Millisecond
	}
	one, two := mirrorIn(t, h1), mirrorIn(t, h2)
	s := fixed(t, setup{})
	variant := func(i int) setup {
		v := s
		v.proxy = `"downstream_protocol": "Auto"`
		in := func(version string) string { return fmt.Sprintf(`"upstream_protocol": %q`, version) }
		switch i % 3 {
		case 0:
			v.routes, v.clusters = route("/", "a", in(h1)), cluster("a", "", one.addr())
		case 1:
			v.routes, v.clusters = route("/", "a", in(h2)), cluster("a", "", two.addr())
		case 2:
			v.routes, v.clusters = route("/", "b", in(h2)), cluster("b", `"max_request_per_conn": 50`, two.addr())
		}
		return v
	}
	w := start(t, variant(0))
	stop := make(chan struct{})
	var all sync.WaitGroup
	served := hammer(t, &all, stop, "http://"+s.address+"/", func(bool, error) bool { return true })
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	reloads, end := 0, time.After(duration)
	for done := false; !done; {
		select {
		case <-tick.C:
			reloads++
			w.reload(variant(reloads))
		case <-end:
			done = true
		}
	}
	close(stop)
	all.Wait()
	t.Logf("%d requests, %d reloads", served.Load(), reloads)
}

// TestRemovedListenerTells: clients of a listener that a reload removes are told to
// go, and their requests are finished.
func TestRemovedListenerTells(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		wait(r, release)
		io.WriteString(w, "done")
	})
	s := fixed(t, setup{up: up.addr()})
	old := s
	old.more = listener("old", refusing(t), "", `"downstream_protocol": "Http2", "upstream_protocol": "Http1"`)
	w := start(t, old)
	f := dialFrames(t, w.Addresses()["old"])
	f.request(1, true, "GET", "/")
	<-arrived
	w.reload(s)
	f.until(func() bool { return f.away != nil })
	close(release)
	f.expect(1, 200, "done")
	f.over()
	if f.last != 1 || !strings.Contains(fmt.Sprint(f.away.ErrCode), "NO_ERROR") {
		t.Errorf("the last GOAWAY is %v up to %d", f.away.ErrCode, f.last)
	}
}
