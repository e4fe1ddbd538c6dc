package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// TestHostResets: a host that resets a request before it answers is 502; a response
// that it breaks off is broken off for the client, and its connection goes on.
func TestHostResets(t *testing.T) {
	up := serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			switch f.message(id).get(":path") {
			case "/reset":
				f.WriteRSTStream(id, xhttp2.ErrCodeInternal)
			case "/cancel":
				f.WriteRSTStream(id, xhttp2.ErrCodeCancel)
			case "/begun":
				f.headers(id, false, ":status", "200", "content-length", "10")
				f.WriteData(id, false, []byte("part"))
				f.WriteRSTStream(id, xhttp2.ErrCodeInternal)
			case "/early": // a whole response, and no wish for the rest of the request
				f.respond(id, "413", "too large")
				f.WriteRSTStream(id, xhttp2.ErrCodeNo)
			default:
				f.respond(id, "200", "up")
			}
		}
	})
	for _, client := range []string{h1, h2} {
		t.Run(client, func(t *testing.T) {
			log, member := logged(t)
			w := start(t, way{client, client, h2, "proxy"}.setup(setup{up: up.addr(), listener: member}))
			c := clientOf(t, client)
			before := up.accepted.Load()
			get(t, c, w.url("/reset")).expect(t, 502, "the upstream ended the connection\n")
			do(t, c, "POST", w.url("/cancel"), "x").expect(t, 502, "the upstream ended the connection\n")
			if a, err := try(c, "POST", w.url("/begun"), nil); err == nil { // Go would send GET again
				t.Errorf("a response that was broken off is %d %q", a.StatusCode, a.body)
			}
			a, err := try(c, "POST", w.url("/early"), &patterned{n: 1 << 30})
			if err != nil || a.StatusCode != 413 || a.body != "too large" {
				t.Errorf("the early response is %v %+v", err, a)
			}
			get(t, c, w.url("/")).expect(t, 200, "up")
			want := []string{"/ 200 -", "/begun 200 UR", "/cancel 502 UR", "/early 413 -", "/reset 502 UR"}
			if got := sorted(lines(t, log, len(want))); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("the log has %q, want %q", got, want)
			}
			if n := up.accepted.Load() - before; n > 2 {
				t.Errorf("there were %d connections to the host", n)
			}
			if n := w.count("downstream.listener.main", "connection_total"); client == h2 && n != 1 {
				t.Errorf("there were %d connections of the client", n)
			}
		})
	}
}

// TestHostBreaksProtocol: a host that breaks the protocol of the connection is told
// so, and its requests are answered.
func TestHostBreaksProtocol(t *testing.T) {
	for name, bad := range map[string]func(f *frames, id uint32){
		"a push": func(f *frames, id uint32) {
			f.WritePushPromise(xhttp2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true})
		},
		"an even stream":   func(f *frames, _ uint32) { f.headers(2, true, ":status", "200") },
		"data on stream 0": func(f *frames, _ uint32) { f.WriteRawFrame(xhttp2.FrameData, 0, 0, []byte("x")) },
		"no HTTP/2":        func(f *frames, _ uint32) { f.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") },
		"MAX_FRAME_SIZE 0": func(f *frames, _ uint32) { f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxFrameSize, Val: 0}) },
		"window overflow":  func(f *frames, _ uint32) { f.WriteWindowUpdate(0, 1<<31-1) },
		"wrong compression": func(f *frames, id uint32) {
			f.WriteRawFrame(xhttp2.FrameHeaders, 4, id, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		},
	} {
		t.Run(name, func(t *testing.T) {
			up := serveFrames(t, func(f *frames, _ int) {
				if id := f.accept(); id != 0 {
					bad(f, id)
					f.over()
					if f.away == nil || f.away.ErrCode == xhttp2.ErrCodeNo {
						t.Errorf("the host was told %v", f.away)
					}
				}
			})
			w := start(t, way{h1, h1, h2, "proxy"}.setup(setup{up: up.addr()}))
			do(t, client(t), "POST", w.url("/"), "x").expect(t, 502, "the upstream broke its protocol\n")
		})
	}
}

// TestRefusedStreams: a request that the host says it has not touched goes to another
// connection, whatever its method and with its body; the client does not notice.
func TestRefusedStreams(t *testing.T) {
	for name, refuse := range map[string]func(f *frames, id uint32){
		"REFUSED_STREAM": func(f *frames, id uint32) { f.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) },
		"GOAWAY":         func(f *frames, id uint32) { f.WriteGoAway(id-2, xhttp2.ErrCodeNo, nil) },
	} {
		for _, client := range []string{h1, h2} {
			t.Run(name+" "+client, func(t *testing.T) {
				up := serveFrames(t, func(f *frames, n int) {
					for id := f.accept(); id != 0; id = f.accept() {
						m := f.whole(id)
						if n == 1 && id > 1 {
							refuse(f, id)
							continue
						}
						f.respond(id, "200", m.get(":method")+m.body.String())
					}
				})
				w := start(t, alone{way{client, client, h2, "proxy"}.setup(setup{up: up.addr()})})
				c := clientOf(t, client)
				get(t, c, w.url("/")).expect(t, 200, "GET")
				for i := range 5 {
					do(t, c, "POST", w.url("/"), fmt.Sprint("body", i)).expect(t, 200, fmt.Sprint("POSTbody", i))
				}
				if n := w.count("upstream.cluster.up", "request_retry"); n != 0 {
					t.Errorf("%d moves are counted as retries", n)
				}
			})
		}
	}
}

