package http2

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/stream"
)

// connectionErrors are what ends a connection: what is fed behind the preface and
// the first SETTINGS, with a request on stream 1 under way.
var connectionErrors = []struct {
	name string
	do   func(*peer)
	want *Error
}{
	{"DATA on 0", func(p *peer) { p.raw(frameData, 0, 0, "x") }, ErrStreamID},
	{"DATA on an idle stream", func(p *peer) { p.data(5, "x", false) }, ErrIdleStream},
	{"DATA on a server's stream", func(p *peer) { p.data(2, "x", false) }, ErrIdleStream},
	{"DATA too padded", func(p *peer) { p.raw(frameData, flagPadded, 1, "\x04abc") }, ErrPadding},
	{"DATA padded with nothing", func(p *peer) { p.raw(frameData, flagPadded, 1, "") }, ErrFrameSize},
	{"DATA too long", func(p *peer) { p.data(1, strings.Repeat("x", 16385), false) }, ErrFrameSize},
	{"HEADERS on 0", func(p *peer) { p.headers(0, true, pseudo...) }, ErrStreamID},
	{"HEADERS on a server's stream", func(p *peer) { p.headers(2, true, pseudo...) }, ErrStreamID},
	{"HEADERS on a stream that was passed over", func(p *peer) { p.get(5).get(3) }, ErrStreamID},
	{"HEADERS too padded", func(p *peer) { p.raw(frameHeaders, flagPadded|flagEndHeaders, 3, "\x09abc") }, ErrPadding},
	{"HEADERS too short for priority", func(p *peer) { p.raw(frameHeaders, flagPriority|flagEndHeaders, 3, "abc") }, ErrFrameSize},
	{"HEADERS with nonsense", func(p *peer) { p.raw(frameHeaders, flagEndHeaders, 3, "\x80") }, ErrCompression},
	{"HEADERS of nobody with nonsense", func(p *peer) { p.rst(1, Cancel).raw(frameHeaders, flagEndHeaders, 1, "\x80") }, ErrCompression},
	{"trailers with nonsense", func(p *peer) { p.raw(frameHeaders, flagEndHeaders|flagEndStream, 1, "\x80") }, ErrCompression},
	{"RST_STREAM on 0", func(p *peer) { p.raw(frameRSTStream, 0, 0, "\x00\x00\x00\x08") }, ErrStreamID},
	{"RST_STREAM on an idle stream", func(p *peer) { p.rst(3, Cancel) }, ErrIdleStream},
	{"RST_STREAM too short", func(p *peer) { p.raw(frameRSTStream, 0, 1, "\x00\x00\x00") }, ErrFrameSize},
	{"PRIORITY on 0", func(p *peer) { p.raw(framePriority, 0, 0, "\x00\x00\x00\x00\x01") }, ErrStreamID},
	{"SETTINGS on a stream", func(p *peer) { p.raw(frameSettings, 0, 1, "") }, ErrStreamID},
	{"SETTINGS of odd length", func(p *peer) { p.raw(frameSettings, 0, 0, "\x00\x01\x00") }, ErrFrameSize},
	{"SETTINGS ack with content", func(p *peer) { p.raw(frameSettings, flagAck, 0, "\x00\x01\x00\x00\x00\x00") }, ErrFrameSize},
	{"SETTINGS ack again", func(p *peer) { p.ack() }, ErrSettingsAck},
	{"ENABLE_PUSH 2", func(p *peer) { p.settings(xhttp2.Setting{ID: 2, Val: 2}) }, ErrSetting},
	{"INITIAL_WINDOW_SIZE too large", func(p *peer) { p.settings(xhttp2.Setting{ID: 4, Val: 1 << 31}) }, ErrWindowGrowth},
	{"INITIAL_WINDOW_SIZE makes a window too large", func(p *peer) { p.window(1, 1).settings(xhttp2.Setting{ID: 4, Val: 1<<31 - 1}) }, ErrWindowGrowth},
	{"MAX_FRAME_SIZE 0", func(p *peer) { p.settings(xhttp2.Setting{ID: 5, Val: 0}) }, ErrSetting},
	{"MAX_FRAME_SIZE too small", func(p *peer) { p.settings(xhttp2.Setting{ID: 5, Val: 16383}) }, ErrSetting},
	{"MAX_FRAME_SIZE too large", func(p *peer) { p.settings(xhttp2.Setting{ID: 5, Val: 1 << 24}) }, ErrSetting},
	{"ENABLE_CONNECT_PROTOCOL 2", func(p *peer) { p.settings(xhttp2.Setting{ID: 8, Val: 2}) }, ErrSetting},
	{"ENABLE_CONNECT_PROTOCOL taken back", func(p *peer) { p.settings(xhttp2.Setting{ID: 8, Val: 1}, xhttp2.Setting{ID: 8, Val: 0}) }, ErrSetting},
	{"PUSH_PROMISE", func(p *peer) { p.raw(framePushPromise, flagEndHeaders, 1, "\x00\x00\x00\x02") }, ErrPush},
	{"PING on a stream", func(p *peer) { p.raw(framePing, 0, 1, "12345678") }, ErrStreamID},
	{"PING too short", func(p *peer) { p.raw(framePing, 0, 0, "1234567") }, ErrFrameSize},
	{"PING too long", func(p *peer) { p.raw(framePing, 0, 0, "123456789") }, ErrFrameSize},
	{"GOAWAY on a stream", func(p *peer) { p.raw(frameGoAway, 0, 1, "12345678") }, ErrStreamID},
	{"GOAWAY too short", func(p *peer) { p.raw(frameGoAway, 0, 0, "1234567") }, ErrFrameSize},
	{"WINDOW_UPDATE of 0", func(p *peer) { p.window(0, 0) }, ErrNoIncrement},
	{"WINDOW_UPDATE too large", func(p *peer) { p.window(0, 1<<31-1) }, ErrWindowGrowth},
	{"WINDOW_UPDATE too short", func(p *peer) { p.raw(frameWindowUpdate, 0, 0, "\x00\x00\x01") }, ErrFrameSize},
	{"WINDOW_UPDATE on an idle stream", func(p *peer) { p.window(3, 1) }, ErrIdleStream},
	{"CONTINUATION of nothing", func(p *peer) { p.raw(frameContinuation, flagEndHeaders, 1, "") }, ErrContinuation},
	{"CONTINUATION behind the end", func(p *peer) { p.get(3).raw(frameContinuation, flagEndHeaders, 3, "") }, ErrContinuation},
	{"CONTINUATION of another stream", func(p *peer) { p.raw(frameHeaders, 0, 3, "\x82").raw(frameContinuation, 0, 5, "") }, ErrContinuation},
	{"HEADERS within a block", func(p *peer) { p.raw(frameHeaders, 0, 3, "\x82").get(5) }, ErrContinuation},
	{"PING within a block", func(p *peer) { p.raw(frameHeaders, 0, 3, "\x82").ping(false, "x") }, ErrContinuation},
	{"an unknown frame within a block", func(p *peer) { p.raw(frameHeaders, 0, 3, "\x82").raw(77, 0, 0, "") }, ErrContinuation},
	{"a frame of any type that is too long", func(p *peer) { p.raw(77, 0, 0, strings.Repeat("x", 16385)) }, ErrFrameSize},
}

