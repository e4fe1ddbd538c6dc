package e2e_test

import (
	"strings"
	"sync/atomic"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// hostileAnswer is what an upstream does instead of answering a request.
type hostileAnswer struct {
	name string
	// answer deals with the request of a stream. It may go on until weir has ended
	// the connection, which makes alive return false.
	answer func(f *frames, id uint32, alive func() bool)
	want   xhttp2.ErrCode // of the connection's end; of the stream's, if only that ends
	alone  bool           // the stream ends alone
	begun  bool           // the client gets the front of a response, and then a reset
}

// again repeats something until the connection has ended.
func again(do func(f *frames, id uint32)) func(*frames, uint32, func() bool) {
	return func(f *frames, id uint32, alive func() bool) {
		for n := 1; n%50 != 0 || alive(); n++ {
			do(f, id)
		}
	}
}

// once does something, and no more.
func once(do func(f *frames, id uint32)) func(*frames, uint32, func() bool) {
	return func(f *frames, id uint32, _ func() bool) { do(f, id) }
}

// head begins an answer.
func head(f *frames, id uint32, fields ...string) {
	f.headers(id, false, append([]string{":status", "200"}, fields...)...)
}

// headed is once, or again, behind the head of an answer.
func headed(do func(f *frames, id uint32, alive func() bool)) func(*frames, uint32, func() bool) {
	return func(f *frames, id uint32, alive func() bool) {
		head(f, id)
		do(f, id, alive)
	}
}

func rawBlock(f *frames, id uint32, b string) {
	f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: true, BlockFragment: []byte(b)})
}

var hostileAnswers = []hostileAnswer{
	{name: "MAX_FRAME_SIZE of 0 (CVE-2026-33814)", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, _ uint32) { setting(f, xhttp2.SettingMaxFrameSize, 0) })},
	{name: "a window above the limit", want: xhttp2.ErrCodeFlowControl,
		answer: once(func(f *frames, _ uint32) { setting(f, xhttp2.SettingInitialWindowSize, 1<<31) })},
	{name: "a window delta above the limit", want: xhttp2.ErrCodeFlowControl,
		answer: once(func(f *frames, id uint32) {
			f.WriteWindowUpdate(id, 1<<31-1-65535)
			setting(f, xhttp2.SettingInitialWindowSize, 1<<31-1)
		})},
	{name: "ENABLE_PUSH of 1", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, _ uint32) { setting(f, xhttp2.SettingEnablePush, 1) })},
	{name: "WINDOW_UPDATE of 0", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, _ uint32) { f.WriteWindowUpdate(0, 0) })},
	{name: "WINDOW_UPDATE above the limit", want: xhttp2.ErrCodeFlowControl,
		answer: once(func(f *frames, _ uint32) { f.WriteWindowUpdate(0, 1<<31-1) })},
	{name: "WINDOW_UPDATE of 0 on the stream", want: xhttp2.ErrCodeProtocol, alone: true,
		answer: once(func(f *frames, id uint32) { f.WriteWindowUpdate(id, 0) })},
	{name: "PUSH_PROMISE", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, id uint32) {
			f.WritePushPromise(xhttp2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true, BlockFragment: f.encode(":method", "GET")})
		})},
	{name: "an answer that nobody asked for", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, id uint32) { head(f, id+2) })},
	{name: "an answer on an even stream", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, _ uint32) { head(f, 2) })},
	{name: "a frame that is too long", want: xhttp2.ErrCodeFrameSize,
		answer: once(func(f *frames, id uint32) { f.WriteRawFrame(xhttp2.FrameHeaders, 4, id, make([]byte, 1<<14+1)) })},
	{name: "more padding than there is", want: xhttp2.ErrCodeProtocol,
		answer: once(func(f *frames, id uint32) { f.WriteRawFrame(xhttp2.FrameHeaders, 4|8, id, []byte("\x7fxx")) })},
	{name: "a block that cannot be decoded", want: xhttp2.ErrCodeCompression,
		answer: once(func(f *frames, id uint32) { rawBlock(f, id, "\xff\xff\xff\x7f") })},

	{name: "PING flood", want: xhttp2.ErrCodeEnhanceYourCalm,
		answer: again(func(f *frames, _ uint32) { f.WritePing(false, [8]byte{}) })},
	{name: "SETTINGS flood", want: xhttp2.ErrCodeEnhanceYourCalm,
		answer: again(func(f *frames, _ uint32) { f.WriteSettings() })},
	{name: "PRIORITY flood", want: xhttp2.ErrCodeEnhanceYourCalm,
		answer: again(func(f *frames, id uint32) { f.WritePriority(id, xhttp2.PriorityParam{}) })},
	{name: "unknown frames", want: xhttp2.ErrCodeEnhanceYourCalm,
		answer: again(func(f *frames, _ uint32) { f.WriteRawFrame(0xbe, 0, 0, nil) })},
	{name: "WINDOW_UPDATE flood", want: xhttp2.ErrCodeEnhanceYourCalm,
		answer: again(func(f *frames, _ uint32) { f.WriteWindowUpdate(0, 1) })},
	{name: "empty DATA", want: xhttp2.ErrCodeEnhanceYourCalm, begun: true,
		answer: headed(again(func(f *frames, id uint32) { f.WriteData(id, false, nil) }))},
	{name: "CONTINUATION flood", want: xhttp2.ErrCodeEnhanceYourCalm,
		answer: func(f *frames, id uint32, _ func() bool) {
			f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x88}})
			for range 10 {
				f.WriteContinuation(id, false, []byte{0x88})
			}
		}},

	{name: "a bomb of references (CVE-2016-6581)", want: xhttp2.ErrCodeCancel, alone: true,
		answer: once(func(f *frames, id uint32) {
			b := f.encode(":status", "200", "x", strings.Repeat("y", 3900))
			rawBlock(f, id, string(b)+strings.Repeat("\xbe", 10_000))
		})},
	{name: "informational answers without an end", want: xhttp2.ErrCodeProtocol, alone: true,
		answer: once(func(f *frames, id uint32) {
			for range 3000 {
				f.headers(id, false, ":status", "103")
			}
		})},
	{name: "a field of HTTP/1 connections", want: xhttp2.ErrCodeProtocol, alone: true,
		answer: once(func(f *frames, id uint32) { head(f, id, "transfer-encoding", "chunked") })},
	{name: "a line end in a value", want: xhttp2.ErrCodeProtocol, alone: true,
		answer: once(func(f *frames, id uint32) { head(f, id, "a", "b\r\nset-cookie: c") })},
	{name: "DATA in front of the head", want: xhttp2.ErrCodeProtocol, alone: true,
		answer: once(func(f *frames, id uint32) { f.WriteData(id, true, []byte("x")) })},
	{name: "more data than announced", want: xhttp2.ErrCodeProtocol, alone: true, begun: true,
		answer: once(func(f *frames, id uint32) {
			head(f, id, "content-length", "3")
			f.WriteData(id, true, []byte("four"))
		})},
	{name: "less data than announced", want: xhttp2.ErrCodeProtocol, alone: true, begun: true,
		answer: once(func(f *frames, id uint32) {
			head(f, id, "content-length", "5")
			f.WriteData(id, true, []byte("four"))
		})},
	{name: "more data than the window", want: xhttp2.ErrCodeFlowControl, alone: true, begun: true,
		answer: headed(func(f *frames, id uint32, _ func() bool) {
			for range 10 {
				f.WriteData(id, false, make([]byte, 1<<14))
			}
		})},
}

