package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"
)

// TestSlowFrame: a client's frame may take long to come, as long as it makes progress:
// not a byte now and then.
func TestSlowFrame(t *testing.T) {
	for _, k := range []kind{kindBolt, kindDubbo} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1})
			const timeout = 10 * time.Second
			w.on(func() { w.l.Protocols[0].Timeouts.Header = timeout })
			c, err := net.Dial("tcp", w.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			sent := uint64(0)
			send := func(b []byte) {
				n, err := c.Write(b)
				if err != nil {
					t.Fatal(err)
				}
				sent += uint64(n)
				w.until(fmt.Sprintf("%d bytes have come", sent), func() bool { return w.receivedFrom(c.LocalAddr().String()) == sent })
			}
			send(k.longFront())
			for range 20 {
				send(make([]byte, 2<<10))
				w.forward(timeout - time.Second)
			}
			send([]byte{0})
			w.forward(timeout)
			if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("a frame that comes byte by byte: %v, want the end", err)
			}
		})
	}
}

// longFront is the front of a request of 60 KiB, too short to be collected apart.
func (k kind) longFront() []byte {
	const length = 60 << 10
	if k == kindDubbo {
		return binary.BigEndian.AppendUint32([]byte{0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 1}, length)
	}
	b := k.rpcRequest(1, request{})
	binary.BigEndian.PutUint32(b[18:], length)
	return b
}

// receivedFrom returns how many bytes have come from a client, on the worker.
func (w *world) receivedFrom(client string) (n uint64) {
	l := w.w.listeners["main"]
	for c, i := l.conns, 0; i < l.count; c, i = c.next, i+1 {
		if c.RemoteAddr().String() == client {
			n += c.io.WireRead()
		}
	}
	return n
}