func TestConnectionErrors(t *testing.T) {
	for _, tc := range connectionErrors {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.post(1)
			s.exchange()
			r := s.last()
			tc.do(s.client)
			got, err := s.flush()
			isError(t, err, tc.want)
			if !strings.Contains(got, "GOAWAY") || !strings.Contains(got, tc.want.Code.String()) {
				t.Errorf("the client is told:\n%s", got)
			}
			if r.reset.Reason == 0 {
				t.Error("the request was not reset")
			}
			expect(t, "phase", s.conn.Phase(), stream.Closing)
			s.client.get(7)
			if got, err := s.flush(); got != "" || err != nil {
				t.Errorf("afterwards: %q, %v", got, err)
			}
			s.close()
		})
	}
}

// streamErrors end one stream, and the connection goes on. Stream 1 is a request
// whose body is under way.
var streamErrors = []struct {
	name string
	do   func(*peer)
	want ErrCode
}{
	{"WINDOW_UPDATE of 0", func(p *peer) { p.window(1, 0) }, ProtocolError},
	{"WINDOW_UPDATE too large", func(p *peer) { p.window(1, 1<<31-1) }, FlowControlError},
	{"PRIORITY of odd length", func(p *peer) { p.raw(framePriority, 0, 1, "\x00\x00\x00\x00") }, FrameSizeError},
	{"PRIORITY on itself", func(p *peer) { p.raw(framePriority, 0, 1, "\x00\x00\x00\x01\x01") }, ProtocolError},
	{"trailers that depend on themselves", func(p *peer) {
		p.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode("x", "y"), EndStream: true, EndHeaders: true,
			Priority: xhttp2.PriorityParam{StreamDep: 1}})
	}, ProtocolError},
	{"DATA over the window", func(p *peer) {
		for range 4 {
			p.data(1, strings.Repeat("x", 16384), false)
		}
		p.data(1, "x", false)
	}, FlowControlError},
}

