package e2e_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is one end of an HTTP/2 connection, for tests that are about frames.
type frames struct {
	*raw
	*xhttp2.Framer
	block bytes.Buffer
	enc   *hpack.Encoder
	msgs  map[uint32]*message
	heads []uint32            // streams whose head has come, as far as accept has not returned them
	away  *xhttp2.GoAwayFrame // the last that came
	peer  map[xhttp2.SettingID]uint32
	last  uint32 // stream that it names
	acked bool   // the peer knows the settings
	// holdPings keeps PINGs from being answered; they are in pings.
	holdPings bool
	pings     [][8]byte
	// slow keeps data that came from being given back to the peer's windows.
	slow bool
}

// message is what has come on one stream.
type message struct {
	head     []string // of the final response, or the request: "name: value", in order
	interim  []string // statuses
	body     strings.Builder
	trailers []string
	ended    bool
	reset    *xhttp2.ErrCode
}

// String is everything of it.
func (m *message) String() string {
	s := strings.Join(m.interim, " ")
	if s != "" {
		s += " "
	}
	s += strings.Join(m.head, "\n") + "\n\n" + m.body.String()
	if m.trailers != nil {
		s += "\n\n" + strings.Join(m.trailers, "\n")
	}
	if m.reset != nil {
		s += fmt.Sprintf("\nreset: %v", *m.reset)
	}
	return s
}

// get returns a field of the head, or of the trailers.
func (m *message) get(name string) string {
	for _, f := range append(m.head[:len(m.head):len(m.head)], m.trailers...) {
		if k, v, _ := strings.Cut(f, ": "); k == name {
			return v
		}
	}
	return ""
}

func newFrames(c *raw) *frames {
	f := &frames{raw: c, Framer: xhttp2.NewFramer(c.TCPConn, c.r), msgs: make(map[uint32]*message), peer: make(map[xhttp2.SettingID]uint32)}
	f.enc = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.AllowIllegalWrites = true
	return f
}

// dialFrames connects as a client.
func dialFrames(t testing.TB, addr string, settings ...xhttp2.Setting) *frames {
	t.Helper()
	f := newFrames(dial(t, addr))
	f.send(xhttp2.ClientPreface)
	f.WriteSettings(settings...)
	return f
}

// serveFrames starts a server of frames. The handler has each connection to itself,
// behind the preface; n counts connections from 1.
func serveFrames(t testing.TB, handler func(f *frames, n int), settings ...xhttp2.Setting) *rawUpstream {
	t.Helper()
	return serveRaw(t, func(c *raw, n int) {
		if got := c.bytes(len(xhttp2.ClientPreface)); got != xhttp2.ClientPreface {
			if got != "" {
				t.Errorf("a connection began with %q", got)
			}
			return
		}
		f := newFrames(c)
		f.WriteSettings(settings...)
		handler(f, n)
	})
}

// headers writes a header block: names and values in turn.
func (f *frames) headers(id uint32, end bool, fields ...string) {
	f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, EndStream: end, EndHeaders: true, BlockFragment: f.encode(fields...)})
}

func (f *frames) encode(fields ...string) []byte {
	f.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		f.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return f.block.Bytes()
}

// request writes the head of a request, with more fields.
func (f *frames) request(id uint32, end bool, method, path string, fields ...string) {
	all := []string{":method", method, ":scheme", "http", ":authority", "a", ":path", path}
	f.headers(id, end, append(all, fields...)...)
}

// respond writes a whole response.
func (f *frames) respond(id uint32, status, body string, fields ...string) {
	f.headers(id, body == "", append([]string{":status", status}, fields...)...)
	if body != "" {
		f.WriteData(id, true, []byte(body))
	}
}

// message returns what has come on a stream so far.
func (f *frames) message(id uint32) *message {
	m := f.msgs[id]
	if m == nil {
		m = &message{}
		f.msgs[id] = m
	}
	return m
}

// next reads a frame, notes what it says, and does what a peer must. It returns nil
// at the connection's end.
func (f *frames) next() xhttp2.Frame {
	frame, err := f.ReadFrame()
	if err != nil {
		if isTimeout(err) {
			f.t.Errorf("no frame comes")
		}
		return nil
	}
	id := frame.Header().StreamID
	switch frame := frame.(type) {
	case *xhttp2.SettingsFrame:
		if frame.IsAck() {
			f.acked = true
			break
		}
		frame.ForeachSetting(func(s xhttp2.Setting) error { f.peer[s.ID] = s.Val; return nil })
		f.WriteSettingsAck()
	case *xhttp2.PingFrame:
		switch {
		case frame.IsAck():
		case f.holdPings:
			f.pings = append(f.pings, frame.Data)
		default:
			f.WritePing(true, frame.Data)
		}
	case *xhttp2.MetaHeadersFrame:
		if m := f.message(id); m.take(frame) {
			f.heads = append(f.heads, id)
		}
	case *xhttp2.DataFrame:
		m := f.message(id)
		m.body.Write(frame.Data())
		m.ended = m.ended || frame.StreamEnded()
		if n := frame.Length; n > 0 && !f.slow {
			f.WriteWindowUpdate(0, n)
			if !m.ended {
				f.WriteWindowUpdate(id, n)
			}
		}
	case *xhttp2.RSTStreamFrame:
		code := frame.ErrCode
		f.message(id).reset = &code
	case *xhttp2.GoAwayFrame:
		f.away, f.last = frame, frame.LastStreamID
	}
	return frame
}

// take notes a header block, and tells whether it is the head.
func (m *message) take(f *xhttp2.MetaHeadersFrame) bool {
	var fields []string
	for _, h := range f.Fields {
		fields = append(fields, h.Name+": "+h.Value)
	}
	m.ended = m.ended || f.StreamEnded()
	switch status := f.PseudoValue("status"); {
	case m.head != nil:
		m.trailers = fields
	case strings.HasPrefix(status, "1"):
		m.interim = append(m.interim, status)
	default:
		m.head = fields
		return true
	}
	return false
}

// until reads frames until a condition holds, and tells whether it does: it may be
// the connection's end.
func (f *frames) until(holds func() bool) bool {
	for !holds() {
		if f.next() == nil {
			return holds()
		}
	}
	return true
}

// whole reads until a stream is over.
func (f *frames) whole(id uint32) *message {
	m := f.message(id)
	f.until(func() bool { return m.ended || m.reset != nil })
	return m
}

// begun reads until a stream has a head.
func (f *frames) begun(id uint32) *message {
	m := f.message(id)
	f.until(func() bool { return m.head != nil || m.reset != nil })
	return m
}

// expect reads a whole response and checks its status and body.
func (f *frames) expect(id uint32, status int, body string) *message {
	f.t.Helper()
	m := f.whole(id)
	if m.get(":status") != fmt.Sprint(status) || m.body.String() != body || !m.ended {
		f.t.Errorf("stream %d got %.300q, want status %d and body %.300q", id, m, status, body)
	}
	return m
}

// accept reads until the next request has begun, and returns its stream; 0 at the
// connection's end.
func (f *frames) accept() uint32 {
	if !f.until(func() bool { return len(f.heads) > 0 }) {
		return 0
	}
	id := f.heads[0]
	f.heads = f.heads[1:]
	return id
}

// over reads to the connection's end.
func (f *frames) over() {
	for f.next() != nil {
	}
}
