package e2e_test

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// hostileFrames are frames that break a rule.
type hostileFrames struct {
	name string
	send func(f *frames)
	want xhttp2.ErrCode
	// stream is the one that alone ends for it; 0: the connection does.
	stream uint32
}

// setting writes SETTINGS of a single value.
func setting(f *frames, id xhttp2.SettingID, v uint32) {
	f.WriteSettings(xhttp2.Setting{ID: id, Val: v})
}

// opened opens stream 1 with a request that is not complete.
func opened(f *frames) { hang(f, 1, false) }

// answered makes a request on stream 1 that is over.
func answered(f *frames) {
	f.request(1, true, "GET", "/honest")
	f.whole(1)
}

// padded writes a frame whose first byte says how much padding it has.
func padded(f *frames, t xhttp2.FrameType, length int, padding byte) {
	f.WriteRawFrame(t, xhttp2.FlagDataPadded, 1, append([]byte{padding}, make([]byte, length)...))
}

var hostileRules = []hostileFrames{
	{"WINDOW_UPDATE of 0", func(f *frames) { f.WriteWindowUpdate(0, 0) }, xhttp2.ErrCodeProtocol, 0},
	{"WINDOW_UPDATE above the limit", func(f *frames) { f.WriteWindowUpdate(0, 1<<31-1) }, xhttp2.ErrCodeFlowControl, 0},
	{"WINDOW_UPDATE of 0 on a stream", func(f *frames) { opened(f); f.WriteWindowUpdate(1, 0) }, xhttp2.ErrCodeProtocol, 1},
	{"WINDOW_UPDATE above the limit on a stream", func(f *frames) { opened(f); f.WriteWindowUpdate(1, 1<<31-1) }, xhttp2.ErrCodeFlowControl, 1},
	{"WINDOW_UPDATE on an idle stream", func(f *frames) { f.WriteWindowUpdate(1, 1) }, xhttp2.ErrCodeProtocol, 0},
	{"WINDOW_UPDATE of a wrong length", func(f *frames) { f.WriteRawFrame(xhttp2.FrameWindowUpdate, 0, 0, []byte{1}) }, xhttp2.ErrCodeFrameSize, 0},

	{"MAX_FRAME_SIZE of 0", func(f *frames) { setting(f, xhttp2.SettingMaxFrameSize, 0) }, xhttp2.ErrCodeProtocol, 0},
	{"MAX_FRAME_SIZE below the least", func(f *frames) { setting(f, xhttp2.SettingMaxFrameSize, 1<<14-1) }, xhttp2.ErrCodeProtocol, 0},
	{"MAX_FRAME_SIZE above the limit", func(f *frames) { setting(f, xhttp2.SettingMaxFrameSize, 1<<24) }, xhttp2.ErrCodeProtocol, 0},
	{"INITIAL_WINDOW_SIZE above the limit", func(f *frames) { setting(f, xhttp2.SettingInitialWindowSize, 1<<31) }, xhttp2.ErrCodeFlowControl, 0},
	{"INITIAL_WINDOW_SIZE that makes a window too large", func(f *frames) {
		opened(f)
		f.WriteWindowUpdate(1, 1<<31-1-65535)
		setting(f, xhttp2.SettingInitialWindowSize, 65536)
	}, xhttp2.ErrCodeFlowControl, 0},
	{"ENABLE_PUSH of 2", func(f *frames) { setting(f, xhttp2.SettingEnablePush, 2) }, xhttp2.ErrCodeProtocol, 0},
	{"ENABLE_CONNECT_PROTOCOL of 2", func(f *frames) { setting(f, 8, 2) }, xhttp2.ErrCodeProtocol, 0},
	{"half a setting", func(f *frames) { f.WriteRawFrame(xhttp2.FrameSettings, 0, 0, make([]byte, 8)) }, xhttp2.ErrCodeFrameSize, 0},
	{"SETTINGS on a stream", func(f *frames) { f.WriteRawFrame(xhttp2.FrameSettings, 0, 1, nil) }, xhttp2.ErrCodeProtocol, 0},
	{"SETTINGS acknowledged with values", func(f *frames) { f.WriteRawFrame(xhttp2.FrameSettings, xhttp2.FlagSettingsAck, 0, make([]byte, 6)) }, xhttp2.ErrCodeFrameSize, 0},

	{"DATA longer than allowed", func(f *frames) { opened(f); f.WriteRawFrame(xhttp2.FrameData, 0, 1, make([]byte, 1<<14+1)) }, xhttp2.ErrCodeFrameSize, 0},
	{"HEADERS longer than allowed", func(f *frames) { f.WriteRawFrame(xhttp2.FrameHeaders, 0, 1, make([]byte, 1<<14+1)) }, xhttp2.ErrCodeFrameSize, 0},
	{"PING longer than it is", func(f *frames) { f.WriteRawFrame(xhttp2.FramePing, 0, 0, make([]byte, 9)) }, xhttp2.ErrCodeFrameSize, 0},
	{"RST_STREAM longer than it is", func(f *frames) { opened(f); f.WriteRawFrame(xhttp2.FrameRSTStream, 0, 1, make([]byte, 5)) }, xhttp2.ErrCodeFrameSize, 0},
	{"GOAWAY shorter than it is", func(f *frames) { f.WriteRawFrame(xhttp2.FrameGoAway, 0, 0, make([]byte, 7)) }, xhttp2.ErrCodeFrameSize, 0},
	{"DATA with more padding than content", func(f *frames) { opened(f); padded(f, xhttp2.FrameData, 10, 11) }, xhttp2.ErrCodeProtocol, 0},
	{"HEADERS with more padding than content", func(f *frames) { padded(f, xhttp2.FrameHeaders, 10, 11) }, xhttp2.ErrCodeProtocol, 0},
	{"padding without its length", func(f *frames) {
		opened(f)
		f.WriteRawFrame(xhttp2.FrameData, xhttp2.FlagDataPadded, 1, nil)
	}, xhttp2.ErrCodeFrameSize, 0},

	{"an even stream", func(f *frames) { hang(f, 2, true) }, xhttp2.ErrCodeProtocol, 0},
	{"stream 0", func(f *frames) { hang(f, 0, true) }, xhttp2.ErrCodeProtocol, 0},
	{"a stream below the last", func(f *frames) { hang(f, 5, true); hang(f, 3, true) }, xhttp2.ErrCodeProtocol, 0},
	{"a stream that is over", func(f *frames) { answered(f); hang(f, 1, true) }, xhttp2.ErrCodeStreamClosed, 0},
	{"DATA on a stream that is over", func(f *frames) { answered(f); f.WriteData(1, true, []byte("x")) }, xhttp2.ErrCodeStreamClosed, 0},
	{"DATA on an idle stream", func(f *frames) { f.WriteData(1, true, []byte("x")) }, xhttp2.ErrCodeProtocol, 0},
	{"DATA on stream 0", func(f *frames) { f.WriteData(0, true, []byte("x")) }, xhttp2.ErrCodeProtocol, 0},
	{"RST_STREAM on an idle stream", func(f *frames) { f.WriteRSTStream(1, xhttp2.ErrCodeCancel) }, xhttp2.ErrCodeProtocol, 0},
	{"DATA behind the end", func(f *frames) { hang(f, 1, true); f.WriteData(1, true, []byte("x")) }, xhttp2.ErrCodeStreamClosed, 1},
	{"a stream that depends on itself", func(f *frames) { f.WritePriority(1, xhttp2.PriorityParam{StreamDep: 1}) }, xhttp2.ErrCodeProtocol, 1},

	{"PUSH_PROMISE", func(f *frames) { f.WriteRawFrame(xhttp2.FramePushPromise, 4, 1, make([]byte, 8)) }, xhttp2.ErrCodeProtocol, 0},
	{"CONTINUATION of nothing", func(f *frames) { f.WriteContinuation(1, true, nil) }, xhttp2.ErrCodeProtocol, 0},
	{"PING within a header block", func(f *frames) {
		f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
		f.WritePing(false, [8]byte{})
	}, xhttp2.ErrCodeProtocol, 0},
	{"CONTINUATION of another stream", func(f *frames) {
		f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}})
		f.WriteContinuation(3, true, []byte{0x84})
	}, xhttp2.ErrCodeProtocol, 0},

	{"an index that is in no table", func(f *frames) { block(f, "\xff\xff\xff\x7f") }, xhttp2.ErrCodeCompression, 0},
	{"an integer without an end", func(f *frames) { block(f, "\xff"+strings.Repeat("\x80", 100)) }, xhttp2.ErrCodeCompression, 0},
	{"a table larger than announced", func(f *frames) { block(f, "\x3f\xe1\xff\x03\x82") }, xhttp2.ErrCodeCompression, 0},
	{"a string longer than its block", func(f *frames) { block(f, "\x00\x7f\xff\xff\xff\x07x") }, xhttp2.ErrCodeCompression, 0},
	{"padding of a Huffman string that is none", func(f *frames) { block(f, "\x00\x81\x00\x01x") }, xhttp2.ErrCodeCompression, 0},

	{"more data than the stream's window", func(f *frames) {
		opened(f)
		for range 2 << 20 >> 14 { // the upstream takes the first half
			f.WriteData(1, false, make([]byte, 1<<14))
		}
	}, xhttp2.ErrCodeFlowControl, 1},
}