func TestStreamErrors(t *testing.T) {
	for _, tc := range streamErrors {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.onStream = func(r *recorder) { r.onHead = func(*stream.Head, bool) { r.sender.Pause() } }
			s.client.post(1)
			tc.do(s.client)
			s.client.get(3)
			expect(t, "sent", s.exchange(), lines("1 RST "+tc.want.String()))
			expect(t, "reason", s.streams[0].reset.Reason, stream.ProtocolError)
			expect(t, "the next", s.streams[1].text(), lines("GET http://a / length 0", "end"))
			s.close()
		})
	}
}

// lateFrames are what may still come, or may not, on a stream that is over:
// after it ended, after the client reset it, after the server did.
var lateFrames = []struct {
	name                       string
	do                         func(*peer)
	ended, resetByHim, resetBy string
}{
	{"DATA", func(p *peer) { p.data(1, strings.Repeat("x", 300), false) }, "GOAWAY 1 STREAM_CLOSED\n", "1 RST STREAM_CLOSED\n", ""},
	{"short DATA", func(p *peer) { p.data(1, "x", true) }, "GOAWAY 1 STREAM_CLOSED\n", "1 RST STREAM_CLOSED\n", ""},
	{"HEADERS", func(p *peer) { p.headers(1, true, "x", "y") }, "GOAWAY 1 STREAM_CLOSED\n", "1 RST STREAM_CLOSED\n", ""},
	{"RST_STREAM", func(p *peer) { p.rst(1, Cancel) }, "", "", ""},
	{"WINDOW_UPDATE", func(p *peer) { p.window(1, 1) }, "", "", ""},
	{"PRIORITY", func(p *peer) { p.raw(framePriority, 0, 1, "\x00\x00\x00\x00\x01") }, "", "", ""},
}

func TestFramesOnClosedStreams(t *testing.T) {
	for _, tc := range lateFrames {
		for how, want := range map[string]string{"ended": tc.ended, "reset by the client": tc.resetByHim, "reset by the server": tc.resetBy} {
			t.Run(tc.name+", "+how, func(t *testing.T) {
				s := ready(t, Config{})
				s.client.post(1)
				switch how {
				case "ended":
					s.client.data(1, "", true)
					s.exchange()
					s.response(s.last().sender, 200, "")
				case "reset by the client":
					s.client.rst(1, Cancel)
					s.exchange()
				default:
					s.exchange()
					s.last().sender.Reset(stream.Reset{Reason: stream.Cancelled})
				}
				s.sent()
				tc.do(s.client)
				got, err := s.flush()
				expect(t, "sent", got, want)
				expect(t, "is an error", err != nil, strings.Contains(want, "GOAWAY"))
				s.close()
			})
		}
	}
}

