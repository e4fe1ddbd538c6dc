package filter

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// Head passes a head through the filters. Unlike a sink's, it is not lent: it
// stays as it is until the stream is finished.
func (s *Stream) Head(dir Direction, h *stream.Head, end bool) {
	d := &s.dirs[dir]
	if d.closed {
		return
	}
	d.begun = true
	if !d.interested {
		d.sent, d.closed = true, end
		d.sink.Head(h, end)
		return
	}
	d.head, d.headEnd = h, end
	s.advance(dir)
}

// Data passes data through the filters, and takes all of it.
func (s *Stream) Data(dir Direction, data *buffer.Chain, end bool) {
	d := &s.dirs[dir]
	if d.closed {
		data.Clear()
		return
	}
	if !d.interested {
		d.closed = end
		d.sink.Data(data, end)
		return
	}
	d.waiting.Move(data)
	d.waitingEnd = end
	if s.tooLarge(d) {
		s.refuse(dir)
		return
	}
	s.advance(dir)
}

// Trailers passes trailers through the filters, and takes their content.
func (s *Stream) Trailers(dir Direction, t *stream.Header) {
	d := &s.dirs[dir]
	if d.closed {
		return
	}
	if !d.interested {
		d.closed = true
		d.sink.Trailers(t)
		return
	}
	d.trailers.Take(t)
	d.trailered = true
	s.advance(dir)
}

// advance moves parts on until one is stopped or none is left.
func (s *Stream) advance(dir Direction) {
	d := &s.dirs[dir]
	for d.state == flowing && !d.closed && s.away == nil && s.next(dir) {
	}
	s.limit(dir)
}

// next moves one part by one filter. It returns false if there is none to move.
func (s *Stream) next(dir Direction) bool {
	d := &s.dirs[dir]
	switch {
	case d.head != nil && d.collect < 0:
		s.step(dir, headPart, d.headAt)
	case d.hasPart && !d.withTrailers():
		s.step(dir, dataPart, d.partAt)
	case !d.hasPart && d.nextPart():
	case d.trailered && (d.collect < 0 || d.withTrailers()):
		s.step(dir, trailersPart, d.trailersAt)
	default:
		return false
	}
	return true
}

// step shows a part to the filter that it stands before, or gives it to the sink.
func (s *Stream) step(dir Direction, k kind, at int) {
	if at == len(s.slots) {
		s.deliver(dir, k)
		return
	}
	d := &s.dirs[dir]
	if k == dataPart && at == d.collect {
		d.gather()
	}
	i := s.index(dir, at)
	if !s.slots[i].sees(dir) {
		d.passed(k)
		return
	}
	d.early = false
	d.state = running
	if s.slots[i].blocks {
		s.stepAway(dir, k, i)
		return
	}
	turn := d.turn
	status := s.call(dir, k, i, &d.part)
	if d.turn != turn {
		return
	}
	if d.appended {
		d.appended = false
		d.partEnd = d.trailers.Len() == 0
		d.trailered = !d.partEnd
	}
	s.settle(d, k, status)
}

// index turns the number of filters passed into a filter's place in the chain:
// responses pass it from its end.
func (s *Stream) index(dir Direction, at int) int {
	if dir == ResponseDirection {
		return len(s.slots) - 1 - at
	}
	return at
}

// call runs a filter's hook. data is the piece of data it sees.
func (s *Stream) call(dir Direction, k kind, i int, data *buffer.Chain) Status {
	d := &s.dirs[dir]
	end := d.partEnd || d.whole
	if dir == RequestDirection {
		f := s.slots[i].request
		switch k {
		case headPart:
			return f.RequestHead(s, d.head, d.headEnd)
		case dataPart:
			return f.RequestData(s, data, end)
		default:
			return f.RequestTrailers(s, &d.trailers)
		}
	}
	f := s.slots[i].response
	switch k {
	case headPart:
		return f.ResponseHead(s, d.head, d.headEnd)
	case dataPart:
		return f.ResponseData(s, data, end)
	default:
		return f.ResponseTrailers(s, &d.trailers)
	}
}

// settle does what a filter said about a part.
func (s *Stream) settle(d *direction, k kind, status Status) {
	d.state = flowing
	if status == Buffer && d.collects(k) {
		return
	}
	d.passed(k)
	if status == Pause && !d.early {
		d.state = paused
	}
}

// deliver gives a part that passed all filters to the sink.
func (s *Stream) deliver(dir Direction, k kind) {
	d := &s.dirs[dir]
	turn := d.turn
	d.state = running
	switch k {
	case headPart:
		h := d.head
		d.head, d.sent = nil, true
		d.sink.Head(h, d.headEnd)
	case dataPart:
		d.hasPart = false
		d.sink.Data(&d.part, d.partEnd)
	case trailersPart:
		d.trailered = false
		d.sink.Trailers(&d.trailers)
	}
	if d.turn == turn {
		d.state = flowing
	}
}

// resume continues a direction that a filter paused, or is about to.
func (s *Stream) resume(dir Direction) {
	d := &s.dirs[dir]
	switch d.state {
	case running:
		d.early = true
	case paused:
		d.state = flowing
		s.advance(dir)
	}
}

// tooLarge tells whether a body that a filter wants whole is over the limit. A
// hook elsewhere is waited for first.
func (s *Stream) tooLarge(d *direction) bool {
	return d.collect >= 0 && s.away == nil && d.held() > s.env.BufferLimit
}

// limit keeps what a direction holds within bounds: a body that a filter wants
// whole is refused if it is too large; any other's sender is slowed down until
// nothing of it is held any more.
func (s *Stream) limit(dir Direction) {
	d := &s.dirs[dir]
	held := d.held()
	switch {
	case d.closed:
	case s.tooLarge(d):
		s.refuse(dir)
	case held > s.env.BufferLimit && !d.slowed:
		d.slowed = true
		s.owner.Flow(dir).Pause()
	case d.slowed && (held == 0 || d.collect >= 0 && held <= s.env.BufferLimit):
		d.slowed = false
		s.owner.Flow(dir).Resume()
	}
}

// refuse answers a message that is too large.
func (s *Stream) refuse(dir Direction) {
	status := 413
	if dir == ResponseDirection {
		status = 502
	}
	s.reply(Reply{Status: status})
}

// reply ends what is going on in both directions and has the owner answer.
func (s *Stream) reply(r Reply) {
	q, p := &s.dirs[RequestDirection], &s.dirs[ResponseDirection]
	slowed := q.slowed
	q.drop()
	if p.sent {
		p.drop()
	} else if p.begun { // the reply comes instead of it, straight to the sink
		sink := p.sink
		p.drop()
		p.begin(sink)
	}
	turn := q.turn
	if slowed { // the rest of the request is discarded as it comes
		s.owner.Flow(RequestDirection).Resume()
	}
	if q.turn == turn {
		s.owner.Reply(r)
	}
}
