package upstream

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
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
func cycle(c *Cluster, ch *Choice, receiver stream.End) {
	c.Begin()
	h := c.Pick(ch)
	conn := h.Acquire(lines)
	conn.Open(receiver)
	conn.codec.(*lineCodec).sink = nil
	conn.Release()
	h.Done(1000, outlier.Success)
	c.End()
}

// prepared returns a worker with two hosts that have a connection each.
func prepared(t testing.TB, lb config.LBType) (w *worker, subset string) {
	a, b := newServer(t, nil), newServer(t, nil)
	cfg := cluster(func(c *config.Cluster) {
		c.LBType = lb
		c.MaxRequestPerConn = 0
		c.Subsets = &config.SubsetConfig{Selectors: [][]string{{"zone"}}}
		c.OutlierDetection = new(config.OutlierDetection)
		*c.OutlierDetection = config.Default[config.OutlierDetection]()
	}, a.address(), b.address())
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
				ch := &Choice{Subset: key, Hash: 17, Hashed: true}
				if n := testing.AllocsPerRun(1000, func() {
					if w.cluster().Pick(ch) != nil {
						cycle(w.cluster(), ch, receiver)
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
			cycle(w.cluster(), &Choice{Subset: subset}, receiver)
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

// large is a cluster of 10,000 hosts, of eight weights.
func large(t testing.TB, lb config.LBType) *Cluster {
	weights := make([]uint32, 10_000)
	for i := range weights {
		weights[i] = uint32(i%8) + 1
	}
	return newStill(t).balanced(t, lb, weights...)
}

func makeAll(c *Cluster) {
	for _, slot := range c.all.Slots {
		c.host(slot)
	}
}

func BenchmarkPick(b *testing.B) {
	for _, lb := range balancers {
		b.Run(string(lb), func(b *testing.B) {
			c := large(b, lb)
			makeAll(c)
			for _, h := range c.made {
				h.Done(1_000_000, outlier.Success)
			}
			ch := Choice{Hashed: true}
			b.ReportAllocs()
			for b.Loop() {
				ch.Hash += 0x9e3779b97f4a7c15
				c.Pick(&ch)
			}
		})
	}
}

// BenchmarkPickAnother chooses the host of a second try.
func BenchmarkPickAnother(b *testing.B) {
	for _, lb := range balancers {
		b.Run(string(lb), func(b *testing.B) {
			c := large(b, lb)
			makeAll(c)
			ch := Choice{Hashed: true, Tried: []*Host{c.host(17)}}
			b.ReportAllocs()
			for b.Loop() {
				ch.Hash += 0x9e3779b97f4a7c15
				c.Pick(&ch)
			}
		})
	}
}

// BenchmarkUpdate: of 10,000 hosts, a hundred are others than before.
func BenchmarkUpdate(b *testing.B) {
	deliveries := func() (all [2][]discovery.Host) {
		for i := range 10_100 {
			h := discovery.Host{Address: address(i), Weight: uint32(i%8) + 1}
			if i < 10_000 {
				all[0] = append(all[0], h)
			}
			if i >= 100 {
				all[1] = append(all[1], h)
			}
		}
		return all
	}()
	for _, lb := range []config.LBType{config.LBRoundRobin, config.LBWeightedRoundRobin, config.LBLeastRequest, config.LBMaglev} {
		b.Run("control plane/"+string(lb), func(b *testing.B) {
			c := large(b, lb)
			for i := 0; b.Loop(); i++ {
				c.Members.SetHosts(deliveries[i%2])
			}
		})
	}
	b.Run("control plane/one turns", func(b *testing.B) {
		c := large(b, config.LBLeastRequest)
		for i := 0; b.Loop(); i++ {
			c.Members.SetHealth([]members.HealthChange{{Host: address(7), Healthy: i%2 == 1}})
		}
	})
	for _, used := range []bool{false, true} {
		for _, lb := range []config.LBType{config.LBWeightedRoundRobin, config.LBLeastRequest} {
			b.Run(fmt.Sprintf("worker/%s/used %v", lb, used), func(b *testing.B) {
				c := large(b, lb)
				var took time.Duration
				n := 0
				for ; b.Loop(); n++ {
					if used {
						makeAll(c)
					}
					c.Members.SetHosts(deliveries[n%2])
					began := time.Now()
					c.adopt()
					took += time.Since(began)
				}
				b.ReportMetric(float64(took.Nanoseconds())/float64(n), "worker-ns/op") // the rest is the control plane's
			})
		}
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryOfHosts: what a host of a large cluster holds, shared by all workers; on
// each of them; and on one that has used it.
func TestMemoryOfHosts(t *testing.T) {
	const hosts = 10_000
	all := make([]discovery.Host, hosts)
	for i := range all {
		all[i] = discovery.Host{Address: address(i), Weight: uint32(i%8) + 1}
	}
	for _, lb := range []config.LBType{config.LBWeightedRoundRobin, config.LBLeastRequest} {
		cfg := weighted(lb)
		cfg.Type = config.ClusterConsul
		o := config.Default[config.OutlierDetection]()
		cfg.OutlierDetection = &o
		c := newStill(t).manager(t, cfg).At(0)
		before := heap()
		c.Members.SetHosts(all)
		shared := heap()
		c.adopt()
		unused := heap()
		makeAll(c)
		used := heap()
		per := func(from, to uint64) float64 { return float64(int64(to)-int64(from)) / hosts }
		a, b, d := per(before, shared), per(shared, unused), per(unused, used)
		t.Logf("%s: %.0f bytes per host shared, %.0f on each worker, %.0f more on one that has used it", lb, a, b, d)
		if a+b > 600 || d > 1500 {
			t.Errorf("%s: %.0f bytes per host shared, %.0f on each worker, %.0f more on one that has used it", lb, a, b, d)
		}
		runtime.KeepAlive(c)
	}
	runtime.KeepAlive(all)
}