// TestGoAway: streams that GOAWAY does not exclude are finished on their connection,
// and the others on a new one.
func TestGoAway(t *testing.T) {
	const streams = 9
	arrived := make(chan uint32, streams)
	announce := make(chan bool)
	up := serveFrames(t, func(f *frames, n int) {
		if n > 1 {
			for id := f.accept(); id != 0; id = f.accept() {
				f.whole(id)
				f.respond(id, "200", "second")
			}
			return
		}
		var last uint32
		for range streams {
			last = max(last, f.accept())
			arrived <- last
		}
		<-announce
		const served = 2*4 - 1
		f.WriteGoAway(served, xhttp2.ErrCodeNo, nil)
		for id := uint32(1); id <= served; id += 2 {
			f.whole(id)
			f.respond(id, "200", "first")
		}
		f.over()
	})
	w := start(t, alone{way{h2, h2, h2, "proxy"}.setup(setup{up: up.addr()})})
	f := dialFrames(t, w.addr())
	for i := range uint32(streams) {
		f.request(2*i+1, false, "POST", "/")
		f.WriteData(2*i+1, true, []byte("x"))
		<-arrived
	}
	close(announce)
	for i := range uint32(streams) {
		want := "first"
		if i >= 4 {
			want = "second"
		}
		f.expect(2*i+1, 200, want)
	}
	if n := up.accepted.Load(); n != 2 {
		t.Errorf("there were %d connections to the host", n)
	}
}

// TestLostConnection: what may have been executed is not sent again, unless the
// policy and the method allow it.
func TestLostConnection(t *testing.T) {
	var requests atomic.Int64
	up := serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			if m := f.whole(id); requests.Add(1) > 1 {
				f.respond(id, "200", m.get(":method")+m.body.String())
				continue
			}
			f.WriteSettings() // so that it is not the end alone that comes
			return
		}
	})
	for _, client := range []string{h1, h2} {
		t.Run(client, func(t *testing.T) {
			s := way{client, client, h2, "proxy"}.setup(setup{up: up.addr()})
			s.routes = route("/retry", "up", retries) + ", " + route("/", "up", "")
			w := start(t, s)
			c := clientOf(t, client)
			for _, tc := range []struct {
				method, path string
				status       int
				body         string
				requests     int64
			}{
				{"GET", "/", 502, "the upstream ended the connection\n", 1},
				{"POST", "/", 502, "the upstream ended the connection\n", 1},
				{"POST", "/retry", 502, "the upstream ended the connection\n", 1},
				{"PUT", "/retry", 200, "PUTx", 2},
				{"DELETE", "/retry", 200, "DELETEx", 2},
			} {
				requests.Store(0)
				do(t, c, tc.method, w.url(tc.path), "x").expect(t, tc.status, tc.body)
				if n := requests.Load(); n != tc.requests {
					t.Errorf("%s %s: the host had %d requests, want %d", tc.method, tc.path, n, tc.requests)
				}
			}
		})
	}
}

// TestMaxConcurrentStreams: no connection gets more streams at a time than its host
// takes; there are more connections instead.
func TestMaxConcurrentStreams(t *testing.T) {
	const limit, requests = 3, 20
	release := make(chan bool)
	var under, most atomic.Int64
	up := serveFrames(t, func(f *frames, n int) {
		done := make(chan uint32, requests)
		open := 0
		var writing sync.Mutex
		var answers sync.WaitGroup
		defer answers.Wait()
		for id := f.accept(); id != 0; id = f.accept() {
			for len(done) > 0 {
				<-done
				open--
			}
			if open == limit {
				if f.acked {
					t.Errorf("connection %d has more streams than it takes", n)
				}
				f.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream)
				continue
			}
			open++
			under.Add(1)
			most.Store(max(most.Load(), under.Load()))
			if f.message(id).get(":path") == "/first" {
				under.Add(-1)
				done <- id
				f.respond(id, "200", "up")
				continue
			}
			answers.Go(func() {
				<-release
				writing.Lock()
				defer writing.Unlock()
				under.Add(-1)
				done <- id
				f.respond(id, "200", "up")
			})
		}
	}, xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: limit})
	w := start(t, alone{way{h2, h2, h2, "proxy"}.setup(setup{up: up.addr()})})
	f := dialFrames(t, w.addr())
	f.request(1, true, "GET", "/first")
	f.expect(1, 200, "up")
	for i := range uint32(requests) {
		f.request(2*i+3, true, "GET", "/")
	}
	until(t, "all are at the host", func() bool { return under.Load() == requests })
	close(release)
	for i := range uint32(requests) {
		f.expect(2*i+3, 200, "up")
	}
	if n := up.accepted.Load(); n < requests/limit {
		t.Errorf("there were %d connections", n)
	}
}

