package upstream

import (
	"fmt"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// null is a receiver, and a request whose answer is there at once.
type null struct{}

func (null) Head(*stream.Head, bool)  {}
func (null) Data(*buffer.Chain, bool) {}
func (null) Trailers(*stream.Header)  {}
func (null) Reset(stream.Reset)       {}
func (null) Pause()                   {}
func (null) Resume()                  {}

// cycle is what a request asks of this package, without the bytes.
func cycle(c *Cluster, subset string, receiver stream.End) {
	c.Begin()
	h := c.Pick(subset, nil)
	conn := h.Acquire(lines)
	conn.Open(receiver)
	conn.codec.(*lineCodec).sink = nil
	conn.Release()
	c.End()
}

func prepared(t testing.TB, lb config.LBType) (w *worker, subset string) {
	s := newServer(t, nil)
	cfg := cluster(func(c *config.Cluster) {
		c.LBType = lb
		c.MaxRequestPerConn = 0
		c.Subsets = &config.SubsetConfig{Selectors: [][]string{{"zone"}}}
	}, s.address(), s.address())
	labels := map[string]string{"zone": "a"}
	for i := range cfg.Hosts {
		cfg.Hosts[i].Metadata, cfg.Hosts[i].Weight = labels, uint32(i+1)
	}
	w = one(t, cfg)
	for i := range 2 {
		w.ask(w.host(i), "a").expect("a")
	}
	return w, SubsetKey(labels)
}

// A request to a host with an idle connection allocates nothing.
func TestRequestDoesNotAllocate(t *testing.T) {
	for _, lb := range balancers {
		w, subset := prepared(t, lb)
		var receiver stream.End = &null{}
		w.on(func() {
			for _, key := range []string{subset, SubsetKey(map[string]string{"zone": "z"})} {
				if n := testing.AllocsPerRun(1000, func() {
					if w.cluster().Pick(key, nil) != nil {
						cycle(w.cluster(), key, receiver)
					}
				}); n != 0 {
					t.Errorf("%s: %v allocations per request", lb, n)
				}
			}
		})
	}
}

func BenchmarkRequest(b *testing.B) {
	w, subset := prepared(b, config.LBRoundRobin)
	var receiver stream.End = &null{}
	w.on(func() {
		b.ReportAllocs()
		for b.Loop() {
			cycle(w.cluster(), subset, receiver)
		}
	})
}

// Workers count requests without getting in each other's way.
func BenchmarkRequestLimit(b *testing.B) {
	for _, limit := range []uint32{0, 16, 1024} {
		b.Run(fmt.Sprint(limit), func(b *testing.B) {
			l := newLimits(4)
			l.set(config.Thresholds{MaxRequests: limit})
			worker := make(chan int, 4)
			for i := range 4 {
				worker <- i
			}
			b.SetParallelism(1)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i := <-worker % 4
				for pb.Next() {
					if l.begin(i) {
						l.end(i)
					}
				}
				worker <- i
			})
		})
	}
}
