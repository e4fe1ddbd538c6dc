package e2e_test

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// measures is what gRPC in Go sends for a piece of data that comes, to measure the
// bandwidth. It is done beside reading.
func measures(f *frames, frame xhttp2.Frame) {
	if d, ok := frame.(*xhttp2.DataFrame); ok && len(d.Data()) > 0 {
		f.WriteWindowUpdate(0, 1)
		f.WritePing(false, [8]byte{2, 4, 16, 16, 9, 14, 7, 7})
	}
}

// reads is what others do for it.
func reads(*frames, xhttp2.Frame) {}

// TestHonestPeers: the habits of stacks in use, frame by frame and as fast as it goes,
// end no connection.
func TestHonestPeers(t *testing.T) {
	const rounds = 6000
	for _, tc := range []struct {
		name    string
		message string
		upload  bool
		takes   func(f *frames, frame xhttp2.Frame) // what who receives it does for each frame
	}{
		{"gRPC in Go uploads", "\x00\x00\x00\x00\x05hello", true, measures},
		{"gRPC in Go downloads", "\x00\x00\x00\x00\x05hello", false, measures},
		{"a host in Node writes single characters", "x", false, reads},
	} {
		t.Run(tc.name, func(t *testing.T) {
			send := func(f *frames, id uint32) {
				for i := 1; i <= rounds; i++ {
					f.WriteData(id, i == rounds, []byte(tc.message))
					if i%50 == 0 && !f.reached() {
						t.Errorf("the sender's connection ended after %d: %v", i, f.away)
						return
					}
				}
			}
			take := func(f *frames, id uint32) {
				for m := f.message(id); !m.ended; {
					frame := f.next()
					if frame == nil || m.reset != nil {
						t.Errorf("the receiver's connection ended: %v", f.away)
						return
					}
					tc.takes(f, frame)
				}
			}
			up := serveFrames(t, func(f *frames, _ int) {
				id := f.accept()
				if tc.upload {
					take(f, id)
					f.respond(id, "200", "well")
				} else {
					f.headers(id, false, ":status", "200")
					send(f, id)
				}
				f.over()
			})
			w := start(t, setup{up: up.addr(), proxy: `"downstream_protocol": "Http2", "upstream_protocol": "Http2"`})
			f := dialFrames(t, w.addr())
			f.request(1, !tc.upload, "POST", "/")
			if tc.upload {
				send(f, 1)
				f.expect(1, 200, "well")
			} else {
				take(f, 1)
			}
			f.Close()
		})
	}
}

// TestHonestCancels: calls that are cancelled once they were answered, as streams that
// have no other end are, do not count as attacks.
func TestHonestCancels(t *testing.T) {
	g := besiege(t, setup{})
	f := g.attacker()
	for i := range 1000 {
		id := streamOf(i)
		f.request(id, true, "GET", "/endless")
		f.begun(id)
		f.WriteRSTStream(id, xhttp2.ErrCodeCancel)
	}
	if !f.reached() {
		t.Errorf("the connection has ended: %v", f.away)
	}
	f.Close()
	g.withstood()
}

// TestAThousandCalls: a client may have a thousand calls under way on one connection.
func TestAThousandCalls(t *testing.T) {
	g := besiege(t, setup{http1: `"max_concurrent_streams": 1024`})
	f := g.attacker()
	for i := range 1000 {
		hang(f, streamOf(i), true, "x-token", strings.Repeat("t", 1000))
	}
	until(t, "the calls are under way", func() bool { return g.opens.Load() == 1000 })
	f.Close()
	until(t, "the calls are over", func() bool { return g.Load().Streams == 0 })
	g.serves(20)
}

// TestHostileHeldHeads (CVE-2026-49975): as many streams as the default allows, with
// heads as large as they may be, and windows that never open. What is above the limit of
// what a connection may hold is refused, so that it may be sent again.
func TestHostileHeldHeads(t *testing.T) {
	g := besiege(t, setup{http1: `"max_concurrent_streams": 1024`})
	f := g.attacker(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
	for i := range 1024 {
		b := f.encode(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/endless", "x", strings.Repeat("y", 3900))
		b = append(b, strings.Repeat("\xbe", 14)...)
		f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: streamOf(i), BlockFragment: b, EndStream: true, EndHeaders: true})
		if i%10 == 0 {
			g.serves(1)
			f.reached()
		}
	}
	if !f.reached() {
		t.Fatal("the connection has ended")
	}
	refused := 0
	for _, m := range f.msgs {
		if m.reset != nil && *m.reset == xhttp2.ErrCodeRefusedStream {
			refused++
		}
	}
	const held = 16 << 20
	most := held / (15 * 3900) // heads, if there were no responses
	if taken := 1024 - refused; taken > most || taken < most/3 {
		t.Errorf("%d requests were taken, want at most %d", taken, most)
	}
	g.serves(100)
	upstreamOwn := most * (mostHead + 64<<10)
	g.holds(held/2+most*mostWindow+1<<20, 3*held+most*2*mostWindow+upstreamOwn+8<<20)
	f.Close()
	g.withstood()
}

// TestCutOffResponse: a client gets what a host had sent when it reset the stream,
// however late it takes it.
func TestCutOffResponse(t *testing.T) {
	const most, first = 100_000, 50_000
	reset := make(chan struct{})
	up := serveFrames(t, func(f *frames, _ int) {
		id := f.accept()
		f.headers(id, false, ":status", "413")
		for sent := 0; sent < most; sent += 10_000 {
			f.WriteData(id, false, make([]byte, 10_000))
			if sent == first {
				f.reached() // and has given a part of the window back
			}
		}
		f.WriteRSTStream(id, xhttp2.ErrCodeNo)
		f.reached()
		close(reset)
		f.over()
	})
	w := start(t, setup{up: up.addr(), proxy: `"downstream_protocol": "Http2", "upstream_protocol": "Http2"`})
	f := dialFrames(t, w.addr())
	f.slow = true
	f.request(1, false, "POST", "/")
	m := f.message(1)
	f.until(func() bool { return m.body.Len() == 65535 })
	<-reset
	f.WriteWindowUpdate(0, 1<<20)
	f.WriteWindowUpdate(1, 1<<20)
	f.until(func() bool { return m.reset != nil })
	if m.body.Len() != most || m.ended {
		t.Errorf("%d bytes came, want %d", m.body.Len(), most)
	}
}
