package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
)

// widest are settings of a client that would take everything.
var widest = []xhttp2.Setting{{ID: xhttp2.SettingInitialWindowSize, Val: 1<<31 - 1}, {ID: xhttp2.SettingMaxFrameSize, Val: 1<<24 - 1}}

// steady waits until a number does not grow any more, while the honest client makes
// 20 requests.
func (g *siege) steady(what string, number func() int64) {
	g.t.Helper()
	last, rounds := int64(-1), 0
	eventually(g.t, what+" has come to an end", func() error {
		g.serves(1)
		if now := number(); now != last {
			last, rounds = now, 0
		}
		if rounds++; rounds < 20 {
			return fmt.Errorf("it has come to %d", last)
		}
		return nil
	})
}

// TestHostileZeroTCPWindow (CVE-2019-9517): a client that opens all windows of
// HTTP/2, asks for 100 answers without an end, and does not read its socket, is
// given what its windows of TCP hold. Weir keeps what it keeps for any slow client.
func TestHostileZeroTCPWindow(t *testing.T) {
	g := besiege(t, setup{http1: `"stream_idle_timeout": "3s"`})
	f := g.attacker(widest...)
	f.SetReadBuffer(4 << 10)
	f.WriteWindowUpdate(0, 1<<31-1-65535)
	for i := range mostStreams {
		f.request(streamOf(i), true, "GET", "/endless")
		g.serves(1)
	}
	g.steady("what the upstream gives", g.given.Load)
	// In the slabs: a window of each stream, and what has come of others' windows
	// meanwhile.
	g.holds(mostStreams*2*mostWindow+1<<20, mostStreams*(3*mostWindow)+8<<20)
	until(t, "the streams are given up", func() bool { g.serves(1); return g.Load().Streams == 0 })
	g.holds(1<<20, 4<<20) // what waits for the socket is still there
	f.Close()
	g.withstood()
}

// TestHostileZeroWindows: a client that never opens a window has its streams given
// up once nothing has moved for stream_idle_timeout, however short the answer is.
func TestHostileZeroWindows(t *testing.T) {
	for _, tc := range []struct{ name, path, contentType string }{
		{"a short answer", "/", "text/plain"},
		{"an endless answer", "/endless", "text/plain"},
		{"an endless answer of gRPC", "/endless", "application/grpc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := besiege(t, setup{http1: `"stream_idle_timeout": "3s", "idle_timeout": "1h", "request_header_timeout": "1h"`})
			f := g.attacker(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
			for i := range mostStreams {
				f.request(streamOf(i), true, "POST", tc.path, "content-type", tc.contentType, "te", "trailers")
			}
			for i := range mostStreams {
				m := f.message(streamOf(i))
				f.SetDeadline(time.Now().Add(patience))
				f.until(func() bool { return m.reset != nil })
				if m.reset == nil || m.ended {
					t.Fatalf("stream %d got %.200q, want a reset", streamOf(i), m)
				}
				g.serves(1)
			}
			g.withstood()
			f.request(2*mostStreams+1, true, "GET", "/")
			if m := f.begun(2*mostStreams + 1); m.get(":status") != "200" {
				t.Errorf("afterwards, a request got %v", m)
			}
			f.Close()
		})
	}
}

// TestHostileDribble (CVE-2019-9511): a client that takes answers a byte at a time
// would have weir write frames that are nearly all header.
func TestHostileDribble(t *testing.T) {
	for _, tc := range []struct {
		name   string
		window uint32
		open   func(f *frames, i int)
		most   int
	}{
		{"by WINDOW_UPDATE", 0, func(f *frames, i int) { f.WriteWindowUpdate(streamOf(i%mostStreams), 1) }, 1300},
		{"by SETTINGS", 0, func(f *frames, i int) { setting(f, xhttp2.SettingInitialWindowSize, uint32(i+1)) }, 1300},
		{"by a window of a byte", 1, func(f *frames, i int) { f.WriteWindowUpdate(streamOf(i%mostStreams), 1) }, 1300},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := besiege(t, setup{})
			f := g.attacker(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: tc.window})
			f.slow = true // next gives no window back
			for i := range mostStreams {
				f.request(streamOf(i), true, "GET", "/endless")
			}
			n, frames := 0, 0
			took := g.costs(func() {
				n = g.flood(f, tc.most, forgiven, func(i int) { tc.open(f, i) })
			})
			f.dropped(xhttp2.ErrCodeEnhanceYourCalm)
			for _, m := range f.msgs {
				frames += m.body.Len() // a byte each
			}
			t.Logf("ended after %d times, with %d frames; %v", n, frames, took)
			g.cheap(took, n+frames+10*mostStreams)
			g.withstood()
		})
	}
}

