package filtertest

import (
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// pauser pauses at every part for a while.
type pauser struct{}

func (f pauser) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, f }

func (pauser) request(s *filter.Stream) filter.Status {
	s.AfterFunc(3*time.Millisecond, s.ResumeRequest)
	return filter.Pause
}

func (pauser) response(s *filter.Stream) filter.Status {
	s.AfterFunc(3*time.Millisecond, s.ResumeResponse)
	return filter.Pause
}

func (f pauser) RequestHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	return f.request(s)
}
func (f pauser) RequestData(s *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return f.request(s)
}
func (f pauser) RequestTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	return f.request(s)
}
func (f pauser) ResponseHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	return f.response(s)
}
func (f pauser) ResponseData(s *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return f.response(s)
}
func (f pauser) ResponseTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	return f.response(s)
}

// bufferer wants whole bodies, together with their heads.
type bufferer struct {
	filter.PassRequest
	filter.PassResponse
}

func (f bufferer) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, f }

func (bufferer) RequestHead(*filter.Stream, *stream.Head, bool) filter.Status {
	return filter.Buffer
}

func (bufferer) ResponseHead(*filter.Stream, *stream.Head, bool) filter.Status {
	return filter.Buffer
}

// answerer answers instead of letting the part with number at pass.
type answerer struct {
	at, seen int
	done     bool
}

func (f *answerer) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, f }

func (f *answerer) part(s *filter.Stream) filter.Status {
	if f.seen++; f.seen == f.at+1 && !f.done {
		f.done = true
		s.Reply(filter.Reply{Status: 418, Body: "another filter"})
	}
	return filter.Continue
}

func (f *answerer) RequestHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	return f.part(s)
}
func (f *answerer) RequestData(s *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return f.part(s)
}
func (f *answerer) RequestTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	return f.part(s)
}
func (f *answerer) ResponseHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	return f.part(s)
}
func (f *answerer) ResponseData(s *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return f.part(s)
}
func (f *answerer) ResponseTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	return f.part(s)
}

// silent is a sink that only notes the end.
type silent struct{ ended bool }

func (e *silent) Head(_ *stream.Head, end bool) { e.ended = e.ended || end }

func (e *silent) Data(d *buffer.Chain, end bool) {
	d.Clear()
	e.ended = e.ended || end
}

func (e *silent) Trailers(*stream.Header) { e.ended = true }
func (e *silent) Reset(stream.Reset)      {}
func (e *silent) Pause()                  {}
func (e *silent) Resume()                 {}

// checkFreed takes every free slab out of a pool and gives it back, by which, if
// built with slabdebug, each is checked for having been written to since it was
// freed.
func checkFreed(p *buffer.Pool) {
	var taken []*buffer.Slab
	for size := buffer.MinSlab; ; size = min(size*4, buffer.MaxSlab) {
		for free := p.Stats().FreeBytes; free > 0; {
			taken = append(taken, p.Get(size))
			now := p.Stats().FreeBytes
			if now == free {
				break
			}
			free = now
		}
		if size == buffer.MaxSlab {
			break
		}
	}
	for _, s := range taken {
		s.Release()
	}
}
