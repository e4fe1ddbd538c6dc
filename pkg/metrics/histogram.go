package metrics

import (
	"math"
	"math/bits"
	"time"
)

// A histogram has a bucket for everything below its least value, then four to
// each power of two, and a last one for everything above its range. The width of
// a bucket is at most a quarter of its lower edge.
const (
	leastBits  = 10 // 1.024 us
	mostBits   = 42 // 73 min
	numBuckets = 1 + 4*(mostBits-leastBits) + 1
)

// Histogram counts durations, in buckets of logarithmic width. It takes no
// memory for them before the first. The zero Histogram is empty and ready. It is
// not safe for concurrent use.
type Histogram struct {
	buckets  *[numBuckets]uint64
	sum      uint64
	min, max uint64 // if there are buckets
}

// Record counts a duration; a negative one as none.
func (h *Histogram) Record(d time.Duration) {
	v := uint64(max(0, d))
	if h.buckets == nil {
		h.buckets = new([numBuckets]uint64)
		h.min = math.MaxUint64
	}
	h.buckets[bucketOf(v)]++
	h.sum += v
	h.min = min(h.min, v)
	h.max = max(h.max, v)
}

func bucketOf(v uint64) int {
	n := bits.Len64(v) - 1 // of the highest bit
	switch {
	case n < leastBits:
		return 0
	case n >= mostBits:
		return numBuckets - 1
	}
	return 1 + 4*(n-leastBits) + int(v>>(n-2)&3)
}

// lowerEdge returns the least value of bucket i; that of bucket i+1 is the first
// above it.
func lowerEdge(i int) uint64 {
	if i == 0 {
		return 0
	}
	return uint64(4+(i-1)%4) << (leastBits - 2 + (i-1)/4)
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(o *Histogram) {
	if o.buckets == nil {
		return
	}
	if h.buckets == nil {
		*h = o.Clone()
		return
	}
	for i, n := range o.buckets {
		h.buckets[i] += n
	}
	h.sum += o.sum
	h.min = min(h.min, o.min)
	h.max = max(h.max, o.max)
}

// Clone returns a copy that shares nothing.
func (h *Histogram) Clone() Histogram {
	c := *h
	if h.buckets != nil {
		buckets := *h.buckets
		c.buckets = &buckets
	}
	return c
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 {
	var count uint64
	if h.buckets != nil {
		for _, n := range h.buckets {
			count += n
		}
	}
	return count
}

// Sum returns the sum of all durations, in nanoseconds. It is exact.
func (h *Histogram) Sum() uint64 { return h.sum }

// Min returns the shortest duration; zero if there is none.
func (h *Histogram) Min() time.Duration { return duration(h.min) }

// Max returns the longest duration; zero if there is none.
func (h *Histogram) Max() time.Duration { return duration(h.max) }

func duration(v uint64) time.Duration { return time.Duration(min(v, math.MaxInt64)) }

// Quantile returns the duration that the share q, 0 to 1, of all are not above;
// zero if there is none. Above a microsecond and below an hour it is wrong by at
// most a quarter.
func (h *Histogram) Quantile(q float64) time.Duration {
	count := h.Count()
	if count == 0 {
		return 0
	}
	// The rank of the duration wanted, among all in their order.
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(count)))
	rank = min(max(rank, 1), count)
	for i, n := range h.buckets {
		if rank <= n {
			low, high := max(lowerEdge(i), h.min), h.max
			if i < numBuckets-1 {
				high = min(lowerEdge(i+1)-1, h.max)
			}
			return duration(low + uint64(float64(high-low)*float64(rank)/float64(n)))
		}
		rank -= n
	}
	panic("metrics: the buckets of a histogram hold less than their count")
}

// Below returns, for each of the bounds in ascending order, how many durations
// were not above it. Where a bound is inside a bucket, the durations there are
// taken to be spread evenly. The results never fall, from bound to bound nor
// from one call to a later one.
func (h *Histogram) Below(bounds []time.Duration) []uint64 {
	counts := make([]uint64, len(bounds))
	if h.buckets == nil {
		return counts
	}
	var below uint64 // in the buckets before i
	i := 0
	for k, bound := range bounds {
		b := bucketOf(uint64(max(0, bound)))
		for ; i < b; i++ {
			below += h.buckets[i]
		}
		counts[k] = below
		if b < numBuckets-1 {
			low := lowerEdge(b)
			share := float64(uint64(max(0, bound))-low) / float64(lowerEdge(b+1)-low)
			counts[k] += uint64(float64(h.buckets[b]) * share)
		}
	}
	return counts
}

// variance returns the variance of the durations, each taken to be in the middle
// of its bucket.
func (h *Histogram) variance() float64 {
	count := float64(h.Count())
	if count == 0 {
		return 0
	}
	mean := float64(h.sum) / count
	var sum float64
	for i, n := range h.buckets {
		middle := float64(h.max)
		if i < numBuckets-1 {
			middle = float64(lowerEdge(i)+lowerEdge(i+1)) / 2
		}
		sum += float64(n) * (middle - mean) * (middle - mean)
	}
	return sum / count
}
