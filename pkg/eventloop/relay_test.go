package eventloop

import (
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
)

// relay passes bytes on to another connection, with back-pressure and half-close.
type relay struct {
	to    *Conn
	ended bool
	other *relay
	most  *atomic.Int64 // bytes that slabs held at one time
	gone  chan error
}

func (r *relay) Data(c *Conn, in buffer.View) int {
	r.to.Out().AppendView(in)
	if n := int64(c.Loop().Buffers().Stats().LiveBytes); n > r.most.Load() {
		r.most.Store(n)
	}
	return in.Len()
}

func (r *relay) EOF(c *Conn) {
	r.ended = true
	r.to.CloseWrite()
	if r.other.ended {
		c.Close()
		r.to.Close()
	}
}

func (r *relay) Pressure(_ *Conn, high bool) {
	if high {
		r.to.Pause()
	} else {
		r.to.Resume()
	}
}

func (r *relay) Closed(_ *Conn, err error) { r.gone <- err }

// newRelay returns the two far ends of a relay.
func newRelay(t testing.TB, l *Loop, network string) (a, b peer, ends [2]*relay) {
	var conns [2]*Conn
	var most atomic.Int64
	for i := range ends {
		ends[i] = &relay{most: &most, gone: make(chan error, 1)}
	}
	ends[0].other, ends[1].other = ends[1], ends[0]
	fdA, a := pair(t, network)
	fdB, b := pair(t, network)
	on(t, l, func() {
		for i, fd := range []int{fdA, fdB} {
			c, err := l.Adopt(fd, ends[i], nil)
			if err != nil {
				t.Error(err)
			}
			conns[i] = c
		}
		ends[0].to, ends[1].to = conns[1], conns[0]
	})
	return a, b, ends
}

// 64 MiB pass through a relay both ways to peers that read irregularly, while the
// garbage is collected all the time.
func TestRelay(t *testing.T) {
	const size = 64 << 20
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		a, b, ends := newRelay(t, l, network)
		var stop atomic.Bool
		collector := make(chan struct{})
		go func() {
			defer close(collector)
			for !stop.Load() {
				runtime.GC()
			}
		}()
		sums := make(chan [2][32]byte, 2)
		for i, p := range [][2]peer{{a, b}, {b, a}} {
			sent := make(chan [32]byte, 1)
			go func() { sent <- pour(t, p[0], size, int64(i)) }()
			go func() { got := drain(t, p[1], int64(i)); sums <- [2][32]byte{<-sent, got} }()
		}
		for range 2 {
			if s := wait(t, sums, "the relay to pass everything"); s[0] != s[1] {
				t.Error("what arrived is not what was sent")
			}
		}
		stop.Store(true)
		wait(t, collector, "the collector")
		for _, e := range ends {
			if err := wait(t, e.gone, "the relay to close"); err != nil {
				t.Errorf("closed with %v", err)
			}
		}
		// Two directions, each with a high watermark, the reads of one turn, and
		// what is lost to slabs that are partly used.
		if most := ends[0].most.Load(); most > 4*(64<<10+2*readsPerTurn*buffer.MaxSlab) {
			t.Errorf("%d bytes were held", most)
		}
	})
}

// pour writes size bytes in pieces of any length, then ends.
func pour(t *testing.T, p peer, size int, seed int64) (sum [32]byte) {
	rnd, h := rand.New(rand.NewPCG(uint64(seed), 1)), sha256.New()
	b := make([]byte, 300_000)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	for size > 0 {
		from := rnd.IntN(len(b))
		piece := b[from:][:min(1+rnd.IntN(len(b)-from), size)]
		h.Write(piece)
		if _, err := p.Write(piece); err != nil {
			t.Error(err)
			break
		}
		size -= len(piece)
	}
	p.CloseWrite()
	return [32]byte(h.Sum(nil))
}

func drain(t *testing.T, p net.Conn, seed int64) (sum [32]byte) {
	rnd, h := rand.New(rand.NewPCG(uint64(seed), 2)), sha256.New()
	b := make([]byte, 200_000)
	for {
		n, err := p.Read(b[:1+rnd.IntN(len(b))])
		h.Write(b[:n])
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			return [32]byte(h.Sum(nil))
		}
		if rnd.IntN(20) == 0 {
			runtime.Gosched()
		}
	}
}

// The garbage is collected in a tight loop while short messages go to and fro:
// neither may keep the other from going on.
func TestEchoWhileCollecting(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	p.data = func(c *Conn, in buffer.View) int { c.Write(in.Bytes()); return in.Len() }
	_, peer := adopt(t, l, "tcp", p)
	before := collections()
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !stop.Load() {
			runtime.GC()
		}
	}()
	for range 2000 {
		send(t, peer, "ping")
		expectRead(t, peer, "ping")
	}
	until(t, "there were collections", func() bool { return collections() > before+20 })
	stop.Store(true)
	wait(t, done, "the collector")
}

func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumGC
}
