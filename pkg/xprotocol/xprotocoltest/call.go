package xprotocoltest

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// Call is one stream, seen by what stands behind the connection: what came of the
// one message, and where the other one goes.
type Call struct {
	// End is where the other message goes; see [Call.Pass].
	End stream.End
	// Head is a copy of the head that came; nil before.
	Head    *stream.Head
	Content []byte
	// Ended tells that the message came to its end, GivenUp that it will not.
	Ended   bool
	GivenUp *stream.Reset
	// Faults are parts that came in a wrong order.
	Faults []string

	arrived func(*Call)
}

// Receiver returns what takes the parts of the message that comes.
func (c *Call) Receiver() stream.End { return receiver{c} }

// Pass sends the message that a frame is. The head is parsed, so that the
// connection sees what it would see of a real one.
func (c *Call) Pass(s xprotocol.Spec, frame []byte) error {
	h, content, err := parse(s, frame)
	if err != nil {
		return err
	}
	c.Send(h, content)
	return nil
}

// Send sends a message.
func (c *Call) Send(h *stream.Head, content []byte) {
	if len(content) == 0 {
		c.End.Head(h, true)
		return
	}
	c.End.Head(h, false)
	var pool buffer.Pool
	var d buffer.Chain
	d.Init(&pool)
	d.Append(content)
	c.End.Data(&d, true)
	d.Clear()
}

// String says what came.
func (c *Call) String() string {
	var b strings.Builder
	if h := c.Head; h != nil {
		fmt.Fprintf(&b, "%+v %d %s", h.RPC.Call, h.Status, describe(h))
	}
	fmt.Fprintf(&b, " content %q ended %v", c.Content, c.Ended)
	if c.GivenUp != nil {
		fmt.Fprintf(&b, " given up: %v", c.GivenUp)
	}
	for _, f := range c.Faults {
		fmt.Fprintf(&b, " FAULT: %s", f)
	}
	return b.String()
}

// parse takes a whole frame apart, into a head that keeps its frame.
func parse(s xprotocol.Spec, frame []byte) (h *stream.Head, content []byte, err error) {
	h = &stream.Head{}
	h.Clear()
	span, err := s.Codec.Parse(frame, h)
	if err != nil {
		return nil, nil, err
	}
	if int(span.Off) > len(frame) || span.End() > len(frame) {
		return nil, nil, fmt.Errorf("the content is said to be from %d to %d of %d bytes", span.Off, span.End(), len(frame))
	}
	h.KeepFrame(s.Name, frame, span)
	return h, frame[span.Off:span.End()], nil
}

// describe lists the attributes and the fields of a head.
func describe(h *stream.Head) string {
	var b strings.Builder
	for a := stream.Service; a <= stream.Group; a++ {
		v, ok := h.Attribute(a)
		fmt.Fprintf(&b, "%q %v|", v, ok)
	}
	for i := range h.Len() {
		name, value := h.At(i)
		fmt.Fprintf(&b, " %q=%q", name, value)
		if h.NullAt(i) {
			b.WriteString("(none)")
		}
	}
	return b.String()
}

// receiver takes the parts of a call's message.
type receiver struct{ call *Call }

func (r receiver) fault(format string, args ...any) {
	r.call.Faults = append(r.call.Faults, fmt.Sprintf(format, args...))
}

// Head implements [stream.Sink].
func (r receiver) Head(h *stream.Head, end bool) {
	if r.call.Head != nil {
		r.fault("a second head")
	}
	r.call.Head = &stream.Head{}
	r.call.Head.CopyFrom(h)
	r.part(end)
}

// Data implements [stream.Sink].
func (r receiver) Data(d *buffer.Chain, end bool) {
	if r.call.Head == nil {
		r.fault("data before the head")
	}
	r.call.Content = d.AppendTo(r.call.Content)
	d.Clear()
	r.part(end)
}

// Trailers implements [stream.Sink].
func (r receiver) Trailers(*stream.Header) { r.fault("trailers, which frames do not have") }

// Reset implements [stream.Sink].
func (r receiver) Reset(why stream.Reset) {
	if r.call.GivenUp != nil {
		r.fault("a second reset")
	}
	r.call.GivenUp = &why
}

// Pause implements [stream.Flow].
func (r receiver) Pause() {}

// Resume implements [stream.Flow].
func (r receiver) Resume() {}

func (r receiver) part(end bool) {
	c := r.call
	if c.Ended || c.GivenUp != nil {
		r.fault("a part behind the end")
	}
	if c.Ended = c.Ended || end; end && c.arrived != nil {
		c.arrived(c)
	}
}