// block writes a header block of bytes as they are.
func block(f *frames, b string) {
	f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true, BlockFragment: []byte(b)})
}

// TestHostileFrames: whatever breaks a rule of the connection ends it, by the code
// that the standard names; a rule of a stream ends that alone.
func TestHostileFrames(t *testing.T) {
	g := besiege(t, setup{})
	for _, a := range hostileRules {
		t.Run(a.name, func(t *testing.T) {
			f := g.within(t)
			a.send(f)
			if a.stream == 0 {
				f.dropped(a.want)
			} else {
				m := f.message(a.stream)
				f.until(func() bool { return m.reset != nil })
				if m.reset == nil || *m.reset != a.want {
					t.Errorf("stream %d got %v, want a reset by %v", a.stream, m, a.want)
				}
				if !f.reached() {
					t.Error("the connection ended with the stream")
				}
				f.Close()
			}
			g.serves(5)
		})
	}
	g.withstood()
}

// TestHostilePrefaces: who does not begin as HTTP/2 does is hung up on.
func TestHostilePrefaces(t *testing.T) {
	g := besiege(t, setup{})
	for name, begin := range map[string]string{
		"HTTP/1":            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"the wrong version": "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
		"a wrong last byte": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r",
		"TLS":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("x", 500),
		"zeros":             strings.Repeat("\x00", 100),
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(g.t, g.addr())
			c.t = t
			c.send(begin)
			c.ended()
			g.serves(5)
		})
	}
	t.Run("no SETTINGS", func(t *testing.T) {
		f := newFrames(dial(g.t, g.addr()))
		f.t = t
		f.send(xhttp2.ClientPreface)
		f.WritePing(false, [8]byte{})
		f.dropped(xhttp2.ErrCodeProtocol)
	})
	g.withstood()
}
