package h2c

import (
	"reflect"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/stream"
)

// wire is a connection without a socket, whose requests are all answered 204.
type wire struct {
	pool     buffer.Pool
	heads    stream.Pool
	out      buffer.Chain
	codec    stream.ServerCodec
	switched string
	rest     []byte
}

func newWire(p protocol.Protocol, allow bool) *wire {
	w := &wire{}
	w.out.Init(&w.pool)
	w.codec = p.ListenerSettings(nil).Server(beside(allow))(w, w, &w.heads)
	return w
}

// beside is a listener that speaks both versions.
func beside(allow bool) *protocol.Listener {
	next := config.Default[http2.ListenerSettings]()
	next.AllowH2CUpgrade = allow
	return &protocol.Listener{Settings: map[string]protocol.ListenerSettings{http2.Name: &next}}
}

func (w *wire) Out() *buffer.Chain                 { return &w.out }
func (w *wire) Pause()                             {}
func (w *wire) Resume()                            {}
func (w *wire) CloseWrite()                        {}
func (w *wire) Now() int64                         { return 0 }
func (w *wire) Switched(name string)               { w.switched = name }
func (w *wire) NewStream(to stream.End) stream.End { return &answer{wire: w, to: to} }

// feed gives the codec bytes, those before included that it did not consume, and
// returns whether the connection can go on.
func (w *wire) feed(b []byte) bool {
	w.rest = append(w.rest, b...)
	for len(w.rest) > 0 {
		s := w.pool.Get(len(w.rest))
		n := copy(s.Bytes(), w.rest)
		used, err := w.codec.Feed(buffer.ViewOf(s, 0, n))
		s.Release()
		w.rest = w.rest[used:]
		if err != nil {
			return false
		}
		if used == 0 {
			break
		}
	}
	return w.codec.Phase() != stream.Closing
}

func (w *wire) sent() string { return string(w.out.AppendTo(nil)) }

type answer struct {
	wire *wire
	to   stream.End
}

func (a *answer) Head(_ *stream.Head, end bool) { a.over(end) }
func (a *answer) Data(d *buffer.Chain, end bool) {
	d.Clear()
	a.over(end)
}
func (a *answer) Trailers(*stream.Header) { a.over(true) }
func (a *answer) Reset(stream.Reset)      { a.to = nil }
func (a *answer) Pause()                  {}
func (a *answer) Resume()                 {}

func (a *answer) over(end bool) {
	if end && a.to != nil {
		h := a.wire.heads.Get()
		h.Status, h.ContentLength = 204, 0
		a.to.Head(h, true)
		a.wire.heads.Put(h)
	}
}

const asking = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAQAAAPo\r\n\r\n"

// TestUpgradeAtEverySplit: wherever the bytes are cut, the connection goes on in
// HTTP/2, and nothing is left in memory.
func TestUpgradeAtEverySplit(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	all := asking + preface
	for i := range len(all) {
		w := newWire(Protocol(), true)
		if i > 0 && i < len(asking) {
			w.feed([]byte(all[:i]))
			if got := w.codec.Phase(); got != stream.ReadingHead || w.sent() != "" {
				t.Fatalf("after %d bytes the phase is %v, and %q was sent", i, got, w.sent())
			}
			w.feed([]byte(all[i:]))
		} else {
			w.feed([]byte(all[:i]))
			w.feed([]byte(all[i:]))
		}
		sent := w.sent()
		if !strings.HasPrefix(sent, switching) || w.switched != "Http2" {
			t.Fatalf("cut at %d: sent %q, switched to %q", i, sent, w.switched)
		}
		if frames := sent[len(switching):]; frames[3] != 4 { // SETTINGS first
			t.Fatalf("cut at %d: %x", i, frames)
		}
		w.codec.Close(stream.Reset{Reason: stream.ConnectionLost})
		w.out.Clear()
		if live := w.pool.Stats().Live; live != 0 {
			t.Fatalf("%d slabs are in use", live)
		}
	}
}

