package health

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// canned is a connection on which some bytes come, in pieces, whatever is written.
type canned struct {
	net.Conn
	rest  []byte
	piece int
}

func (c *canned) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), c.piece)], c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *canned) Write(b []byte) (int, error)     { return len(b), nil }
func (c *canned) Close() error                    { return nil }
func (c *canned) SetDeadline(time.Time) error     { return nil }
func (c *canned) SetReadDeadline(time.Time) error { return nil }

// FuzzAnswers gives the checks of all protocols any bytes for an answer: a check ends,
// keeps within its limits, and leaves no slab behind.
func FuzzAnswers(f *testing.F) {
	settings := "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for i, text := range []string{
		ok, "HTTP/1.1 200 OK\r\n\r\nabc", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		settings + "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x88", settings + "\x00\x00\x00\x07\x00\x00\x00\x00\x00",
		beats()[0].with(beats()[0].good, "00000001"), beats()[1].with(beats()[1].good, "0000000000000001"),
	} {
		for kind := range uint8(5) {
			f.Add(kind, 1+i*3, []byte(text))
		}
	}
	var checks []*Check
	for _, name := range []string{config.CheckHTTP1, config.CheckHTTP2, config.CheckGRPC, "bolt", "dubbo"} {
		checks = append(checks, newCheck(f, name, func(c *config.HealthCheck) { c.Timeout = time.Minute }))
	}
	f.Fuzz(func(t *testing.T, kind uint8, piece int, b []byte) {
		check := checks[int(kind)%len(checks)]
		target := target("c", "h:80", check)
		s := newSession(&target, func(context.Context, netip.AddrPort, uint32) (net.Conn, error) {
			return &canned{rest: bytes.Clone(b), piece: 1 + int(uint(piece)%4096)}, nil
		})
		if err := s.ask(t.Context()); err == nil && len(b) < 10 {
			t.Errorf("%q makes a host well", b)
		}
		if w := s.wire; w != nil {
			s.close()
			if live := w.slabs.Stats().Live; live != 0 {
				t.Errorf("%d slabs are left", live)
			}
		}
	})
}

// FuzzServingStatus: what is taken for a message says what was put into it, and
// nothing that is shorter or longer is taken for one.
func FuzzServingStatus(f *testing.F) {
	f.Add([]byte("\x08\x01"), uint64(1))
	f.Add([]byte("\x12\x03abc\x19\x00\x00\x00\x00\x00\x00\x00\x00"), uint64(1<<63))
	f.Fuzz(func(t *testing.T, message []byte, state uint64) {
		frame := func(m []byte) []byte { return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...) }
		whole := frame(message)
		if _, err := servingStatus(whole); err != nil {
			return
		}
		for n := range whole {
			if _, err := servingStatus(whole[:n]); err == nil {
				t.Fatalf("%d bytes of %x are a message", n, whole)
			}
		}
		got, err := servingStatus(frame(binary.AppendUvarint(append(message, 1<<3), state)))
		if err != nil || got != state {
			t.Fatalf("%x with state %d: %d, %v", message, state, got, err)
		}
	})
}
