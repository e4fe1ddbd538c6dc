package http2

import (
	"math"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// outgoing is what a stream knows of the message that it sends.
type outgoing struct {
	queue     buffer.Chain // data that waits for the peer
	trailers  *stream.Head // what follows it
	sent      lastSent     // before anything was sent, when the stream was opened
	left      int64        // bytes of data that are to come, -1: not known
	window    window
	resetCode ErrCode // what the stream is reset with once all is sent, if cutOff
}

func (o *outgoing) init(pool *buffer.Pool, size int32, now int64) {
	o.queue.Init(pool)
	o.sent, o.left, o.window = lastSent(now), -1, window(size)
}

// sender sends the data of the streams: as much as the peer's windows and the link
// take. What waits is in its stream, and streams take turns of a frame each.
type sender struct {
	frames *frameWriter
	budget *budget
	window window // of the connection
	// hold is how much of a stream may wait before its source is paused, but littleHold
	// once more than crowded bytes wait on the connection.
	hold    int32
	crowded int
	waiting int       // bytes that wait in all streams
	ready   *h2stream // a ring's entry: streams that wait for their turn
	sent    lastSent  // in a turn of any stream
}

// littleHold is enough for a stream to go on by itself once its turn comes.
const littleHold = 4 << 10

func (d *sender) init(cfg *Config, frames *frameWriter, budget *budget, role connFlags) {
	d.frames, d.budget = frames, budget
	d.window = initialWindow
	d.hold, d.crowded = cfg.streamWindow(), cfg.maxBuffered()/2
	if role == client {
		d.crowded = math.MaxInt // what waits for hosts is bounded by what clients may send
	}
}

// data sends a part of a stream's message: what the windows and the link take, at
// once. The rest waits, and its source is paused once it is too much.
func (d *sender) data(s *h2stream, data *buffer.Chain, end bool) {
	if end {
		s.flags |= outOver
	}
	if s.out.queue.Len() == 0 && !s.has(parked) {
		for data.Len() > 0 {
			n := d.room(s)
			if n == 0 {
				break
			}
			n = min(n, data.Len())
			d.write(s, data, n, end && n == data.Len())
		}
		if end && data.Len() == 0 && !s.has(sentEnd) {
			d.write(s, data, 0, true)
		}
	}
	if data.Len() > 0 {
		d.enqueue(s, data)
	}
	data.Clear()
	if s.has(sentEnd) {
		s.outputOver()
	}
}

// enqueue makes data of a stream wait.
func (d *sender) enqueue(s *h2stream, data *buffer.Chain) {
	if s.out.queue.Len() == 0 {
		s.out.sent = lastSent(d.frames.link.Now())
	}
	d.waiting += data.Len()
	s.out.queue.Move(data)
	d.schedule(s)
	d.pauseSource(s)
}

// trailers writes a stream's trailers, or keeps them until what is in front of them is
// sent.
func (d *sender) trailers(s *h2stream, t *stream.Header) {
	s.flags |= outOver
	if s.out.queue.Len() == 0 && !s.has(parked) {
		d.writeTrailers(s, t)
		s.outputOver()
		return
	}
	s.out.trailers = s.conn.headers.heads.Get()
	s.out.trailers.Header.CopyFrom(t)
}

// room is how many bytes of a stream's data may be sent now, in one frame.
func (d *sender) room(s *h2stream) int {
	if d.frames.pressed || d.window <= 0 || s.out.window <= 0 {
		return 0
	}
	return min(int(d.window), int(s.out.window), maxDataFrame)
}

// write writes the first n bytes of data as a frame, for which there is room.
func (d *sender) write(s *h2stream, data *buffer.Chain, n int, end bool) {
	s.flags |= sentData
	if end {
		s.flags |= sentEnd
	}
	d.window.take(n)
	s.out.window.take(n)
	d.budget.sent(n, n < data.Len())
	d.frames.data(s.id, data, n, end)
}

// writeTrailers ends the message of a stream, of which nothing else waits.
func (d *sender) writeTrailers(s *h2stream, t *stream.Header) {
	s.flags |= sentEnd
	if !d.frames.trailers(s.id, t) {
		s.out.queue.Clear()
		d.write(s, &s.out.queue, 0, true)
	}
}

// schedule gives a stream whose data waits for nothing of its own a place among
// those that take turns.
func (d *sender) schedule(s *h2stream) {
	if s.out.queue.Len() > 0 && s.out.window > 0 && s.flags&(isReady|parked|dead) == 0 {
		s.flags |= isReady
		link(&d.ready, s)
	}
}

func (d *sender) unschedule(s *h2stream) {
	if s.has(isReady) {
		s.flags &^= isReady
		unlink(&d.ready, s)
	}
}

// pump lets the streams that wait take turns, a frame each, until the windows or the
// link take no more.
func (d *sender) pump() {
	for d.ready != nil && !d.frames.closed {
		s := d.ready
		n := min(d.room(s), s.out.queue.Len())
		if n == 0 {
			return
		}
		d.ready = s.next
		d.turn(s, n)
	}
}

// turn sends n bytes of what waits in a stream, and the end of the message if nothing
// is left.
func (d *sender) turn(s *h2stream, n int) {
	whole := s.has(outOver) && n == s.out.queue.Len()
	d.write(s, &s.out.queue, n, whole && s.out.trailers == nil && !s.has(cutOff))
	d.waiting -= n
	s.out.sent = lastSent(d.frames.link.Now())
	d.sent = s.out.sent
	if s.out.queue.Len() == 0 || s.out.window <= 0 {
		d.unschedule(s)
	}
	if whole && s.out.trailers != nil {
		d.writeTrailers(s, &s.out.trailers.Header)
	}
	switch {
	case s.has(sentEnd):
		s.outputOver()
	case whole && s.has(cutOff):
		s.abandon(s.out.resetCode, stream.Reset{})
	default:
		d.resumeSource(s)
	}
}

// forget drops what waits in a stream.
func (d *sender) forget(s *h2stream) {
	d.unschedule(s)
	d.waiting -= s.out.queue.Len()
	s.out.queue.Clear()
}

// mostHeld is how much of a stream may wait before its source is paused.
func (d *sender) mostHeld() int {
	if d.waiting > d.crowded {
		return littleHold
	}
	return int(d.hold)
}

// pauseSource pauses where a stream's data comes from, if too much of it waits, or
// if the peer does not read.
func (d *sender) pauseSource(s *h2stream) {
	if s.flags&(sourcePaused|outOver|dead) != 0 || s.peer == nil {
		return
	}
	if s.out.queue.Len() >= d.mostHeld() || d.frames.pressed {
		s.flags |= sourcePaused
		s.enter()
		s.peer.Pause()
		s.leave()
	}
}

// resumeSource lets it go on once half of it is gone.
func (d *sender) resumeSource(s *h2stream) {
	if !s.has(sourcePaused) || d.frames.pressed || s.out.queue.Len() > d.mostHeld()/2 {
		return
	}
	s.flags &^= sourcePaused
	if s.has(outOver) || s.peer == nil {
		return
	}
	s.enter()
	s.peer.Resume()
	s.leave()
}
