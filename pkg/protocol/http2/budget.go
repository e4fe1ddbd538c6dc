package http2

import "time"

// rate is a leaky bucket: the time at which it will be empty again, on the loop's
// clock. Whatever a bucket counts takes it a fixed time to lose, so that one number
// is all there is to it.
type rate int64

// limit is how fast a bucket leaks, and how much it holds.
type limit struct{ every, burst int64 }

func perSecond(n, burst int64) limit { return limit{int64(time.Second) / n, burst} }

// take puts n into the bucket. It returns false if that is more than it holds.
func (r *rate) take(l limit, n, now int64) bool {
	t := max(int64(*r), now) + n*l.every
	if t-now > l.burst*l.every {
		return false
	}
	*r = rate(t)
	return true
}

// give takes n out again.
func (r *rate) give(l limit, n int64) {
	if *r > 0 {
		*r -= rate(n * l.every)
	}
}

// The limits of a budget. What is useful gives back: a peer that opens streams and
// takes data in earnest never comes near them, however fast it is.
var (
	// Streams that the peer resets, or makes us reset by what it sends. One that ends
	// in the ordinary way gives one back.
	limitResets = perSecond(33, 200)
	// PING, SETTINGS, PRIORITY, frames of unknown types, frames for streams that are
	// over. A new stream gives four back.
	limitControl = perSecond(100, 1000)
	// WINDOW_UPDATE. A new stream gives two back, a DATA frame that we send three,
	// unless it is short because the window is.
	limitUpdates = perSecond(100, 1000)
	// DATA, HEADERS and CONTINUATION that hold nothing and end nothing. A new stream
	// gives one back.
	limitEmpty = perSecond(10, 100)
	// DATA of less than shortData bytes that ends nothing. A frame of at least
	// usefulData bytes gives one back.
	limitTiny = perSecond(100, 1000)
)

const (
	// shortData is the length of what gRPC puts before each message: no protocol in
	// use sends less at a time.
	shortData  = 5
	usefulData = 256
)

// budget bounds what a peer can make a connection do for nothing.
type budget struct {
	resets, control, updates, empty, tiny rate
}

// opened gives back for a stream that the peer opened, or that was opened to it.
func (b *budget) opened() {
	b.control.give(limitControl, 4)
	b.updates.give(limitUpdates, 2)
	b.empty.give(limitEmpty, 1)
}

// ended gives back for a stream that came to its end.
func (b *budget) ended() { b.resets.give(limitResets, 1) }

// sent gives back for a DATA frame of n bytes; cut tells that the peer's window was
// too small for more of them.
func (b *budget) sent(n int, cut bool) {
	if !cut || n >= usefulData {
		b.updates.give(limitUpdates, 3)
	}
}

// data counts a DATA frame with n bytes of content that ends nothing; full tells
// that our window had no room for more.
func (b *budget) data(n uint32, full bool, now int64) *Error {
	switch {
	case n >= usefulData:
		b.tiny.give(limitTiny, 1)
	case n == 0:
		return flood(b.empty.take(limitEmpty, 1, now))
	case n < shortData && !full:
		return flood(b.tiny.take(limitTiny, 1, now))
	}
	return nil
}

func flood(ok bool) *Error {
	if ok {
		return nil
	}
	return ErrFlood
}
