package xprotocol

import (
	"errors"
	"math"
	"strconv"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// engine is a codec with its abilities and limits, as all connections of a
// listener, or all to hosts, share it.
type engine struct {
	name     string
	codec    Codec
	beats    Heartbeater // the abilities: nil without
	goAways  GoAwayer
	sealer   Sealer
	timer    Timer
	preview  Previewer
	idMask   uint64
	minID    uint64
	maxFrame int
	// maxStreams is how many requests may be under way on a connection.
	maxStreams int
	pingPong   bool
	// heartbeats makes heartbeats of clients streams that pass the filters.
	heartbeats bool
}

func newEngine(s *Spec, codec Codec) *engine {
	e := &engine{name: s.Name, codec: codec, pingPong: s.Usage == PingPong}
	e.beats, _ = codec.(Heartbeater)
	e.goAways, _ = codec.(GoAwayer)
	e.sealer, _ = codec.(Sealer)
	e.timer, _ = codec.(Timer)
	e.preview, _ = codec.(Previewer)
	e.idMask = math.MaxUint64
	if s.IDBits > 0 {
		e.idMask >>= 64 - s.IDBits
	}
	e.minID = max(s.MinID, 1)
	e.maxFrame = s.maxFrame()
	return e
}

// FrameError is why bytes are not, or not acceptably, a frame.
type FrameError struct {
	Protocol string
	Reason   string
}

// Error says it in words.
func (e *FrameError) Error() string { return e.Protocol + ": " + e.Reason }

// conn is what both sides' connections have in common: they cut frames out of
// bytes and write frames.
type conn struct {
	*engine
	link  stream.Link
	heads *stream.Pool
	big   *bigFrame // being collected; nil mostly
	skip  int       // bytes still to come of a frame that is stepped over

	paused  bool // the link was paused
	pressed bool // what is sent does not leave fast enough
}

// pauseIf stops the reading, or goes on with it.
func (c *conn) pauseIf(full bool) {
	switch {
	case full == c.paused:
	case full:
		c.paused = true
		c.link.Pause()
	default:
		c.paused = false
		c.link.Resume()
	}
}

// frame is one whole frame that came.
type frame struct {
	b    []byte
	view buffer.View // of b; or
	big  *bigFrame   // what b is a copy of
}

// bigFrame is a frame that is too long to wait for in the connection's buffer.
type bigFrame struct {
	bytes buffer.Chain
	size  int
}

// collectFrom is the length from which on a frame is collected by its connection:
// an event loop keeps no more than a slab of bytes for a codec.
const collectFrom = buffer.MaxSlab / 2

// next cuts the first frame off in. f.b is nil if it is not whole yet; then n is
// the bytes that were collected.
func (c *conn) next(in buffer.View) (f frame, n int, err error) {
	if c.big != nil {
		return c.collect(in)
	}
	size, err := c.codec.Length(in.Bytes())
	switch {
	case err != nil:
		return frame{}, 0, err
	case size > c.maxFrame:
		return frame{}, 0, c.tooLong(size)
	case size <= 0:
		return frame{}, 0, c.unmeasured(size, in.Len())
	case size <= in.Len():
		view := in.Slice(0, size)
		return frame{b: view.Bytes(), view: view}, size, nil
	case size >= collectFrom:
		c.big = &bigFrame{size: size}
		c.big.bytes.Init(c.link.Out().Pool())
		return c.collect(in)
	}
	return frame{}, 0, nil
}

func (c *conn) collect(in buffer.View) (f frame, n int, err error) {
	big := c.big
	n = min(in.Len(), big.size-big.bytes.Len())
	big.bytes.AppendView(in.Slice(0, n))
	if big.bytes.Len() < big.size {
		return frame{}, n, nil
	}
	c.big = nil
	return frame{b: big.bytes.AppendTo(make([]byte, 0, big.size)), big: big}, n, nil
}

// unmeasured returns what is wrong with a codec that cannot tell a frame's length from
// n bytes; nil if it may have more of them first.
func (c *conn) unmeasured(size, n int) error {
	switch {
	case size < 0:
		return &FrameError{c.name, "the frame's length is said to be " + strconv.Itoa(size)}
	case n >= collectFrom:
		return &FrameError{c.name, "the frame's length does not show in its first " + strconv.Itoa(n) + " bytes"}
	}
	return nil
}

// parse takes a frame apart into an empty head.
func (c *conn) parse(f *frame, h *stream.Head) (content stream.Span, err error) {
	content, err = c.codec.Parse(f.b, h)
	if err == nil && !h.KeepFrame(c.name, f.b, content) {
		err = &FrameError{c.name, "what the frame says is said to stand outside of it"}
	}
	return content, err
}

// content moves the content of a frame into dst, which is passed on at once.
func (f *frame) content(dst *buffer.Chain, at stream.Span) {
	if f.big == nil {
		dst.Lend(f.view.Slice(int(at.Off), at.End()))
		return
	}
	f.big.bytes.Discard(int(at.Off))
	dst.MoveN(&f.big.bytes, int(at.Len))
}

// drop gives up what a frame holds, and f.b with it.
func (f *frame) drop() {
	if f.big != nil {
		f.big.bytes.Clear()
	}
}

// dropBig gives up a frame that is not whole.
func (c *conn) dropBig() {
	if c.big != nil {
		c.big.bytes.Clear()
		c.big = nil
	}
}

// parts are the head and the tail of a message that is to be sent, encoded, until
// its content is complete. Their memory is used again.
type parts struct {
	bytes []byte
	tail  int // how many of the bytes
}

// set makes p the parts of a head: those it came in, or, if it was changed, anew.
func (p *parts) set(codec Codec, h *stream.Head) (err error) {
	p.tail = 0
	if h.Changed() {
		p.bytes, p.tail, err = codec.Append(p.bytes[:0], h)
		if p.tail < 0 || p.tail > len(p.bytes) {
			p.tail = 0
			return errTail
		}
		return err
	}
	p.keep(h)
	return nil
}

var errTail = errors.New("xprotocol: the codec gives the message a tail that is longer than the message")

// keep makes p the parts that a head came in.
func (p *parts) keep(h *stream.Head) {
	head, tail := h.Frame()
	p.bytes = append(append(p.bytes[:0], head...), tail...)
	p.tail = len(tail)
}

func (p *parts) head() []byte { return p.bytes[:len(p.bytes)-p.tail] }

// reset forgets the parts, and keeps memory of an ordinary size.
func (p *parts) reset() {
	p.bytes, p.tail = p.bytes[:0], 0
	if cap(p.bytes) > keepParts {
		p.bytes = nil
	}
}

const keepParts = 1 << 10

// like returns a call that was seen on a connection, nil if there was none.
func like(call *stream.Call) *stream.Call {
	if call.Kind == stream.KindHTTP {
		return nil
	}
	return call
}

// contiguous is up to which length of a content a frame is written as one piece.
const contiguous = 4 << 10

// write sends a message: its parts, with the content between them, under an id.
func (c *conn) write(p *parts, content *buffer.Chain, id uint64) {
	head, tail := p.head(), p.bytes[len(p.bytes)-p.tail:]
	n := content.Len()
	c.codec.Patch(head, id, n, len(tail))
	if c.sealer != nil {
		c.sealer.Seal(head, content, tail)
	}
	out := c.link.Out()
	if n > contiguous || len(p.bytes) > contiguous {
		out.Append(head)
		out.Move(content)
		out.Append(tail)
		return
	}
	b := append(out.Reserve(len(p.bytes) + n)[:0], head...)
	b = content.AppendTo(b)
	out.Commit(len(append(b, tail...)))
	content.Clear()
}

// ownFrame is more than any frame that weir makes itself takes, a text of
// maxText bytes in it.
const ownFrame = 4 << 10

// maxText bounds the sentence in an answer of weir's own.
const maxText = 1 << 10

// send sends a frame that encode appends.
func (c *conn) send(encode func(dst []byte) []byte) {
	out := c.link.Out()
	room := out.Reserve(ownFrame)
	b := encode(room[:0])
	if len(b) > 0 && &b[0] == &room[0] {
		out.Commit(len(b))
		return
	}
	out.Commit(0)
	out.Append(b)
}

// maxBeat bounds the content of a heartbeat that is sent back.
const maxBeat = 64

// answerHeartbeat answers a heartbeat of the peer.
func (c *conn) answerHeartbeat(call *stream.Call, content []byte, ok bool) {
	if c.beats != nil {
		content = content[:min(len(content), maxBeat)]
		c.send(func(dst []byte) []byte { return c.beats.HeartbeatAnswer(dst, call, content, ok) })
	}
}
