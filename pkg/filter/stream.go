package filter

import (
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
)

// Owner is who runs a stream through its filters: the proxy. Its two sinks are
// where each direction goes once it has passed all filters.
type Owner interface {
	// Reply answers the request in place of the upstream, which is forgotten, by
	// passing a response to the stream's Head and Data; or, when the downstream
	// sink has the head of another response already, resets that. The response
	// passes the response filters, unless it replaces one that had come to them.
	Reply(r Reply)
	// Flow returns what slows the sender of a direction down. Its Pauses and
	// Resumes take turns, a Pause first. A request that was slowed down is resumed
	// before the owner is asked for a Reply; apart from that, a Reply and the
	// stream's end leave a Pause as it is: the owner lets go of the sender then.
	Flow(d Direction) stream.Flow
	// Settled tells, after Finish returned false, that no hook of the stream is
	// running on the goroutine pool any more.
	Settled()
}

// Worker is what a stream's worker offers.
type Worker interface {
	Schedule(t *eventloop.Timer, d time.Duration, target eventloop.Expirer)
	Cancel(t *eventloop.Timer)
	Post(fn func()) bool
	Buffers() *buffer.Pool
}

// Goroutines is the bounded pool that blocking hooks run on. Submit fails at
// once when it is full.
type Goroutines interface {
	Submit(fn func()) error
}

// Env is what all streams of a worker share, of one listener.
type Env struct {
	Worker     Worker
	Goroutines Goroutines
	Rand       func() uint64 // the worker's random numbers
	// BufferLimit is how many bytes of a message a stream holds at most.
	BufferLimit int
	// Draining tells that the listener finishes what is in flight, and is about to
	// end. It changes while streams are under way.
	Draining bool
}

// Direction is one of the two messages of a stream.
type Direction uint8

// The directions.
const (
	RequestDirection Direction = iota
	ResponseDirection
)

// Reply is an answer of weir's own.
type Reply struct {
	Status int
	// Header is added to the response; nil for none.
	Header *stream.Header
	// Body is the response's text.
	Body string
	// Flags are set in the stream's info.
	Flags stream.Flags
}

// Stream is one request with its response on the way through their filters. It
// is used again for other streams: filters must not keep it after they were told
// that it is finished.
type Stream struct {
	env   *Env
	owner Owner
	info  *stream.Info
	slots []slot
	dirs  [2]direction
	tasks *task // pending AfterFuncs
	away  *away // a hook that is running on the goroutine pool
	over  bool
	late  bool // something that was put off is being done, or panicked
}

// slot is one filter of this stream.
type slot struct {
	request  Request
	response Response
	blocks   bool
}

// sees tells whether the filter looks at a direction.
func (sl *slot) sees(dir Direction) bool {
	if dir == RequestDirection {
		return sl.request != nil
	}
	return sl.response != nil
}

// Begin makes s run a new stream. Requests that passed all filters go to
// upstream, responses to downstream.
func (s *Stream) Begin(env *Env, c Chain, owner Owner, info *stream.Info, upstream, downstream stream.Sink) {
	s.env, s.owner, s.info = env, owner, info
	s.over, s.late = false, false
	s.dirs[RequestDirection].begin(upstream)
	s.dirs[ResponseDirection].begin(downstream)
	s.slots = s.slots[:0]
	for i := range c {
		l := &c[i]
		q, p := l.Filter.Attach(s)
		s.slots = append(s.slots, slot{request: q, response: p, blocks: l.blocks})
		if q != nil {
			s.dirs[RequestDirection].interest(env.Worker.Buffers())
		}
		if p != nil {
			s.dirs[ResponseDirection].interest(env.Worker.Buffers())
		}
	}
}

