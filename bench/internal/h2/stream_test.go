package h2

import (
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

func TestLargeStreams(t *testing.T) {
	address := goodServer(t)
	for _, n := range []int64{1, maxFrame, 5<<20 + 3} {
		if err := errors.Join(Upload(t.Context(), address, n), Download(t.Context(), address, n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestLargeStreamsAreChecked(t *testing.T) {
	l := listen(t)
	other := newPattern()
	other[40000] ^= 1
	go func() {
		for {
			plain, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = newServer(plain, new(atomic.Int64), other).run(t.Context())
				_ = plain.Close()
			}()
		}
	}()
	address := l.Addr().String()
	if err := Upload(t.Context(), address, 1<<20); !errors.Is(err, errAnswer) || !strings.Contains(err.Error(), "1048576 wrong") {
		t.Errorf("up: %v", err)
	}
	if err := Download(t.Context(), address, 1<<20); !errors.Is(err, errAnswer) || !strings.Contains(err.Error(), "not the bytes at 32768") {
		t.Errorf("down: %v", err)
	}
	if err := errors.Join(Upload(t.Context(), address, 40000), Download(t.Context(), address, 40000)); err != nil {
		t.Errorf("before the place: %v", err)
	}
}

func TestGet(t *testing.T) {
	address := goodServer(t)
	if body, err := Get(t.Context(), address, HelloPath); body != "" || err != nil {
		t.Errorf("%q, %v", body, err)
	}
	if body, err := Get(t.Context(), address, "/no/such"); err == nil || !strings.Contains(err.Error(), "HTTP 404") {
		t.Errorf("%q, %v", body, err)
	}
}

// awaitHeld waits until a server has so many streams that it does not answer.
func awaitHeld(t *testing.T, address string, want int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		n, err := Held(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d streams are held, want %d", n, want)
		}
	}
}

func TestHeldStreams(t *testing.T) {
	address := goodServer(t)
	idle, err := Open(t.Context(), address, 3, 20)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if err := idle.Hold(20); err != nil {
		t.Fatal(err)
	}
	awaitHeld(t, address, 60)
	if err := idle.Check(); err != nil {
		t.Error(err)
	}
	c := idle.conns[0]
	c.out = appendReset(c.out, 3, noError)
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	awaitHeld(t, address, 59)
	idle.Close()
	awaitHeld(t, address, 0)
	if err := idle.Check(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connections are closed: %v", err)
	}
	if _, err := Open(t.Context(), address, 1, maxStreams+1); err == nil {
		t.Error("opened more than is allowed")
	}
}

func TestAnswersToHeldStreamsAreSeen(t *testing.T) {
	address := goodServer(t)
	idle, err := Open(t.Context(), address, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	head := newHeading(":method", "GET", ":scheme", "http", ":path", HelloPath, ":authority", "x")
	c := idle.conns[0]
	c.sendHead(3, &head, true)
	if err := c.flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Peek(headerSize); err != nil {
		t.Fatal(err)
	}
	if err := idle.Check(); !errors.Is(err, errUnasked) {
		t.Error(err)
	}
}

// heads collects those that come.
type heads struct {
	noStreams
	got []string
}

func (h *heads) head(_ uint32, fields []hpack.HeaderField, _ bool) error {
	var text strings.Builder
	for _, f := range fields {
		text.WriteString(f.Name + "=" + f.Value + ";")
	}
	h.got = append(h.got, text.String())
	return nil
}

func TestHeadsAreRightWhateverTheTableHolds(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	sender, receiver := newConn(here), newConn(there)
	sender.out, receiver.greeted = nil, true

	a, b := newHeading(":path", "/a", "x", "1", "y", "2"), newHeading(":path", "/b", "x", "1")
	const wantA, wantB = ":path=/a;x=1;y=2;", ":path=/b;x=1;"
	var want []string
	send := func(h *heading, text string) int {
		before := len(sender.out)
		sender.sendHead(1, h, false)
		want = append(want, text)
		return len(sender.out) - before - headerSize
	}
	send(&a, wantA)
	send(&a, wantA)
	if n := send(&a, wantA); n != 3 {
		t.Errorf("%d bytes for three fields that are known", n)
	}
	send(&b, wantB)
	send(&a, wantA)
	send(&b, wantB)
	for _, limit := range []uint32{0, 100, 4096} {
		sender.encoder.SetMaxDynamicTableSizeLimit(limit)
		sender.table++
		for range 3 {
			send(&a, wantA)
			send(&b, wantB)
		}
	}

	var got heads
	for rest := sender.out; len(rest) > 0; {
		n := headerSize + payloadSize(rest)
		if err := receiver.take(parse(rest[:n]), &got); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if strings.Join(got.got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got.got, want)
	}
}

func TestFramesThatAreNotAllowed(t *testing.T) {
	begun := frame{kindHeaders, 0, 1, []byte{0x88}}
	for name, frames := range map[string][]frame{
		"reset of 3 bytes":           {{kindReset, 0, 1, make([]byte, 3)}},
		"settings of 5 bytes":        {{kindSettings, 0, 0, make([]byte, 5)}},
		"ping of 7 bytes":            {{kindPing, 0, 0, make([]byte, 7)}},
		"goaway of 7 bytes":          {{kindGoAway, 0, 0, make([]byte, 7)}},
		"window of 5 bytes":          {{kindWindow, 0, 0, make([]byte, 5)}},
		"too much credit":            {{kindWindow, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}}},
		"push":                       {{kindPush, 0, 1, make([]byte, 4)}},
		"padding without a length":   {{kindData, flagPadded, 1, nil}},
		"more padding than payload":  {{kindData, flagPadded, 1, []byte{2, 0}}},
		"priority of 4 bytes":        {{kindHeaders, flagPriority | flagEndBlock, 1, make([]byte, 4)}},
		"continuation of nothing":    {{kindContinuation, 0, 1, nil}},
		"data within a head":         {begun, {kindData, 0, 1, nil}},
		"continuation of another's":  {begun, {kindContinuation, flagEndBlock, 3, nil}},
		"a head without an end":      {begun, {kindContinuation, 0, 1, make([]byte, maxBlock)}},
		"an index that is not there": {{kindHeaders, flagEndBlock, 1, []byte{0xff, 0x7f}}},
	} {
		here, there := net.Pipe()
		c := newConn(here)
		c.greeted = true
		var err error
		for i, f := range frames {
			if err != nil {
				t.Errorf("%s: frame %d: %v", name, i-1, err)
			}
			err = c.take(f, &heads{})
		}
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		c.greeted = false
		if err := c.take(frame{kindPing, 0, 0, make([]byte, pingSize)}, noStreams{}); err == nil {
			t.Error("taken before the settings")
		}
		_, _ = here.Close(), there.Close()
	}
}