// TestStreamsWaitForRoom: where no more connections may be made, requests wait until
// others are over.
func TestStreamsWaitForRoom(t *testing.T) {
	var open, total atomic.Int64
	up := serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			if open.Add(1) > 2 {
				t.Error("there are too many streams")
			}
			total.Add(1)
			open.Add(-1)
			f.respond(id, "200", "up")
		}
	}, xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 2})
	w := start(t, way{h2, h2, h2, "proxy"}.setup(setup{up: up.addr(), cluster: `"circuit_breakers": [{"max_connections": 1}]`}))
	f := dialFrames(t, w.addr())
	for i := range uint32(50) {
		f.request(2*i+1, true, "GET", "/")
	}
	for i := range uint32(50) {
		f.expect(2*i+1, 200, "up")
	}
	if n := up.accepted.Load(); n != 1 || total.Load() < 50 {
		t.Errorf("there were %d connections, and %d requests", n, total.Load())
	}
}

// TestConnectionsAreReplaced: a connection takes max_request_per_conn requests, and
// none once it is as old as max_connection_duration.
func TestConnectionsAreReplaced(t *testing.T) {
	for _, upstream := range []string{h1, h2} {
		var uses sync.Map // by the connection's address
		up := serveIn(t, upstream, func(w http.ResponseWriter, r *http.Request) {
			n, _ := uses.LoadOrStore(r.RemoteAddr, &atomic.Int64{})
			io.WriteString(w, fmt.Sprint(n.(*atomic.Int64).Add(1)))
		})
		for _, limit := range []string{`"max_request_per_conn": 10`, `"max_connection_duration": "30ms"`} {
			uses.Clear()
			w := start(t, alone{way{h2, h2, upstream, "proxy"}.setup(setup{up: up.addr(), cluster: limit})})
			c := clientOf(t, h2)
			conns := func() (n int) {
				uses.Range(func(any, any) bool { n++; return true })
				return n
			}
			asked := 0
			until(t, "connections are replaced", func() bool {
				asked++
				a := get(t, c, w.url("/"))
				if a.StatusCode != 200 || strings.Contains(limit, "per_conn") && len(a.body) > 1 && a.body != "10" {
					t.Errorf("%s: status %d, request %s of its connection", limit, a.StatusCode, a.body)
				}
				return conns() == 5
			})
			if strings.Contains(limit, "per_conn") && (asked < 35 || asked > 41) {
				t.Errorf("%d requests took 5 connections", asked)
			}
		}
	}
}

// TestPings: a host is sent PINGs only where heartbeats are configured, and one that
// does not answer them is given up.
func TestPings(t *testing.T) {
	pings := map[string]*atomic.Int64{"quiet": {}, "beating": {}, "dead": {}}
	host := func(name string) *rawUpstream {
		return serveRaw(t, func(c *raw, _ int) {
			f := newFrames(c)
			c.bytes(len(xhttp2.ClientPreface))
			f.WriteSettings()
			for {
				frame, err := f.ReadFrame()
				if err != nil {
					return
				}
				switch frame := frame.(type) {
				case *xhttp2.PingFrame:
					pings[name].Add(1)
					if name != "dead" {
						f.WritePing(true, frame.Data)
					}
				case *xhttp2.MetaHeadersFrame:
					if name != "dead" {
						f.respond(frame.StreamID, "200", name)
					}
				}
			}
		})
	}
	const beats = `"heartbeat": {"interval": "20ms", "timeout": "10ms", "count": 3}`
	clusters := []string{cluster("quiet", "", host("quiet").addr()), cluster("beating", beats, host("beating").addr()), cluster("dead", beats, host("dead").addr())}
	var routes []string
	for name := range pings {
		routes = append(routes, route("/"+name, name, ""))
	}
	w := start(t, setup{routes: strings.Join(routes, ", "), clusters: strings.Join(clusters, ", "), proxy: `"upstream_protocol": "Http2"`})
	c := client(t)
	for _, name := range []string{"quiet", "beating"} {
		get(t, c, w.url("/"+name)).expect(t, 200, name)
	}
	get(t, c, w.url("/dead")).expect(t, 502, "the upstream ended the connection\n")
	if n := w.count("upstream.cluster.dead", "connection_silent"); n != 1 || pings["dead"].Load() != 3 {
		t.Errorf("%d connections were silent, after %d PINGs", n, pings["dead"].Load())
	}
	until(t, "there are PINGs", func() bool { return pings["beating"].Load() > 5 })
	if n := pings["quiet"].Load(); n != 0 {
		t.Errorf("%d PINGs were sent without being asked for", n)
	}
	for _, name := range []string{"quiet", "beating"} {
		if n := w.count("upstream.cluster."+name, "connection_total"); n != 1 {
			t.Errorf("%s: there were %d connections", name, n)
		}
	}
}
