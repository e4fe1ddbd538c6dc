package http2

import "github.com/weirproxy/weir/pkg/stream"

var (
	_ stream.Queue = (*responder)(nil)
	_ stream.Queue = (*requester)(nil)
)

// Queued returns how much of the response waits.
func (e *responder) Queued() (n int, onConnection bool) { return queued((*h2stream)(e)) }

// Queued returns how much of the request waits.
func (e *requester) Queued() (n int, onConnection bool) { return queued((*h2stream)(e)) }

func queued(s *h2stream) (n int, onConnection bool) {
	n = s.out.queue.Len()
	return n, n > 0 && s.out.window > 0 && s.conn.send.window > 0
}
