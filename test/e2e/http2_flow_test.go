package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// still waits until weir has read something on both sides, and then reads no more
// for a while.
func still(t testing.TB, w *weir) {
	t.Helper()
	last, same := 0, 0
	until(t, "nothing moves", func() bool {
		now := w.count("downstream.listener.main", "bytes_read_total") + w.count("upstream.cluster.up", "connection_bytes_read_total")
		if same++; now != last || now == 0 {
			last, same = now, 0
		}
		return same > 30
	})
}

// TestSlowPeersAcross: when one side stops reading, the other is stopped, and what
// weir holds stays within bounds; then everything arrives.
func TestSlowPeersAcross(t *testing.T) {
	const size = 32 << 20
	for _, direction := range []string{"upload", "download"} {
		across(t, fourWays, func(t *testing.T, way way) {
			read := make(chan struct{})
			up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
				if direction == "download" {
					io.Copy(w, &patterned{n: size})
					return
				}
				wait(r, read)
				got := &checked{}
				_, err := io.Copy(got, r.Body)
				fmt.Fprint(w, got.at, got.bad, err)
			})
			w := start(t, way.setup(setup{up: up.addr()}))
			method, body := "GET", io.Reader(http.NoBody)
			if direction == "upload" {
				method, body = "POST", &patterned{n: size}
			}
			req, _ := http.NewRequest(method, w.url("/"), body)
			answer := make(chan *http.Response, 1)
			var asking sync.WaitGroup
			asking.Go(func() {
				resp, err := clientOf(t, way.client).Do(req)
				if err != nil {
					t.Error(err)
				}
				answer <- resp
			})
			still(t, w)
			if live := w.live(); live > maxLive || live == 0 {
				t.Errorf("%s: weir holds %d bytes", direction, live)
			}
			close(read)
			asking.Wait()
			resp := <-answer
			if resp == nil {
				return
			}
			defer resp.Body.Close()
			if direction == "download" {
				got := &checked{}
				if _, err := io.Copy(got, resp.Body); got.at != size || got.bad || err != nil {
					t.Errorf("the client got %d bytes, damaged: %v, %v", got.at, got.bad, err)
				}
				return
			}
			if got, _ := io.ReadAll(resp.Body); string(got) != fmt.Sprint(int64(size), false, nil) {
				t.Errorf("the host got %s", got)
			}
		})
	}
}

// endless is a host whose responses never end.
func endless(t testing.TB, version string) *upstream {
	return serveIn(t, version, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			io.WriteString(w, "short")
			return
		}
		for _, err := w.Write(patternBlock); err == nil; _, err = w.Write(patternBlock) {
		}
	})
}

// TestClosedWindows: a client that opens many streams and takes nothing costs no
// more than its windows, whether it withholds those or reads nothing at all; and
// others are served meanwhile.
func TestClosedWindows(t *testing.T) {
	const streams = 100
	for name, window := range map[string]uint32{"no windows": 0, "full socket": 1 << 30} {
		for _, upstream := range []string{h1, h2} {
			t.Run(name+" "+upstream, func(t *testing.T) {
				up := endless(t, upstream)
				w := start(t, alone{way{h2, h2, upstream, "proxy"}.setup(setup{up: up.addr()})})
				f := dialFrames(t, w.addr(), xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: window})
				if window > 0 {
					f.WriteWindowUpdate(0, window)
				}
				for i := range streams {
					f.request(uint32(2*i+1), true, "GET", "/")
				}
				if window == 0 { // a client whose socket is full may not open more
					until(t, "all have begun", func() bool { return up.requests.Load() == streams })
				}
				still(t, w)
				if live := w.live(); live > streams*maxLive/4 {
					t.Errorf("weir holds %d bytes", live)
				} else {
					t.Logf("weir holds %d bytes", live)
				}
				get(t, clientOf(t, h2), w.url("/short")).expect(t, 200, "short")
				f.Close()
				until(t, "the requests are over", func() bool { return w.Load().Streams == 0 })
			})
		}
	}
}

