package filter

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// direction is one message on its way through the filters. At most one filter
// stops it at a time; what comes behind the stopped part waits at the entrance:
//
//	waiting ─> filters ─> part, stopped at one of them ─> filters ─> sink
//
// The head and one piece of data may be under way together: when a filter said
// Buffer to the head, the body passes the filters before it, and joins the head.
type direction struct {
	sink       stream.Sink
	interested bool // some filter looks at this direction
	closed     bool // what comes is discarded: it is over, answered or reset
	state      state
	// turn changes whenever the direction is dropped. A hook, or the sink, may
	// cause that from within a call; what had called it then must not go on.
	turn uint32

	begun   bool         // a head has come
	sent    bool         // the sink has it
	head    *stream.Head // the owner's; nil once the sink has it
	headEnd bool
	headAt  int // how many filters have let the head pass

	part    buffer.Chain // the piece of data under way
	hasPart bool
	partEnd bool
	partAt  int // how many filters have let it pass

	collect   int // the filter that said Buffer, or -1
	collected buffer.Chain
	whole     bool // part is a whole body, before the filter that wanted it

	trailers   stream.Header
	trailered  bool // trailers have come, and are under way or wait
	trailersAt int
	appended   bool // the hook that sees the trailers has added data before them

	waiting    buffer.Chain
	waitingEnd bool
	slowed     bool // the sender was told to pause
	early      bool // resumed by the very hook that is about to pause
}

// state is what a direction is doing.
type state uint8

const (
	flowing state = iota // nothing keeps the next part
	running              // inside a hook, here or on the goroutine pool, or in the sink
	paused               // a filter said Pause
)

// kind is a kind of part.
type kind uint8

const (
	headPart kind = iota
	dataPart
	trailersPart
)

func (d *direction) begin(sink stream.Sink) {
	d.sink = sink
	d.collect = -1
	d.closed = false
}

// interest notes that a filter looks at the direction, so that it will hold parts.
func (d *direction) interest(p *buffer.Pool) {
	if !d.interested {
		d.interested = true
		d.part.Init(p)
		d.collected.Init(p)
		d.waiting.Init(p)
	}
}

// drop closes the direction and forgets everything that it holds.
func (d *direction) drop() {
	if !d.interested { // then it never held anything
		d.sink, d.begun, d.sent, d.closed = nil, false, false, true
		d.turn++
		return
	}
	d.part.Clear()
	d.collected.Clear()
	d.waiting.Clear()
	d.trailers.Clear()
	*d = direction{
		closed: true, turn: d.turn + 1,
		trailers: d.trailers, part: d.part, collected: d.collected, waiting: d.waiting,
	}
}

// complete tells whether the whole message has come.
func (d *direction) complete() bool { return d.waitingEnd || d.trailered }

// held is the number of bytes that the filters keep from going on.
func (d *direction) held() int { return d.part.Len() + d.collected.Len() + d.waiting.Len() }

// nextPart takes what waits at the entrance as the next piece of data. While a
// filter collects the body, that is once, when the message is complete.
func (d *direction) nextPart() bool {
	if d.collect >= 0 && !d.complete() {
		return false
	}
	if d.waiting.Len() == 0 && !d.waitingEnd && d.collect < 0 {
		return false
	}
	d.part.Move(&d.waiting)
	d.partEnd, d.waitingEnd = d.waitingEnd, false
	d.partAt = 0
	if d.collect >= 0 && d.part.Len() == 0 && !d.partEnd {
		d.partAt = d.collect // trailers ended the body: nothing for those before
	}
	d.hasPart = true
	return true
}

// withTrailers tells whether the trailers are to pass the next filter before the
// part does. That is so while a filter wants the body whole and the trailers are
// there: both pass the filters before it together, because one of them may add data
// when it sees the trailers.
func (d *direction) withTrailers() bool {
	if d.collect < 0 || !d.hasPart || !d.trailered {
		return false
	}
	return d.trailersAt+1 == d.partAt || d.trailersAt < d.partAt && d.part.Len() == 0
}

// add puts data before the trailers, as the next part for the filter behind the one
// that sees them. A part that is under way stands there, or is empty.
func (d *direction) add(data *buffer.Chain) {
	d.part.Move(data)
	d.hasPart, d.appended = true, true
	d.partAt = d.trailersAt + 1
}

// collects does what Buffer asks for. It returns false if there is nothing to
// wait for, and Buffer means Continue.
func (d *direction) collects(k kind) bool {
	switch {
	case k == headPart && !d.headEnd:
		d.collect = d.headAt
	case k != dataPart || d.partEnd || d.whole:
		return false
	case d.trailered && d.waiting.Len() == 0 && d.trailersAt >= d.partAt:
		d.whole = true // it is all there: the filter is shown it again, and told so
	default:
		d.collect = d.partAt
		d.collected.Move(&d.part)
		d.hasPart = false
	}
	return true
}

// gather puts what was collected before the part, for the filter that wanted it.
func (d *direction) gather() {
	d.collected.Move(&d.part)
	d.part, d.collected = d.collected, d.part
	d.collect = -1
	d.whole = true
}

// passed notes that the part has passed a filter.
func (d *direction) passed(k kind) {
	switch k {
	case headPart:
		d.headAt++
	case dataPart:
		d.whole = false
		d.partAt++
		if d.head != nil && d.headAt < d.partAt { // held until its body was whole
			d.headAt = d.partAt
			if d.head.ContentLength >= 0 {
				d.head.ContentLength = int64(d.part.Len())
			}
		}
		if d.part.Len() == 0 && !d.partEnd {
			d.hasPart = false // the filter took it all, or there was none
		}
	case trailersPart:
		d.trailersAt++
	}
}
