package demo

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// TestEcho: a call comes back with its argument, however it comes, and again on the
// same connection; a heartbeat is answered; what is no frame ends the connection.
func TestEcho(t *testing.T) {
	for name, p := range rpcs() {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e := serveEcho(p, l, slog.New(slog.DiscardHandler))
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		beat := p.codec.(xprotocol.Heartbeater).Heartbeat(nil, 7, nil)
		for _, want := range []struct {
			sent []byte
			kind stream.Kind
			id   uint64
			text string
		}{
			{p.call, stream.KindResponse, 1, "hello by "},
			{beat, stream.KindHeartbeatAnswer, 7, ""},
			{p.call, stream.KindResponse, 1, "hello by "},
		} {
			for i := range want.sent {
				c.Write(want.sent[i : i+1])
			}
			frame, err := p.read(iotest.OneByteReader(c), nil)
			if err != nil {
				t.Fatal(name, err)
			}
			var h stream.Head
			at, err := p.codec.Parse(frame, &h)
			if err != nil {
				t.Fatal(name, err)
			}
			content := string(frame[at.Off:at.End()])
			if h.RPC.Kind != want.kind || h.RPC.ID != want.id || !strings.Contains(content, want.text) ||
				want.kind == stream.KindResponse && h.Status != 200 {
				t.Errorf("%s: %+v, status %d, %q", name, h.RPC.Call, h.Status, content)
			}
		}
		c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		if b, _ := io.ReadAll(c); len(b) > 0 {
			t.Errorf("%s: %q", name, b)
		}
		c.Close()
		e.stop()
	}
}

// TestCallerConnectsAgain: a connection that ended costs one call, and is replaced.
func TestCallerConnectsAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{rpc: rpcs()["bolt"], address: l.Addr().String()}
	e := serveEcho(c.rpc, l, slog.New(slog.DiscardHandler))
	for i, connected := range []bool{true, false, true, true} {
		if i == 1 {
			c.conn.Close()
		}
		if c.call(t.Context()); (c.conn != nil) != connected {
			t.Errorf("call %d: connected is %v", i, !connected)
		}
	}
	e.stop()
	for range 2 { // the end of the connection, and nobody who takes another
		if c.call(t.Context()); c.conn != nil {
			t.Error("connected to a server that was stopped")
		}
	}
	c.close()
}

// TestReadRefuses: what is too long is not waited for.
func TestReadRefuses(t *testing.T) {
	p := rpcs()["dubbo"]
	long := append(bytes.Clone(p.call[:12]), 0, 1, 0, 0)
	if _, err := p.read(bytes.NewReader(long), nil); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a frame of %d bytes: %v", maxFrame+16, err)
	}
	if _, err := p.read(bytes.NewReader(p.call[:20]), nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half of a frame: %v", err)
	}
}
