package metrics

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// durations are of all magnitudes, so that all buckets come up.
func durations() *rapid.Generator[[]time.Duration] {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "d") >> rapid.IntRange(0, 63).Draw(t, "shift"))
	}))
}

func recorded(ds []time.Duration) *Histogram {
	h := &Histogram{}
	for _, d := range ds {
		h.Record(d)
	}
	return h
}

func TestBuckets(t *testing.T) {
	for i := range numBuckets {
		if got := bucketOf(lowerEdge(i)); got != i {
			t.Errorf("the lower edge of bucket %d is in bucket %d", i, got)
		}
		if i > 0 && bucketOf(lowerEdge(i)-1) != i-1 {
			t.Errorf("bucket %d does not begin at its lower edge", i)
		}
		if low := lowerEdge(i); 0 < i && i < numBuckets-1 && lowerEdge(i+1)-low > low/4 {
			t.Errorf("bucket %d is wider than a quarter", i)
		}
	}
	if bucketOf(math.MaxUint64) != numBuckets-1 {
		t.Error("the last bucket is not the last")
	}
}

func TestEmptyHistogram(t *testing.T) {
	var h Histogram
	h.Merge(&Histogram{})
	if h.buckets != nil || h.Count() != 0 || h.Sum() != 0 || h.Min() != 0 || h.Max() != 0 || h.Quantile(0.5) != 0 || h.variance() != 0 {
		t.Errorf("%+v is not empty", h)
	}
	if got := h.Below(bounds); slices.Max(got) != 0 {
		t.Errorf("%v below", got)
	}
}

func TestNegativeIsNone(t *testing.T) {
	h := recorded([]time.Duration{-5})
	if h.Count() != 1 || h.Sum() != 0 || h.Max() != 0 {
		t.Errorf("%d, %d, %v", h.Count(), h.Sum(), h.Max())
	}
}

func TestQuantileIsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := durations().Filter(func(ds []time.Duration) bool { return len(ds) > 0 }).Draw(t, "ds")
		h := recorded(ds)
		slices.Sort(ds)
		if h.Min() != ds[0] || h.Max() != ds[len(ds)-1] || h.Count() != uint64(len(ds)) {
			t.Fatalf("min %v, max %v, count %d of %v", h.Min(), h.Max(), h.Count(), ds)
		}
		last := time.Duration(0)
		for q := 0.0; q <= 1; q += 0.05 {
			got := h.Quantile(q)
			if got < last {
				t.Fatalf("quantile %v is %v, below the one before, %v", q, got, last)
			}
			last = got
			want := ds[max(0, int(math.Ceil(q*float64(len(ds))))-1)]
			if want < 1<<leastBits || want >= 1<<mostBits {
				continue // out of the range that is exact
			}
			if off := math.Abs(float64(got-want)) / float64(want); off > 0.25 {
				t.Fatalf("quantile %v is %v, want %v: off by %.3f", q, got, want, off)
			}
		}
	})
}

func TestMergeIsSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := durations().Draw(t, "a"), durations().Draw(t, "b")
		merged, other := recorded(a), recorded(b)
		untouched := other.Clone()
		merged.Merge(other)
		all := recorded(slices.Concat(a, b))
		if !equal(merged, all) {
			t.Fatalf("%+v, want %+v", merged, all)
		}
		merged.Record(1) // must not show in the other
		if !equal(other, &untouched) {
			t.Fatal("the merged histograms share their buckets")
		}
	})
}

func equal(a, b *Histogram) bool {
	if a.buckets == nil || b.buckets == nil {
		return a.buckets == b.buckets
	}
	return *a.buckets == *b.buckets && a.sum == b.sum && a.min == b.min && a.max == b.max
}

func TestBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ds := durations().Draw(t, "ds")
		edges := []time.Duration{0}
		for i := 1; i < numBuckets; i++ {
			edges = append(edges, time.Duration(lowerEdge(i)))
		}
		h := recorded(ds)
		for i, n := range h.Below(edges) {
			var want uint64
			for _, d := range ds {
				if d < edges[i] {
					want++
				}
			}
			if n != want {
				t.Fatalf("%d below %v, want %d", n, edges[i], want)
			}
		}
		before := h.Below(bounds)
		if !slices.IsSorted(before) {
			t.Fatalf("falls: %v", before)
		}
		h.Record(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "more")))
		for i, n := range h.Below(bounds) {
			if n < before[i] || n > h.Count() {
				t.Fatalf("%d below %v, before %d", n, bounds[i], before[i])
			}
		}
	})
}

func TestBelowInsideABucket(t *testing.T) {
	h := recorded(slices.Repeat([]time.Duration{1 << 20}, 8)) // a bucket from 1<<20, as wide as 1<<18
	if got := h.Below([]time.Duration{1<<20 + 1<<17}); got[0] != 4 {
		t.Errorf("%d below the middle of a bucket of 8", got[0])
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	s := NewWorker().Listener("a")
	s.Latency.Record(1)
	if n := testing.AllocsPerRun(1000, func() {
		s.RequestTotal++
		s.RequestActive--
		s.CountCode(200)
		s.Latency.Record(time.Millisecond)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	d := time.Duration(1)
	for b.Loop() {
		h.Record(d)
		d = d*5&(1<<40-1) + 1
	}
}

// BenchmarkRequest is what a request costs: a listener, a route, a cluster and a
// host.
func BenchmarkRequest(b *testing.B) {
	w := NewWorker()
	l, r, c, h := w.Listener("l"), w.Route("r", "v", "r"), w.Cluster("c"), w.Host("c", "h")
	b.ReportAllocs()
	for b.Loop() {
		l.RequestTotal++
		r.RequestTotal++
		c.RequestTotal++
		h.RequestTotal++
		l.CountCode(200)
		r.CountCode(200)
		l.Latency.Record(1234567)
		l.ProcessTime.Record(12345)
		r.Latency.Record(1234567)
		c.Latency.Record(1234567)
		h.Latency.Record(1234567)
	}
}

func BenchmarkCopyOf1000Hosts(b *testing.B) {
	w := NewWorker()
	for i := range 1000 {
		w.Host("c", time.Duration(i).String()).Latency.Record(1)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Copy()
	}
}