// Finish ends the stream: everything held is dropped, timers are stopped and
// filters told. It returns false if a hook is still running on the goroutine
// pool: then all that, and the owner's Settled, comes when it is done, and s must
// not be used until then. After a panic of a filter it is called again, and tells those
// that were not told.
func (s *Stream) Finish() bool {
	s.over = true
	for t := s.tasks; t != nil; t = t.next {
		s.env.Worker.Cancel(&t.timer)
	}
	s.tasks = nil
	if s.away != nil {
		return false
	}
	s.dropAll()
	s.tellFinished()
	return true
}

func (s *Stream) dropAll() {
	s.dirs[RequestDirection].drop()
	s.dirs[ResponseDirection].drop()
}

func (s *Stream) tellFinished() {
	for i := range s.slots {
		sl := s.slots[i]
		s.slots[i] = slot{} // told once, also if it panics
		f, ok := sl.request.(Finisher)
		if ok {
			f.Finished(s)
		}
		if g, is := sl.response.(Finisher); is && (!ok || any(g) != any(f)) {
			g.Finished(s)
		}
	}
	clear(s.slots)
	s.slots = s.slots[:0]
}

// Interrupted reports, when something on the worker has panicked, whether it was in
// what this stream's filters had put off. Calls of the owner's are not among it.
func (s *Stream) Interrupted() bool { return s.late }

// Info returns what is known of the request. Filters may set Flags in it, and
// change nothing else; a blocking hook reads only what was known when the request
// was routed.
func (s *Stream) Info() *stream.Info { return s.info }

// Rand returns a random number of the worker's.
func (s *Stream) Rand() uint64 { return s.env.Rand() }

// Draining tells whether the listener is being drained: it finishes what is in
// flight, and ends. A blocking hook must not call it.
func (s *Stream) Draining() bool { return s.env.Draining }

// Buffers returns the worker's slab pool, for filters that make data.
func (s *Stream) Buffers() *buffer.Pool { return s.env.Worker.Buffers() }

// Reply answers the request now, with a response of the filter's own. What the
// hook returns does not matter then, and no filter sees more of the request. The
// stream may be over when it returns: a hook does nothing more after it.
func (s *Stream) Reply(r Reply) {
	if a := s.away; a != nil { // on the goroutine pool: told when the hook is back
		a.reply, a.replied = r, true
		return
	}
	if s.over {
		return
	}
	s.reply(r)
}

// ResumeRequest continues a request that the calling filter paused, or is about
// to pause by what its hook returns. It does nothing if the request has ended
// meanwhile, and may end the stream before it returns.
func (s *Stream) ResumeRequest() { s.resume(RequestDirection) }

// ResumeResponse continues a response, as ResumeRequest does a request.
func (s *Stream) ResumeResponse() { s.resume(ResponseDirection) }

// AppendResponse is for ResponseTrailers hooks: it takes data as the end of the
// response's body, which the filters that have yet to see the trailers see. If the
// hook leaves the trailers empty, there are none, and the data ends the response. A
// blocking hook must not call it.
func (s *Stream) AppendResponse(data *buffer.Chain) {
	if d := &s.dirs[ResponseDirection]; !d.closed {
		d.add(data)
	}
	data.Clear()
}

// AfterFunc runs fn on the worker after d, unless the stream is over by then. A
// blocking hook must not call it.
func (s *Stream) AfterFunc(d time.Duration, fn func()) {
	if s.over { // a hook that ended the stream by what it called before
		return
	}
	t := &task{stream: s, fn: fn, next: s.tasks}
	s.tasks = t
	s.env.Worker.Schedule(&t.timer, d, t)
}

// task is a function to be run later.
type task struct {
	timer  eventloop.Timer
	stream *Stream
	fn     func()
	next   *task
}

// Expired runs the function.
func (t *task) Expired(*eventloop.Timer) {
	s := t.stream
	if s.away != nil { // fn may touch what a hook elsewhere is using
		s.env.Worker.Schedule(&t.timer, time.Millisecond, t)
		return
	}
	for p := &s.tasks; *p != nil; p = &(*p).next {
		if *p == t {
			*p = t.next
			break
		}
	}
	s.late = true
	t.fn()
	s.late = false
}