// TestNotAllowed: without the permission, or without HTTP/2 on the listener, it is
// the codec of HTTP/1 itself.
func TestNotAllowed(t *testing.T) {
	w := newWire(Protocol(), false)
	if _, ok := w.codec.(*http1.ServerConn); !ok {
		t.Errorf("the codec is a %T", w.codec)
	}
	p := Protocol()
	if _, ok := p.ListenerSettings(nil).Server(&protocol.Listener{})(w, w, &w.heads).(*http1.ServerConn); !ok {
		t.Error("connections may be upgraded to a protocol that the listener does not speak")
	}
}

// TestBadSettings: settings that break the rules of HTTP/2 end the connection, with
// a word to the client.
func TestBadSettings(t *testing.T) {
	w := newWire(Protocol(), true)
	if w.feed([]byte(strings.Replace(asking, "AAQAAAPo", "AAT_____", 1))) { // a window of 2^32-1
		t.Error("the connection goes on")
	}
	if sent := w.sent(); !strings.HasPrefix(sent, switching) || !strings.Contains(sent, "\x00\x00\x00\x00\x03") {
		t.Errorf("sent %q, without FLOW_CONTROL_ERROR", sent)
	}
}

// FuzzFirstRequest: what is not upgraded is answered as by the codec of HTTP/1
// alone; and nothing leaks.
func FuzzFirstRequest(f *testing.F) {
	for _, s := range []string{
		asking, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST /h2c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		strings.Replace(asking, "GET", "POST", 1), strings.Replace(asking, "1.1", "1.0", 1),
		strings.Replace(asking, "AAQAAAPo", "", 1), asking + asking, "\r\n" + asking, "GET /h2c\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(0))
		f.Add([]byte(s), uint8(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		if len(b) > 16<<10 {
			return
		}
		n := min(int(cut), len(b))
		w, plain := newWire(Protocol(), true), newWire(http1.Protocol(), false)
		for _, c := range []*wire{w, plain} {
			if c.feed(b[:n]) {
				c.feed(b[n:])
			}
		}
		waits := w.switched == "" && !w.codec.(*conn).decided
		if got, want := w.sent(), plain.sent(); w.switched == "" && !waits && got != want {
			t.Errorf("sent %q, HTTP/1 alone %q", got, want)
		}
		for _, c := range []*wire{w, plain} {
			c.codec.Close(stream.Reset{Reason: stream.ConnectionLost})
			c.out.Clear()
			if live := c.pool.Stats().Live; live != 0 {
				t.Errorf("%d slabs are in use", live)
			}
		}
	})
}

// able is a codec that can do whatever a codec can.
type able struct{ stream.ServerCodec }

func (able) NotifyDrain()                      {}
func (able) Stalled() bool                     { return false }
func (able) ResetStalled(int64, stream.Taken)  {}
func (able) NewStream(s stream.End) stream.End { return s }
func (a able) Features() stream.ServerFeatures {
	return stream.ServerFeatures{DrainNotifier: a, StallResetter: a, Acceptor: a}
}

// TestFeaturesOfTheCodecInside: whatever the codec can do that a connection goes on in
// is not lost because it is wrapped. A feature that the test does not know fails it.
func TestFeaturesOfTheCodecInside(t *testing.T) {
	all := able{}.Features()
	for v, i := reflect.ValueOf(all), 0; i < v.NumField(); i++ {
		if v.Field(i).IsNil() {
			t.Errorf("the codec in the test lacks the feature %s", v.Type().Field(i).Name)
		}
	}
	if got := (&conn{ServerCodec: able{}}).Features(); got != all {
		t.Errorf("features are lost: %+v", got)
	}
	w := newWire(Protocol(), true)
	if got := w.codec.Features(); got != (stream.ServerFeatures{}) {
		t.Errorf("before the upgrade: %+v", got)
	}
	w.feed([]byte(asking + "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"))
	inside := w.codec.(*conn).ServerCodec.(*http2.ServerConn)
	if got := w.codec.Features(); got != inside.Features() || got.DrainNotifier == nil || got.StallResetter == nil {
		t.Errorf("after the upgrade: %+v", got)
	}
	w.codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	w.out.Clear()
}