// TestHostileUpstreams: a host that breaks the rules fails its own requests, each of
// which is answered, and nobody else's.
func TestHostileUpstreams(t *testing.T) {
	for _, a := range hostileAnswers {
		t.Run(a.name, func(t *testing.T) {
			type end struct{ conn, stream *xhttp2.ErrCode }
			ends := make(chan end, 10)
			up := serveFrames(t, func(f *frames, _ int) {
				id := f.accept()
				a.answer(f, id, f.reached)
				f.until(func() bool { return f.away != nil || a.alone && f.message(id).reset != nil })
				e := end{stream: f.message(id).reset}
				if f.away != nil {
					e.conn = &f.away.ErrCode
				}
				ends <- e
				f.over()
			})
			g := besiege(t, setup{up: up.addr()})
			f := g.attacker()
			if a.begun {
				setting(f, xhttp2.SettingInitialWindowSize, 0) // or the data would be passed on
				f.slow = true
			}
			took := g.costs(func() {
				f.request(1, true, "GET", "/")
				m := f.whole(1)
				switch {
				case a.begun && (m.reset == nil || m.ended):
					t.Errorf("the client got %v, want a reset", m)
				case !a.begun && m.get(":status") != "502":
					t.Errorf("the client got %v, want status 502", m)
				}
			})
			g.cheap(took, 1500)
			e := <-ends
			if got := map[bool]*xhttp2.ErrCode{true: e.stream, false: e.conn}[a.alone]; got == nil || *got != a.want {
				t.Errorf("weir ended it with %v, %v; want %v", e.conn, e.stream, a.want)
			}
			if n := up.accepted.Load(); n > 1 {
				t.Errorf("weir has tried it on %d connections", n)
			}
			g.serves(20)
			f.Close()
			g.withstood()
		})
	}
}

// TestHostileRefusals: a host that takes requests and refuses them, or its
// connections, gets each of them a few times, and no more; one that fails them
// otherwise, once.
func TestHostileRefusals(t *testing.T) {
	for _, tc := range []struct {
		name   string
		refuse func(f *frames, id uint32)
		status string
		tries  int
	}{
		{"REFUSED_STREAM", func(f *frames, id uint32) { f.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) }, "503", 5},
		{"GOAWAY", func(f *frames, _ uint32) { f.WriteGoAway(0, xhttp2.ErrCodeNo, nil) }, "503", 5},
		{"a reset", func(f *frames, id uint32) { f.WriteRSTStream(id, xhttp2.ErrCodeInternal) }, "502", 1},
		{"a close", func(f *frames, _ uint32) { f.Close() }, "502", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var asked atomic.Int32
			up := serveFrames(t, func(f *frames, _ int) {
				for id := f.accept(); id != 0; id = f.accept() {
					asked.Add(1)
					tc.refuse(f, id)
				}
			})
			g := besiege(t, setup{up: up.addr()})
			f := g.attacker()
			const requests = 200
			took := g.costs(func() {
				for i := range requests {
					f.request(streamOf(i), true, "POST", "/")
					if m := f.whole(streamOf(i)); m.get(":status") != tc.status {
						t.Fatalf("request %d got %v, want status %s", i, m, tc.status)
					}
					g.serves(1)
				}
			})
			if n := int(asked.Load()); n > tc.tries*requests {
				t.Errorf("the host got %d requests for %d, want at most %d for each", n, requests, tc.tries)
			}
			g.cheap(took, 10*(1+tc.tries)*requests)
			f.Close()
			g.withstood()
		})
	}
}
