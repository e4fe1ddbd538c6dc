package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// requestBody is what has come of a request's body: what the present attempt has not
// been given yet, and, as long as another attempt is possible and it is not too much,
// what it has been given.
type requestBody struct {
	unsent   buffer.Chain
	sent     buffer.Chain   // for another attempt; by reference, so it costs no copy
	trailers *stream.Header // nil: there are none, yet

	shared *retryBuffer // of the listener
	taken  int          // of it
	limit  int          // how many bytes are kept

	headOnly bool // the request has no body
	complete bool // all of it has passed the filters
	ended    bool // a present attempt was given the end
	lost     bool // sent does not have everything: there can be no other attempt
	tooLarge bool // because it was too much
}

// retryBuffer is what a listener's requests keep for other attempts, on one worker. What
// any request may keep is not counted.
type retryBuffer struct{ used, limit int }

// smallBody is what any request may keep of its body, and one keeps whose route says
// nothing else.
const smallBody = 64 << 10

func (b *requestBody) begin(p *buffer.Pool, shared *retryBuffer) {
	unsent, sent := b.unsent, b.sent
	*b = requestBody{unsent: unsent, sent: sent, shared: shared, limit: smallBody}
	b.unsent.Init(p)
	b.sent.Init(p)
}

// setTrailers takes the trailers over.
func (b *requestBody) setTrailers(t *stream.Header) {
	b.trailers = new(stream.Header)
	b.trailers.Take(t)
}

func (b *requestBody) drop() {
	b.unsent.Clear()
	b.trailers = nil
	b.keepNothing()
}

// keepNothing gives up the possibility of another attempt.
func (b *requestBody) keepNothing() {
	b.sent.Clear()
	b.lost = true
	if b.taken > 0 {
		b.shared.used -= b.taken
		b.taken = 0
	}
}

// keep reports whether all that has come may be kept.
func (b *requestBody) keep() bool {
	n := b.sent.Len() + b.unsent.Len()
	switch {
	case n > b.limit:
		return false
	case n <= max(smallBody, b.taken):
		return true
	case b.shared.used-b.taken+n > b.shared.limit:
		return false
	}
	b.shared.used += n - b.taken
	b.taken = n
	return true
}

// whole reports whether all of the request is here, and is kept for any attempt.
func (b *requestBody) whole() bool { return b.headOnly || b.complete && !b.lost && b.keep() }

// rewind makes everything unsent again.
func (b *requestBody) rewind() {
	if b.sent.Len() > 0 {
		var rest buffer.Chain
		rest.Init(b.unsent.Pool())
		rest.Move(&b.unsent)
		b.unsent.Move(&b.sent)
		b.unsent.Move(&rest)
	}
	b.ended = false
}

// pass gives the only attempt there is, or the first of two that has a connection, what
// it has not been given.
func (b *requestBody) pass(up stream.Sink) {
	if b.ended || b.headOnly {
		return
	}
	end := b.complete && b.trailers == nil
	if b.unsent.Len() == 0 && !b.complete {
		return
	}
	if !b.lost {
		if b.keep() {
			b.sent.Share(&b.unsent)
		} else {
			b.tooLarge = true
			b.keepNothing()
		}
	}
	b.ended = b.complete
	if b.unsent.Len() > 0 || end {
		up.Data(&b.unsent, end)
	}
	if b.complete && b.trailers != nil {
		var t stream.Header
		t.CopyFrom(b.trailers)
		up.Trailers(&t)
	}
}

// replay gives an attempt all that another one has been given, whose end was included.
func (b *requestBody) replay(up stream.Sink) {
	var d buffer.Chain
	d.Init(b.sent.Pool())
	d.Share(&b.sent)
	if d.Len() > 0 || b.trailers == nil {
		up.Data(&d, b.trailers == nil)
		d.Clear()
	}
	if b.trailers != nil {
		var t stream.Header
		t.CopyFrom(b.trailers)
		up.Trailers(&t)
	}
}
