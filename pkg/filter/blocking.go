package filter

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// away is a hook that is running on the goroutine pool. Until it is back, the
// worker moves neither direction of its stream, and only collects what arrives.
type away struct {
	stream  *Stream
	dir     Direction
	kind    kind
	filter  int
	status  Status
	reply   Reply
	replied bool
	// A copy of the data, from a pool of its own: the worker's must not be used
	// from another goroutine.
	slabs buffer.Pool
	data  buffer.Chain
}

// stepAway runs a hook on the goroutine pool.
func (s *Stream) stepAway(dir Direction, k kind, i int) {
	d := &s.dirs[dir]
	a := &away{stream: s, dir: dir, kind: k, filter: i}
	if k == dataPart {
		a.data.Init(&a.slabs)
		a.data.Append(d.part.AppendTo(nil))
	}
	s.away = a
	if err := s.env.Goroutines.Submit(a.run); err != nil {
		s.away = nil
		s.reply(Reply{Status: 503, Flags: stream.LocalReset})
	}
}

// run is what the goroutine pool runs.
func (a *away) run() {
	returned := false
	defer func() {
		if !returned { // it panicked, which is the pool's to report
			a.reply, a.replied = Reply{Status: 500, Flags: stream.LocalReset}, true
		}
		a.stream.env.Worker.Post(a.back)
	}()
	a.status = a.stream.call(a.dir, a.kind, a.filter, &a.data)
	returned = true
}

// back continues on the worker.
func (a *away) back() {
	s := a.stream
	s.away = nil
	s.late = true
	a.goOn()
	s.late = false
}

// goOn does what the hook said.
func (a *away) goOn() {
	s := a.stream
	switch d := &s.dirs[a.dir]; {
	case s.over:
		s.settled()
		return
	case a.replied:
		s.reply(a.reply)
	default:
		if a.kind == dataPart {
			d.part.Clear()
			d.part.Append(a.data.AppendTo(nil))
		}
		s.settle(d, a.kind, a.status)
	}
	// Either direction may have waited; the first may end the stream.
	s.advance(RequestDirection)
	s.advance(ResponseDirection)
}

// settled ends a stream that was finished while a hook was away.
func (s *Stream) settled() {
	owner := s.owner
	s.dropAll()
	s.tellFinished()
	owner.Settled()
}