func TestFramesBehindTheEndOfARequest(t *testing.T) {
	for name, do := range map[string]func(*peer){
		"DATA":    func(p *peer) { p.data(1, "x", true) },
		"HEADERS": func(p *peer) { p.headers(1, true, "x", "y") },
	} {
		t.Run(name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.get(1)
			do(s.client)
			expect(t, "sent", s.exchange(), lines("1 RST STREAM_CLOSED"))
			expect(t, "reason", s.last().reset.Reason, stream.ProtocolError)
			s.close()
		})
	}
}

func TestPreface(t *testing.T) {
	for _, tc := range []struct {
		name, input string
		phase       stream.Phase
		want        *Error
	}{
		{"nothing", "", stream.Idle, nil},
		{"a part", preface[:7], stream.ReadingHead, nil},
		{"no SETTINGS yet", preface, stream.ReadingHead, nil},
		{"HTTP/1", "GET / HTTP/1.1\r\n\r\n", stream.Closing, ErrPreface},
		{"nearly", preface[:23] + "x", stream.Closing, ErrPreface},
		{"another frame first", preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00", stream.Closing, ErrFirstFrame},
		{"an ack first", preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00", stream.Closing, ErrFirstFrame},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, Config{})
			err := s.feed(s.conn, []byte(tc.input))
			if tc.want == nil && err != nil {
				t.Error(err)
			} else if tc.want != nil {
				isError(t, err, tc.want)
			}
			expect(t, "phase", s.conn.Phase(), tc.phase)
			if tc.want == ErrPreface && s.out.Len() > 0 {
				t.Errorf("sent %q to a client that does not speak HTTP/2", s.sent())
			}
			s.close()
		})
	}
}

func TestIgnoredFrames(t *testing.T) {
	s := ready(t, Config{})
	s.client.raw(77, 0xff, 1, "whatever").raw(0x10, 0, 0, "\x00\x00\x00\x01u=1").raw(framePriority, 0, 99, "\x00\x00\x00\x00\x01").
		settings(xhttp2.Setting{ID: 999, Val: 7}).goAway(0, NoError).get(1).window(1, 1)
	expect(t, "sent", s.exchange(), lines("SETTINGS ack"))
	expect(t, "request", s.last().text(), lines("GET http://a / length 0", "end"))
	s.close()
}

func TestHeadersWithPaddingAndPriority(t *testing.T) {
	s := ready(t, Config{})
	s.client.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: s.client.encode(pseudo...), EndHeaders: true,
		PadLength: 7, Priority: xhttp2.PriorityParam{StreamDep: 5, Weight: 3}})
	s.client.framer.WriteDataPadded(1, true, []byte("abc"), make([]byte, 9))
	expect(t, "sent", s.exchange(), "")
	expect(t, "request", s.last().text(), lines("GET http://a / length -1", `body "abc"`, "end"))
	s.close()
}

func TestPing(t *testing.T) {
	s := ready(t, Config{})
	s.client.ping(false, "12345678").ping(true, "whatever")
	expect(t, "sent", s.exchange(), lines(`PING ack "12345678"`))
	s.close()
}

func TestFrameHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := frameHeader{
			length: rapid.Uint32Range(0, 1<<24-1).Draw(t, "length"),
			stream: rapid.Uint32Range(0, maxStreamID).Draw(t, "stream"),
			typ:    frameType(rapid.Byte().Draw(t, "type")),
			flags:  rapid.Byte().Draw(t, "flags"),
		}
		b := appendFrameHeader(nil, int(h.length), h.typ, h.flags, h.stream)
		if got := parseFrameHeader(b); got != h || len(b) != frameHeaderLen {
			t.Fatalf("%+v became %+v", h, got)
		}
		b[5] |= 0x80 // reserved
		if got := parseFrameHeader(b); got != h {
			t.Fatalf("the reserved bit matters: %+v", got)
		}
	})
}

