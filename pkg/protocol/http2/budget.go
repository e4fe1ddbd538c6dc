package http2

import "time"

// limit is how fast a bucket leaks, how much it holds, and how much of what was
// earned it keeps for later.
type limit struct{ every, burst, save int64 }

func perSecond(n, burst, save int64) limit { return limit{int64(time.Second) / n, burst, save} }

// rate is a leaky bucket: the time at which it will be empty again, on the loop's
// clock. Whatever a bucket counts takes it a fixed time to lose, so that one number
// is all there is to it.
type rate int64

// take puts n into the bucket. It returns false if that is more than it holds.
func (r *rate) take(l limit, n, now int64) bool {
	t := max(int64(*r), now) + n*l.every
	if t-now > l.burst*l.every {
		return false
	}
	*r = rate(t)
	return true
}

// bucket is a rate to which useful work adds: what the peer has earned is spent
// first, and what it did not earn is held to the rate.
type bucket struct {
	rate
	earned int64
}

// take counts n of what the bucket is for. It returns false if that is too much.
func (b *bucket) take(l limit, n, now int64) bool {
	paid := min(b.earned, n)
	b.earned -= paid
	return n == paid || b.rate.take(l, n-paid, now)
}

// earn lets the peer do n more, of which the limit says how much is kept.
func (b *bucket) earn(l limit, n int64) { b.earned = min(b.earned+n, l.save) }

// refund takes n out again that were counted before. It is not kept.
func (b *bucket) refund(l limit, n int64) {
	if b.rate > 0 {
		b.rate -= rate(n * l.every)
	}
}

// limits are what a budget allows one kind of peer.
type limits struct {
	// Streams that the peer resets, or makes us reset by what it sends, in units of
	// which a stream that nobody had time to work on costs wholeReset and one that was
	// waited for costs one. A stream that was answered costs nothing; one that ends in
	// the ordinary way earns hedges times wholeReset.
	resets limit
	// PING, SETTINGS, PRIORITY, frames of unknown types, frames for streams that are
	// over. Earned by DATA in either direction, which stacks answer by a PING to measure
	// the bandwidth (gRPC in Go and Java do, with each frame), and by resets of ours.
	control limit
	// WINDOW_UPDATE. Earned by DATA that we send, by its bytes: some stacks give every
	// 4 KiB back, of the stream and of the connection.
	updates limit
	// DATA, HEADERS and CONTINUATION that hold nothing and end nothing. Earned by DATA
	// that holds something: some stacks flush with an empty frame.
	empty limit
	// DATA of less than shortData bytes that ends nothing, as it comes from who writes
	// characters one by one. Node, which has a frame for each, makes 250,000 a second.
	// As they come, those of a stream are passed on together: each takes far less work
	// than a request. This is only to end what no honest peer could do.
	tiny limit
}

// wholeReset is what a stream costs that is reset as soon as it was opened.
const wholeReset = 32

// hedges is how many attempts a client may give up for one that is answered: gRPC lets
// a call be made five times at once.
const hedges = 4

// waitedFor is how long a request must have been under way for its reset to be that
// of a client that waited: at a deadline, or for another, hedged, attempt. Who opens
// as many streams as it may and waits so long makes no more work than who asks in
// earnest.
const waitedFor = 10 * time.Millisecond

// The limits of both kinds of peers. A client is a stranger. A host is part of the
// configuration, and its connection is shared by many clients: it is allowed much
// more.
var peerLimits = [...]limits{
	aClient: {
		resets:  perSecond(33*wholeReset, 200*wholeReset, 200*wholeReset),
		control: perSecond(100, 1000, 2000),
		updates: perSecond(100, 1000, 8000),
		empty:   perSecond(10, 100, 100),
		tiny:    perSecond(1_000_000, 100_000, 0),
	},
	aHost: {
		control: perSecond(1000, 5000, 50_000),
		updates: perSecond(1000, 5000, 50_000),
		empty:   perSecond(100, 1000, 1000),
		tiny:    perSecond(4_000_000, 400_000, 0),
	},
}

// peerKind is a kind of peer.
type peerKind uint8

const (
	aClient peerKind = iota
	aHost
)

const (
	// shortData is the length of what gRPC puts before each message: hardly any
	// protocol in use sends less at a time.
	shortData = 5
	// usefulData is what a peer's window must have let through for us to thank it.
	usefulData = 256
)

// budget bounds what a peer can make a connection do for nothing: work that is begun
// and thrown away, and frames that are out of proportion to the data that moves.
type budget struct {
	peer                            peerKind
	resets, control, updates, empty bucket
	tiny                            rate
}

// useless counts n frames of those that limits.control is about. It returns false if
// there are too many of them, as do the other methods that count.
func (b *budget) useless(n, now int64) bool {
	return b.control.take(peerLimits[b.peer].control, n, now)
}

// windowUpdate counts a WINDOW_UPDATE.
func (b *budget) windowUpdate(now int64) bool {
	return b.updates.take(peerLimits[b.peer].updates, 1, now)
}

// emptyFrame counts a frame that holds nothing and ends nothing.
func (b *budget) emptyFrame(now int64) bool { return b.empty.take(peerLimits[b.peer].empty, 1, now) }

// thrownAway counts work, in the units of limits.resets, that was begun for a client
// and is of no use any more.
func (b *budget) thrownAway(n, now int64) bool {
	return b.resets.take(peerLimits[b.peer].resets, n, now)
}

// opened gives back for a stream that the peer opened, or that was opened to it.
func (b *budget) opened() {
	b.control.refund(peerLimits[b.peer].control, 4)
	b.updates.refund(peerLimits[b.peer].updates, 2)
	b.empty.refund(peerLimits[b.peer].empty, 1)
}

// ended earns for a stream that came to its end.
func (b *budget) ended() { b.resets.earn(peerLimits[b.peer].resets, hedges*wholeReset) }

// abandoned earns for a stream that we reset of our own: a few frames may be under way
// to it, which are not the peer's fault.
func (b *budget) abandoned() { b.control.earn(peerLimits[b.peer].control, 3) }

// sent earns for a DATA frame of n bytes; cut tells that the peer's window was too
// small for more of them.
func (b *budget) sent(n int, cut bool) {
	if cut && n < usefulData {
		return
	}
	b.control.earn(peerLimits[b.peer].control, 2+int64(n)>>12)
	b.updates.earn(peerLimits[b.peer].updates, 4+int64(n)>>10)
}

// data counts a DATA frame with n bytes of content that ends nothing, and earns for
// it. full tells that our window had no room for more.
func (b *budget) data(n uint32, full bool, now int64) *Error {
	l := &peerLimits[b.peer]
	switch {
	case n == 0:
		return flood(b.emptyFrame(now))
	case n < shortData && !full:
		b.empty.earn(l.empty, 1)
		return flood(b.tiny.take(l.tiny, 1, now))
	}
	b.control.earn(l.control, 1)
	b.updates.earn(l.updates, 1)
	b.empty.earn(l.empty, 1)
	return nil
}

func flood(ok bool) *Error {
	if ok {
		return nil
	}
	return ErrFlood
}
