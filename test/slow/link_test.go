//go:build slow

package slow_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// rate is how many bytes a second a slow link carries in each direction.
const rate = 30_000

// beat is how often a slow link moves bytes.
const beat = 100 * time.Millisecond

// slowLink listens, and passes the bytes of each connection on to an address and
// back, at the rate of a slow peer. Its sockets hold little, so that whoever sends
// over it feels how slowly it takes.
func slowLink(t *testing.T, to string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			for _, c := range []net.Conn{in, out} {
				_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
				_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
			}
			var both sync.WaitGroup
			both.Go(func() { pace(out, in) })
			both.Go(func() { pace(in, out) })
			wg.Go(func() {
				both.Wait()
				in.Close()
				out.Close()
			})
		}
	})
	return l.Addr().String()
}

// pace copies at the rate of a slow link until the source ends, and ends the
// destination's direction.
func pace(dst, src net.Conn) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	b := make([]byte, rate*int(beat)/int(time.Second))
	for range tick.C {
		n, err := io.ReadAtLeast(src, b, 1)
		if n > 0 {
			if _, err := dst.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = dst.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, src) // the other side may be gone, and is to notice no reset
}