func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab table
		model := map[uint32]*h2stream{}
		id := rapid.OneOf(rapid.Uint32Range(1, 30), rapid.Uint32Range(maxStreamID-10, maxStreamID),
			rapid.Custom(func(t *rapid.T) uint32 { return rapid.Uint32Range(1, 60).Draw(t, "n") << 24 }))
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				if k := id.Draw(t, "id"); model[k] == nil {
					model[k] = &h2stream{id: k}
					tab.put(model[k])
				}
			},
			"put many": func(t *rapid.T) {
				for k := uint32(1001); k < 1301; k += 2 {
					if model[k] == nil {
						model[k] = &h2stream{id: k}
						tab.put(model[k])
					}
				}
			},
			"take": func(t *rapid.T) {
				if s := model[id.Draw(t, "id")]; s != nil {
					tab.take(s)
					delete(model, s.id)
				}
			},
			"take all": func(t *rapid.T) {
				for _, s := range model {
					tab.take(s)
				}
				clear(model)
			},
			"": func(t *rapid.T) {
				if int(tab.n) != len(model) || (tab.any() != nil) != (len(model) > 0) {
					t.Fatalf("%d are in it, not %d", tab.n, len(model))
				}
				for k, s := range model {
					if tab.get(k) != s {
						t.Fatalf("%d is not found", k)
					}
				}
				if k := id.Draw(t, "id"); tab.get(k) != model[k] {
					t.Fatalf("%d is wrong", k)
				}
			},
		})
	})
}

func TestTableGivesBackMemory(t *testing.T) {
	var tab table
	var streams []*h2stream
	for k := range uint32(300) {
		streams = append(streams, &h2stream{id: 2*k + 1})
		tab.put(streams[k])
	}
	for range 2 {
		for _, s := range streams[:5] {
			if tab.get(s.id) == nil {
				tab.put(s)
			}
		}
		for _, s := range streams {
			if tab.get(s.id) != nil {
				tab.take(s)
			}
		}
	}
	expect(t, "slots", len(tab.slots), 0)
	defer func() {
		if recover() == nil {
			t.Error("a stream was taken that is not there")
		}
	}()
	tab.put(streams[0])
	tab.take(streams[1])
}

func TestClosedStreams(t *testing.T) {
	var m closedStreams
	expect(t, "nothing", m.reason(1), unknown)
	m.add(1, ordinary)
	m.add(3, resetByPeer)
	m.addReset(5, 100)
	expect(t, "1", m.reason(1), ordinary)
	expect(t, "3", m.reason(3), resetByPeer)
	expect(t, "5", m.reason(5), resetByUs)
	for id := uint32(101); id < 101+2*300; id += 2 {
		m.add(id, ordinary)
	}
	expect(t, "1 is forgotten", m.reason(1), unknown)
	expect(t, "5 is not", m.reason(5), resetByUs)
	expect(t, "the last", m.reason(699), ordinary)
	for id := uint32(1001); id < 1001+2*300; id += 2 {
		m.addReset(id, 100)
	}
	expect(t, "5 is forgotten too", m.reason(5), unknown)
	expect(t, "the last reset", m.reason(1599), resetByUs)
	expect(t, "all that was under way to it", m.spend(1599, 60) && m.spend(1599, 40), true)
	expect(t, "more", m.spend(1599, 1), false)
	// 45 of 301 were replaced.
	expect(t, "all that was under way to the forgotten", m.spend(5, 4500), true)
	expect(t, "more than that", m.spend(1001, 1), false)
	for id := uint32(1); id < 1000; id += 2 {
		m.addReset(id, 1<<20)
	}
	expect(t, "what is under way is bounded", m.spend(5555, mostStrays+1), false)
}

func TestErrorsHaveNames(t *testing.T) {
	expect(t, "code", HTTP11Required.String(), "HTTP_1_1_REQUIRED")
	expect(t, "unknown code", ErrCode(99).String(), "error code 99")
	expect(t, "error", ErrFlood.Error(), "http2: too many frames that have no use (ENHANCE_YOUR_CALM)")
}
