package http2

import "github.com/weirproxy/weir/pkg/stream"

var (
	_ stream.Queue = (*responder)(nil)
	_ stream.Queue = (*requester)(nil)
)

// Queued returns how much of the response waits.
func (e *responder) Queued() (n int, onConnection bool) { return (*h2stream)(e).queued() }

// Queued returns how much of the request waits.
func (e *requester) Queued() (n int, onConnection bool) { return (*h2stream)(e).queued() }

func (s *h2stream) queued() (n int, onConnection bool) {
	n = s.queue.Len()
	return n, n > 0 && s.sendWindow > 0 && s.conn.sendWindow > 0
}
