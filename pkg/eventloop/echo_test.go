package eventloop

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
)

// echo sends back what it gets.
type echo struct{ closed func() }

func (*echo) Data(c *Conn, in buffer.View) int {
	c.Out().AppendView(in)
	return in.Len()
}

func (*echo) EOF(c *Conn) { c.Close() }

func (*echo) Pressure(c *Conn, high bool) {
	if high {
		c.Pause()
	} else {
		c.Resume()
	}
}

func (e *echo) Closed(*Conn, error) {
	if e.closed != nil {
		e.closed()
	}
}

func TestEcho(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		g := newGroup(t, 2)
		addr := freeAddr(t, network)
		ls, err := g.Listen(addr, ListenOptions{}, func(*Conn) Handler { return &echo{} })
		if err != nil {
			t.Fatal(err)
		}
		defer ls.Close()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				c := connect(t, ls.Addr())
				if c == nil {
					return
				}
				defer c.Close()
				want := pattern(100_000 * i)
				go func() { io.WriteString(c, want); c.CloseWrite() }()
				if got, err := io.ReadAll(c); err != nil || string(got) != want {
					t.Errorf("%d bytes of %d came back, or others: %v", len(got), len(want), err)
				}
			})
		}
		wg.Wait()
	})
}

func TestEchoByteByByte(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		_, peer := adopt(t, l, network, &echo{})
		for _, b := range []byte(pattern(3000)) {
			send(t, peer, string([]byte{b}))
			expectRead(t, peer, string([]byte{b}))
		}
	})
}

// connect dials as a client of package net. It may be called from any goroutine.
func connect(t testing.TB, addr *Addr) peer {
	network, at := "tcp", addr.String()
	if path, ok := addr.Unix(); ok {
		network, at = "unix", path
	}
	c, err := net.Dial(network, at)
	if err != nil {
		t.Error(err)
		return nil
	}
	c.SetDeadline(time.Now().Add(patience))
	return c.(peer)
}

// freeAddr returns an address to listen on.
func freeAddr(t testing.TB, network string) Addr {
	t.Helper()
	text := "127.0.0.1:0"
	if network == "unix" {
		text = "unix:" + t.TempDir() + "/s"
	}
	addr, err := ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{64, 16 << 10} {
		b.Run(map[bool]string{true: "small", false: "large"}[size < 1000], func(b *testing.B) {
			l := newLoop(b, Options{})
			_, peer := adopt(b, l, "tcp", &echo{})
			peer.SetDeadline(time.Time{})
			msg := make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				peer.Write(msg)
				if _, err := io.ReadFull(peer, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestEchoAllocatesNothing(t *testing.T) {
	l := newLoop(t, Options{})
	_, peer := adopt(t, l, "tcp", &echo{})
	for _, size := range []int{64, 16 << 10} {
		msg := make([]byte, size)
		if n := testing.AllocsPerRun(500, func() {
			peer.Write(msg)
			if _, err := io.ReadFull(peer, msg); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations for an echo of %d bytes", n, size)
		}
	}
}
