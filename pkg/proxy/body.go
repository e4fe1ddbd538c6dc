package proxy

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// requestBody is what has come of a request's body: what the present try has not
// been given yet, and, as long as another try is possible and it is not too much,
// what it has been given.
type requestBody struct {
	unsent   buffer.Chain
	sent     buffer.Chain // for another try; by reference, so it costs no copy
	trailers stream.Header

	hasTrailers bool
	headOnly    bool // the request has no body
	complete    bool // all of it has passed the filters
	ended       bool // a present try was given the end
	lost        bool // sent does not have everything: there can be no other try
}

func (b *requestBody) begin(p *buffer.Pool) {
	unsent, sent := b.unsent, b.sent
	*b = requestBody{unsent: unsent, sent: sent, trailers: b.trailers}
	b.unsent.Init(p)
	b.sent.Init(p)
}

func (b *requestBody) drop() {
	b.unsent.Clear()
	b.sent.Clear()
	b.trailers.Clear()
	b.lost = true
}

// keepNothing gives up the possibility of another try.
func (b *requestBody) keepNothing() {
	b.sent.Clear()
	b.lost = true
}

// whole tells whether all of the request is here, for any try, and not more than
// limit.
func (b *requestBody) whole(limit int) bool {
	return b.headOnly || b.complete && !b.lost && b.sent.Len()+b.unsent.Len() <= limit
}

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

// pass gives the only try there is, or the first of two that has a connection, what
// it has not been given. limit is how much is kept for another one.
func (b *requestBody) pass(up stream.Sink, limit int) {
	if b.ended || b.headOnly {
		return
	}
	end := b.complete && !b.hasTrailers
	if b.unsent.Len() == 0 && !b.complete {
		return
	}
	if !b.lost {
		if b.sent.Len()+b.unsent.Len() > limit {
			b.keepNothing()
		} else {
			b.sent.Share(&b.unsent)
		}
	}
	b.ended = b.complete
	if b.unsent.Len() > 0 || end {
		up.Data(&b.unsent, end)
	}
	if b.complete && b.hasTrailers {
		var t stream.Header
		t.CopyFrom(&b.trailers)
		up.Trailers(&t)
	}
}

// replay gives a try all that another one has been given, whose end was included.
func (b *requestBody) replay(up stream.Sink) {
	var d buffer.Chain
	d.Init(b.sent.Pool())
	d.Share(&b.sent)
	if d.Len() > 0 || !b.hasTrailers {
		up.Data(&d, !b.hasTrailers)
		d.Clear()
	}
	if b.hasTrailers {
		var t stream.Header
		t.CopyFrom(&b.trailers)
		up.Trailers(&t)
	}
}