// TestHostileTinyData: DATA of a byte each, on all streams, as fast as it goes, and of
// which many come at once. Node writes characters so, and is not slow: each costs a
// small part of a request, and nobody else notices.
func TestHostileTinyData(t *testing.T) {
	g := besiege(t, setup{})
	f := g.attacker()
	for i := range mostStreams {
		f.request(streamOf(i), false, "POST", "/hang")
	}
	const rounds, each = 40, 50
	var round bytes.Buffer
	tiny := xhttp2.NewFramer(&round, nil)
	for i := range mostStreams {
		for range each {
			tiny.WriteData(streamOf(i), false, []byte{1})
		}
	}
	took := g.costs(func() {
		for range rounds {
			f.raw.Write(round.Bytes())
			g.serves(1)
			if !f.reached() {
				f.dropped(xhttp2.ErrCodeEnhanceYourCalm)
				return
			}
		}
	})
	t.Logf("%d frames took %v, a request %v", rounds*mostStreams*each, took, g.price)
	g.cheap(took, rounds*mostStreams*each/20)
	f.Close()
	g.withstood()
}

// TestHostileUploads: requests whose bodies nobody takes hold a window each on
// their way, and the window of their connection before it. Who sends more than that
// breaks the rules of flow control. What is held is in slabs, which are up to four
// times as large as what came in one read: how the bytes come together decides.
func TestHostileUploads(t *testing.T) {
	g := besiege(t, setup{})
	f := g.attacker()
	for i := range mostStreams {
		f.request(streamOf(i), false, "POST", "/hang")
	}
	const windows = 1<<20 + mostStreams*(mostWindow+16<<10)
	const slack = 4
	sent, held := 0, 0
	for f.away == nil && sent < 2*slack*windows {
		for i := range mostStreams {
			f.WriteData(streamOf(i), false, make([]byte, 16<<10))
			sent += 16 << 10
		}
		g.serves(1)
		held = max(held, g.live())
		if !f.reached() {
			break
		}
	}
	f.dropped(xhttp2.ErrCodeFlowControl)
	t.Logf("%d bytes were sent, %d held", sent, held)
	if sent > windows {
		t.Errorf("%d bytes were sent before the connection ended, want at most %d", sent, windows)
	}
	if held > slack*windows {
		t.Errorf("%d bytes are in slabs, want at most %d", held, slack*windows)
	}
	g.withstood()
}

// TestHostileUnreadAnswers: a client that asks for what is answered at once, and
// never reads, is not read from any more as soon as its answers do not leave.
func TestHostileUnreadAnswers(t *testing.T) {
	for _, tc := range []struct {
		name string
		asks []string
	}{
		{"of weir", []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/own"}},
		{"of the codec", []string{":method", "CONNECT", ":authority", "a:1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := besiege(t, setup{routes: `{"match": {"path": "/own"}, "direct_response": {"status": 200, "body": "own"}}`})
			f := g.attacker(widest...)
			f.WriteWindowUpdate(0, 1<<31-1-65535)
			f.SetReadBuffer(4 << 10)
			var asked atomic.Int64
			var asking sync.WaitGroup
			asking.Go(func() {
				const batch = 100
				for i := 0; ; i += batch {
					requests := written(func(to *frames) {
						for j := range batch {
							to.WriteHeaders(xhttp2.HeadersFrameParam{
								StreamID: streamOf(i + j), BlockFragment: f.encode(tc.asks...), EndStream: true, EndHeaders: true,
							})
						}
					})
					if _, err := io.WriteString(f.TCPConn, requests); err != nil {
						return
					}
					asked.Add(batch)
				}
			})
			g.steady("what weir reads", asked.Load)
			t.Logf("%d requests went out", asked.Load())
			if n := g.Load().Connections; n < 2 {
				t.Error("the connection has ended")
			}
			g.holds(1<<20, 16<<20)
			f.Close()
			asking.Wait()
			g.withstood()
		})
	}
}

// TestHostileGoneClients: who asks for much and goes away leaves nothing running.
func TestHostileGoneClients(t *testing.T) {
	g := besiege(t, setup{routes: route("/hang", "up", `"timeout": "1h"`)})
	for n := 1; n <= 5; n++ {
		f := g.attacker()
		for i := range mostStreams {
			hang(f, streamOf(i), true)
		}
		until(t, "the upstream has the requests", func() bool { return int(g.opens.Load()) == n*mostStreams })
		f.Close()
		until(t, "the requests are cancelled", func() bool { g.serves(1); return g.Load().Streams == 0 })
	}
	g.withstood()
}
