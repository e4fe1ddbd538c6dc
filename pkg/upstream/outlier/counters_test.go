package outlier

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

// TestRows: which outcomes are counted in which row, and which of them is one too
// many.
func TestRows(t *testing.T) {
	type want struct{ any, gateway, local uint32 }
	all := func(c *config.OutlierDetection) {
		c.Consecutive5xx, c.ConsecutiveGatewayFailure, c.ConsecutiveLocalOriginFailure = 5, 3, 2
		c.EnforcingConsecutive5xx, c.EnforcingConsecutiveGatewayFailure, c.EnforcingConsecutiveLocalOriginFailure = 100, 100, 100
	}
	split := func(c *config.OutlierDetection) {
		all(c)
		c.SplitLocalOrigin = true
	}
	for _, tt := range []struct {
		name     string
		config   func(c *config.OutlierDetection)
		outcomes string
		rows     want
		suspect  string // after each outcome
	}{
		{"failures of all kinds are in a row", all, "5g5t5", want{5, 0, 0}, "....!"},
		{"gateways' have a row of their own", all, "gfg", want{3, 3, 0}, "..!"},
		{"which another failure ends", all, "gg5gg", want{5, 2, 0}, "....!"},
		{"a success ends both", all, "ggs", want{}, "..."},
		{"as the client's error does", all, "g5c", want{}, "..."},
		{"unsplit, no answer is a gateway's failure", all, "frt", want{3, 3, 0}, "..!"},
		{"split, it is in a row of its own", split, "gfrt", want{1, 1, 3}, "..!."},
		{"which an answer ends, even a bad one", split, "f5t", want{1, 0, 1}, "..."},
		{"and a success", split, "fs", want{}, ".."},
		{"but it does not end the others", split, "gffg", want{2, 2, 0}, "..!."},
		{"a host is suspect once", all, "ggggg5", want{6, 0, 0}, "..!.!."},
		{"a rule without a number counts nothing", func(c *config.OutlierDetection) {
			all(c)
			c.ConsecutiveGatewayFailure = 0
		}, "gggg", want{4, 0, 0}, "...."},
		{"nor does one that is not enforced", func(c *config.OutlierDetection) {
			all(c)
			c.EnforcingConsecutive5xx = 0
		}, "ggg55", want{0, 0, 0}, "..!.."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := policy(tt.config)
			var shared, batched Counters
			var l Local
			suspect := ""
			for i, o := range tt.outcomes {
				found := shared.Note(p, outcomes[o])
				if l.Note(&batched, p, int64(i), outcomes[o]) != found {
					t.Error("a worker finds something else")
				}
				suspect += map[bool]string{false: ".", true: "!"}[found]
			}
			for _, c := range []*Counters{&shared, &batched} {
				got := want{c.row[rowAny].Load(), c.row[rowGateway].Load(), c.row[rowLocal].Load()}
				if got != tt.rows {
					t.Errorf("the rows are %+v, want %+v", got, tt.rows)
				}
			}
			if suspect != tt.suspect {
				t.Errorf("suspect: %s, want %s", suspect, tt.suspect)
			}
			if stirred := p.stirred.Load(); stirred != (shared.reached.Load() != 0) {
				t.Errorf("the monitor is to look: %v", stirred)
			}
		})
	}
}

// TestTotals: what counts for rates.
func TestTotals(t *testing.T) {
	for _, tt := range []struct {
		split, rates bool
		good, bad    uint64
	}{{false, true, 2, 5}, {true, true, 2, 2}, {false, false, 0, 0}} {
		p := policy(func(c *config.OutlierDetection) {
			if c.SplitLocalOrigin = tt.split; tt.rates {
				c.EnforcingFailurePercentage = 1
			}
		})
		var c Counters
		for _, o := range outcomes {
			c.Note(p, o)
		}
		if c.good.Load() != tt.good || c.bad.Load() != tt.bad {
			t.Errorf("%+v: %d good, %d bad", tt, c.good.Load(), c.bad.Load())
		}
	}
}

