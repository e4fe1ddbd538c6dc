package proxy

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/weirproxy/weir/pkg/stream"
)

// TestDelivery: what is known of what a client has taken, by looks at how much was taken
// of how much that was sent.
func TestDelivery(t *testing.T) {
	d := &delivery{known: stream.Taken{Moved: 10}}
	for i, look := range []struct {
		now         int64
		taken, sent uint64
		want        stream.Taken
	}{
		{10, 100, 200, stream.Taken{Moved: 10}},
		{20, 100, 300, stream.Taken{Moved: 10}},            // nothing
		{30, 199, 300, stream.Taken{Moved: 30}},            // nearly what was sent at first
		{40, 250, 350, stream.Taken{Moved: 40, Until: 10}}, // that, and more
		{50, 300, 350, stream.Taken{Moved: 50, Until: 10}},
		{60, 350, 350, stream.Taken{Moved: 60, Until: 60}}, // all
		{70, 350, 350, stream.Taken{Moved: 60, Until: 70}},
		{80, 350, 400, stream.Taken{Moved: 60, Until: 70}}, // more was sent since
		{90, 400, 500, stream.Taken{Moved: 90, Until: 80}},
	} {
		if got := d.look(look.now, look.taken, look.sent); got != look.want {
			t.Errorf("look %d: %+v, want %+v", i+1, got, look.want)
		}
	}
}

// slowFrames is a client of HTTP/2 that opens all windows, and takes as many frames of a
// response as the test wants.
type slowFrames struct {
	t      *testing.T
	framer *xhttp2.Framer
	got    int  // bytes of the response
	over   bool // the response ended
	reset  xhttp2.ErrCode
}

func (w *world) slowFrames(t *testing.T) *slowFrames {
	c, err := w.slowly()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, xhttp2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}} {
		enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	f := &slowFrames{t: t, framer: xhttp2.NewFramer(c, c)}
	f.framer.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 1 << 30})
	f.framer.WriteWindowUpdate(0, 1<<30)
	f.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true})
	return f
}

// take takes n frames, or all there are.
func (f *slowFrames) take(n int) {
	f.t.Helper()
	for range n {
		frame, err := f.framer.ReadFrame()
		if err != nil {
			f.t.Fatalf("the connection ends after %d bytes: %v", f.got, err)
		}
		switch frame := frame.(type) {
		case *xhttp2.DataFrame:
			f.got += len(frame.Data())
			f.over = frame.StreamEnded()
		case *xhttp2.RSTStreamFrame:
			f.reset, f.over = frame.ErrCode, true
		}
		if f.over {
			return
		}
	}
}

// waits reports whether a response waits that is over for the proxy.
func (w *world) waits() bool {
	l := w.w.listeners["main"]
	return w.w.streams == 0 && l.count == 1 && l.conns.codec.Features().StallResetter.Stalled()
}

// TestSlowClientOfAResponseThatIsOver: a response that waits for its client only is not
// given up as long as the client takes what the system has for it; and it is when the
// client takes nothing any more.
func TestSlowClientOfAResponseThatIsOver(t *testing.T) {
	const idle, piece = 10 * time.Second, 8 << 10
	for _, ends := range []bool{false, true} {
		more := make(chan bool)
		w := newWorld(t, plan{kind: kindHTTP2, hosts: 1, idle: idle, route: `,"timeout":"0s"`, handler: func(rw http.ResponseWriter, _ *http.Request) {
			for range more {
				rw.Write(make([]byte, piece))
				rw.(http.Flusher).Flush()
			}
		}})
		f := w.slowFrames(t)
		size := 0
		for full := false; !full; {
			more <- true
			size += piece
			w.until("the piece has come", func() bool {
				return w.count(func(x *exchange) bool { return x.info.BytesSent >= uint64(size) }) == 1
			})
			w.on(func() { full = w.count(func(x *exchange) bool { return x.pauses&pauseDownstream != 0 }) == 1 })
		}
		close(more)
		w.until("the response waits", w.waits)
		for range 8 {
			f.take(5 * smallBuffer / 2 / piece)
			w.forward(idle / 2)
			w.forward(time.Second)
		}
		if ends {
			for range 4 {
				w.forward(idle / 2)
				w.forward(time.Second)
			}
			w.until("the response is given up", func() bool { return !w.waits() })
		}
		f.take(1 << 20)
		if ends && f.reset != xhttp2.ErrCodeCancel || !ends && (f.got != size || f.reset != 0) {
			t.Errorf("ends %v: the client got %d bytes of %d, reset %v", ends, f.got, size, f.reset)
		}
	}
}