// TestStalledStreamLeavesOthers: streams of one connection that nobody takes from do
// not hold up another on it.
func TestStalledStreamLeavesOthers(t *testing.T) {
	const stalled = 50 // windows of theirs would fill the one of a connection
	for _, upstream := range []string{h1, h2} {
		t.Run(upstream, func(t *testing.T) {
			up := endless(t, upstream)
			w := start(t, way{h2, h2, upstream, "proxy"}.setup(setup{up: up.addr()}))
			f := dialFrames(t, w.addr(), xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 100})
			f.slow = true
			for i := range uint32(stalled) {
				id := 2*i + 1
				f.request(id, true, "GET", "/")
				if !f.until(func() bool { return f.message(id).body.Len() == 100 }) {
					t.Fatalf("stream %d gets nothing while %d are stalled", id, i)
				}
			}
			still(t, w)
			for id := uint32(2*stalled + 1); id < 2*stalled+21; id += 2 {
				f.request(id, true, "GET", "/short")
				f.expect(id, 200, "short")
			}
			f.Close()
		})
	}
}

// TestDribble: a body that comes byte by byte passes as it comes.
func TestDribble(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		arrived := make(chan byte)
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			b := make([]byte, 1)
			for {
				n, err := r.Body.Read(b)
				if n > 0 {
					arrived <- b[0]
				}
				if err != nil {
					return
				}
			}
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		r, send := io.Pipe()
		var asking sync.WaitGroup
		asking.Go(func() {
			a, err := try(clientOf(t, way.client), "POST", w.url("/"), r)
			if err != nil || a.StatusCode != 200 {
				t.Errorf("%v %+v", err, a)
			}
		})
		for _, b := range pattern(50) {
			send.Write([]byte{b})
			if got := <-arrived; got != b {
				t.Errorf("%q came as %q", b, got)
			}
		}
		send.Close()
		asking.Wait()
	})
}

// abrupt makes a client reset its connections when it closes them: HTTP/1 has no
// other way to say that a response is not wanted, as an end may be half a one.
func abrupt(c *http.Client) {
	transport := c.Transport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
		}
		return conn, err
	}
}

// TestCancel: a host learns that the client does not want the response any more; an
// HTTP/2 connection goes on, on both sides.
func TestCancel(t *testing.T) {
	for _, when := range []string{"waiting", "begun", "sending"} {
		across(t, fourWays, func(t *testing.T, way way) {
			arrived, cancelled := make(chan bool, 1), make(chan bool, 1)
			up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/short" {
					io.WriteString(w, "short")
					return
				}
				if when == "begun" {
					w.(http.Flusher).Flush()
				}
				arrived <- true
				if when == "sending" {
					_, err := io.Copy(io.Discard, r.Body)
					cancelled <- err != nil
					return
				}
				<-r.Context().Done()
				cancelled <- true
			})
			log, member := logged(t)
			w := start(t, way.setup(setup{up: up.addr(), listener: member}))
			c := clientOf(t, way.client)
			abrupt(c)
			ctx, cancel := context.WithCancel(context.Background())
			method, body := "GET", io.Reader(http.NoBody)
			if when == "sending" {
				method, body = "POST", &patterned{n: 1 << 40}
			}
			req, _ := http.NewRequestWithContext(ctx, method, w.url("/"), body)
			var asking sync.WaitGroup
			asking.Go(func() {
				if resp, err := c.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
			<-arrived
			if when == "begun" {
				until(t, "the response has begun", func() bool { return w.count("upstream.cluster.up", "response_success") == 1 })
			}
			cancel()
			if !<-cancelled {
				t.Error("the host took the request for whole")
			}
			asking.Wait()
			get(t, c, w.url("/short")).expect(t, 200, "short")
			if when == "waiting" { // the log takes its time
				if got := sorted(lines(t, log, 2)); got[0] != "/ 0 DC" {
					t.Errorf("the log has %q", got)
				}
			}
			if n := w.count("upstream.cluster.up", "connection_total"); way.upstream == h2 && way.client == h2 && n != 1 {
				t.Errorf("there were %d connections to the host", n)
			}
			if n := w.count("downstream.listener.main", "connection_total"); way.client == h2 && n != 1 {
				t.Errorf("there were %d connections of the client", n)
			}
		})
	}
}