// TestBatches: a worker adds its successes together, and failures at once.
func TestBatches(t *testing.T) {
	p := policy(func(c *config.OutlierDetection) { c.EnforcingSuccessRate = 100 })
	var c Counters
	l := Local{flushed: int64(time.Minute)}
	now := int64(time.Minute)
	var got []string
	step := func(n int, o Outcome) {
		for range n {
			l.Note(&c, p, now, o)
		}
		got = append(got, fmt.Sprint(c.good.Load(), c.bad.Load()))
	}
	step(15, Success)
	step(1, ClientError)
	step(15, Success)
	step(1, ServerError)
	step(1, Success)
	now += int64(time.Second) - 1
	step(1, Success)
	now++
	step(1, Success)
	now += 5 * int64(time.Second)
	step(1, Success)
	step(1, Success)
	if diff := cmp.Diff([]string{"0 0", "16 0", "16 0", "31 1", "31 1", "31 1", "34 1", "35 1", "35 1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNoPolicy: without a policy nothing is counted.
func TestNoPolicy(t *testing.T) {
	if NewPolicy(nil) != nil {
		t.Error("there is a policy")
	}
	var c Counters
	var l Local
	for _, o := range outcomes {
		if c.Note(nil, o) || l.Note(&c, nil, 0, o) {
			t.Error("the host is suspect")
		}
	}
	if c.good.Load()+c.bad.Load() != 0 || c.row[rowAny].Load() != 0 || l != (Local{}) {
		t.Error("something was counted")
	}
}

// TestWorkers: of many workers whose failures make a row, one is told to wake the
// monitor, and no outcome is lost.
func TestWorkers(t *testing.T) {
	p := policy(func(c *config.OutlierDetection) {
		c.Consecutive5xx, c.EnforcingConsecutive5xx, c.EnforcingSuccessRate = 100, 100, 100
	})
	var c Counters
	var suspects atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var l Local
			for range 160 { // multiples of a batch: nothing stays
				l.Note(&c, p, 0, Success)
			}
			for range 50 {
				if l.Note(&c, p, 0, ServerError) {
					suspects.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if c.good.Load() != 8*160 || c.bad.Load() != 8*50 {
		t.Errorf("%d good, %d bad", c.good.Load(), c.bad.Load())
	}
	// At least the last worker's 50 are in a row, and a row of 100 is likely.
	if n := suspects.Load(); n > 1 || (n == 1) != p.stirred.Load() {
		t.Errorf("%d times suspect", n)
	}
}

// TestNoteAllocatesNothing also says how large the memory of a host is.
func TestNoteAllocatesNothing(t *testing.T) {
	p := policy(func(c *config.OutlierDetection) { inARow(c); c.EnforcingSuccessRate = 100 })
	var c Counters
	var l Local
	if n := testing.AllocsPerRun(1000, func() {
		for _, o := range [...]Outcome{Success, ServerError, TimedOut, Success} {
			l.Note(&c, p, 0, o)
			c.Note(p, o)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if shared, local := unsafe.Sizeof(c), unsafe.Sizeof(l); shared > 64 || local > 16 {
		t.Errorf("%d and %d bytes", shared, local)
	}
}

// BenchmarkNote is what all workers pay who send to one host.
func BenchmarkNote(b *testing.B) {
	for _, bb := range []struct {
		name    string
		failure int // every so many
		batched bool
	}{{"successes", 0, true}, {"successes/unbatched", 0, false}, {"1in100", 100, true}, {"failures", 1, true}} {
		b.Run(bb.name, func(b *testing.B) {
			p := policy(func(c *config.OutlierDetection) {
				c.Consecutive5xx, c.EnforcingConsecutive5xx, c.EnforcingSuccessRate = 5, 100, 100
			})
			var c Counters
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var l Local
				for i := 1; pb.Next(); i++ {
					o := Success
					if bb.failure > 0 && i%bb.failure == 0 {
						o = ServerError
					}
					if bb.batched {
						l.Note(&c, p, int64(i), o)
					} else {
						c.Note(p, o)
					}
				}
			})
		})
	}
}
