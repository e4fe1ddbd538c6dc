package filtertest

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// end is where a direction goes behind the filters. It records what arrives and
// checks that it is a message.
type end struct {
	x *Exchange
	d filter.Direction
}

func (e *end) message() *Message {
	if e.d == filter.RequestDirection {
		return &e.x.Upstream
	}
	return &e.x.Downstream
}

func (e *end) Head(h *stream.Head, over bool) {
	m := e.message()
	if m.Head != nil {
		e.x.t.Errorf("a second head arrived")
	}
	m.Head = &stream.Head{}
	m.Head.CopyFrom(h)
	e.arrived(over)
}

func (e *end) Data(d *buffer.Chain, over bool) {
	m := e.message()
	if m.Head == nil {
		e.x.t.Errorf("data arrived before the head")
	}
	if d.Len() == 0 && !over {
		e.x.t.Errorf("an empty piece of data arrived that does not end the message")
	}
	m.Body = d.AppendTo(m.Body)
	d.Clear()
	e.arrived(over)
}

func (e *end) Trailers(t *stream.Header) {
	m := e.message()
	if m.Head == nil {
		e.x.t.Errorf("trailers arrived before the head")
	}
	m.Trailers = &stream.Header{}
	m.Trailers.CopyFrom(t)
	e.arrived(true)
}

func (e *end) Reset(stream.Reset) { e.message().Reset = true }

func (e *end) arrived(over bool) {
	m := e.message()
	switch {
	case e.x.finished:
		e.x.t.Errorf("a part arrived after the stream was finished")
	case m.Ended:
		e.x.t.Errorf("a part arrived behind the end of its message")
	}
	m.Ended = m.Ended || over
	if e.x.arrives != nil {
		e.x.arrives(e.d)
	}
}
