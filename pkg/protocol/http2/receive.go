package http2

import "github.com/weirproxy/weir/pkg/buffer"

// receiver passes the content of DATA frames on to the streams that they belong to,
// and gives back the connection's window for it.
type receiver struct {
	frames     *frameWriter
	window     recvWindow // of the connection
	size       int32      // of that window
	streamSize int32      // of the window of each stream
	// slack is how much more a peer may send on a stream that has not seen yet that the
	// window is smaller than the initial one.
	slack int32

	// What of a DATA frame is still to come: content, then padding. Frames that are
	// ignored are all padding.
	left, skip uint32
	current    *h2stream    // whose content it is; nil for nobody's
	data       buffer.Chain // content that was not passed on to it yet
}

func (r *receiver) init(cfg *Config, frames *frameWriter, pool *buffer.Pool) {
	r.frames = frames
	r.window.window = initialWindow
	r.size, r.streamSize = cfg.connWindow(), cfg.streamWindow()
	r.slack = max(initialWindow-r.streamSize, 0)
	r.data.Init(pool)
}

// content takes a part of a DATA frame's content.
func (r *receiver) content(v buffer.View) {
	r.left -= uint32(v.Len())
	s := r.current
	if s.opening != nil && s.opening.waits {
		s.opening.held.AppendView(v)
		if r.left == 0 {
			r.current = nil
		}
		return
	}
	r.data.Lend(v)
	if r.left == 0 && s.has(recvEnd) {
		r.pass()
	}
}

// pass passes on the content that was not passed on yet, and the end of the message
// if it is there. Small frames that follow one another go in one call.
func (r *receiver) pass() {
	s := r.current
	if s == nil {
		return
	}
	n, end := r.data.Len(), s.has(recvEnd) && r.left == 0
	if n == 0 && !end || s.opening != nil && s.opening.waits {
		if r.left == 0 {
			r.current = nil
		}
		return
	}
	peer := s.peer
	r.current = nil
	s.enter()
	if end {
		s.inputOver()
	}
	peer.Data(&r.data, end)
	r.data.Clear()
	s.delivered(n)
	if s.peer != nil && r.left > 0 {
		r.current = s
	} else {
		r.ignoreRest(0)
	}
	s.settle()
	s.leave()
}

// more reports whether more of a stream's content is to come in the frame that is
// being read.
func (r *receiver) more(s *h2stream) bool { return r.current == s && r.left > 0 }

// credit gives back n bytes of the connection's window.
func (r *receiver) credit(n int) {
	if n > 0 {
		r.frames.credit(0, &r.window, n, r.size)
	}
}

// firstWindow is what a peer may send on a stream of which we take nothing.
func (r *receiver) firstWindow() int64 { return int64(r.streamSize) + int64(r.slack) }

// ignoreRest ignores what is to come of the DATA frame that is being read, and
// gives back its window, and some more.
func (r *receiver) ignoreRest(more int) {
	r.credit(int(r.left) + more)
	r.skip += r.left
	r.left = 0
}

// forget passes nothing on to a stream any more.
func (r *receiver) forget(s *h2stream) {
	if r.current == s {
		r.ignoreRest(r.data.Len())
		r.data.Clear()
		r.current = nil
	}
}
