package http2

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
	"github.com/weirproxy/weir/pkg/stream"
)

// conn is what both sides of HTTP/2 have in common: frames, windows, header
// compression and the streams.
type conn struct {
	cfg   *Config
	link  stream.Link
	heads *stream.Pool
	spare *stream.FreeList[h2stream]
	reads *stream.FreeList[fieldReader]
	side  side

	decoder *hpack.Decoder
	encoder *hpack.Encoder
	block   block        // the header block that is being collected
	long    *fieldReader // of a block that was too long, and is being dealt with

	streams table
	ready   *h2stream // a ring's entry: streams that wait for their turn to send
	unborn  *h2stream // a ring's entry: a client's streams without a number
	count   int32     // all streams
	live    int32     // those whose other end may still be called
	lastID  uint32    // the greatest number that a stream had

	// What of a DATA frame is still to come: content, then padding. Frames that are
	// ignored are all padding.
	left, skip uint32
	current    *h2stream    // whose content it is; nil for nobody's
	data       buffer.Chain // content that was not passed on to it yet

	peer                   peerSettings
	sendWindow, recvWindow int32
	owed                   int32 // of recvWindow: was taken, and is not returned yet
	unread                 int32 // answers written while the peer did not read
	waiting                int   // bytes of all streams that wait for the peer
	heldHeads              int   // bytes of the heads of requests that are under way
	flags                  connFlags
	begun                  uint8 // bytes of the preface that have come
	frames                 uint64

	budget budget
	closed memory
}

// side is what a server and a client do each in their own way.
type side interface {
	// headers takes a header block that is whole.
	headers(id uint32, flags uint8, block []byte) *Error
	// control takes a frame that concerns the connection and was dealt with as far as
	// both sides do the same: SETTINGS, an acknowledged PING, GOAWAY.
	control(t frameType, payload []byte) *Error
	// streamOver tells that there is one stream less.
	streamOver()
}

type connFlags uint16

const (
	client       connFlags = 1 << iota // this side is the client
	sawSettings                        // the peer's first SETTINGS came
	acknowledged                       // the peer has seen our SETTINGS
	pressed                            // what is written does not leave fast enough
	linkPaused                         // the link was paused
	partialHead                        // a part of a frame waits that may begin a request
	announced                          // the peer was told that a drain has begun
	ponged                             // and has seen it
	draining                           // the connection is to end with its last stream
	refusing                           // no new streams
	closing                            // nothing ever more
	greeted                            // our SETTINGS are written ahead of the client's preface
)

func (c *conn) init(cfg *Config, link stream.Link, heads *stream.Pool, side side) {
	c.cfg, c.link, c.heads, c.side = cfg, link, heads, side
	c.spare = stream.FreeListOf[h2stream](heads)
	c.reads = stream.FreeListOf[fieldReader](heads)
	c.decoder = hpack.NewDecoder(cfg.headerTableSize())
	c.encoder = hpack.NewEncoder()
	c.peer = defaultPeerSettings()
	c.sendWindow, c.recvWindow = initialWindow, initialWindow
	c.data.Init(link.Out().Pool())
}

func (c *conn) has(f connFlags) bool { return c.flags&f != 0 }

// announce writes our SETTINGS, behind a front.
func (c *conn) announce(front string) {
	out := c.link.Out()
	b := append(out.Reserve(maxPreface)[:0], front...)
	out.Commit(len(c.cfg.appendSettings(b, !c.has(client))))
	c.recvWindow = c.cfg.connWindow()
}

// read takes whole frames off in, and DATA as it comes.
func (c *conn) read(in buffer.View, pos int) (_ int, err *Error) {
	for err == nil && !c.has(closing) {
		var n int
		switch rest := in.Len() - pos; {
		case c.left > 0:
			n = min(int(c.left), rest)
			c.content(in.Slice(pos, pos+n))
		case c.skip > 0:
			n = min(int(c.skip), rest)
			c.skip -= uint32(n)
		default:
			if n, err = c.frame(in.Bytes()[pos:]); n > 0 {
				c.frames++
			}
		}
		if n == 0 {
			break
		}
		pos += n
	}
	if err != nil {
		return pos, err
	}
	c.pass()
	c.pump()
	if c.has(closing) {
		return in.Len(), nil
	}
	c.flags &^= partialHead
	if !c.has(linkPaused) && c.beginsHead(in.Bytes()[pos:]) {
		c.flags |= partialHead
	}
	return pos, nil
}

// beginsHead tells whether what is left is, or may be, the front of a header block.
func (c *conn) beginsHead(b []byte) bool {
	if len(b) > 3 {
		t := frameType(b[3])
		return t == frameHeaders || t == frameContinuation || c.live == 0
	}
	return len(b) > 0 && c.live == 0
}

// frame deals with the first frame of b, if it is whole, and returns its length. Of
// DATA, and of what is ignored, the front is enough.
func (c *conn) frame(b []byte) (n int, err *Error) {
	if len(b) < frameHeaderLen {
		return 0, nil
	}
	h := parseFrameHeader(b)
	if err := c.admit(&h); err != nil {
		return 0, err
	}
	switch h.typ {
	case frameData:
		return c.dataFrame(&h, b)
	case frameHeaders, frameContinuation, framePriority, frameRSTStream, frameSettings, framePing, frameWindowUpdate:
		n = frameHeaderLen + int(h.length)
		if len(b) < n {
			return 0, nil
		}
	case frameGoAway: // what is behind the code is for people
		n = frameHeaderLen + goAwayLen
		if len(b) < n {
			return 0, nil
		}
		c.skip = h.length - goAwayLen
	case framePushPromise:
		return 0, ErrPush
	default:
		c.skip = h.length
		return frameHeaderLen, flood(c.useless(1))
	}
	if h.typ == frameHeaders {
		if !c.has(client) && c.has(pressed) && h.stream > c.lastID {
			// Its answer would wait with the others, which the peer does not read.
			c.pauseLink()
			return 0, nil
		}
		c.pass()
		if c.has(closing) {
			return 0, nil
		}
	}
	return n, c.whole(&h, b[frameHeaderLen:n])
}

const goAwayLen = 8

// admit checks what can be told of a frame by its front.
func (c *conn) admit(h *frameHeader) *Error {
	if h.length > c.cfg.maxFrameSize() {
		return ErrFrameSize
	}
	if c.block.id != 0 && (h.typ != frameContinuation || h.stream != c.block.id) {
		return ErrContinuation
	}
	if !c.has(sawSettings) && (h.typ != frameSettings || h.has(flagAck)) {
		return ErrFirstFrame
	}
	switch h.typ {
	case frameData, framePriority, frameRSTStream:
		if h.stream == 0 {
			return ErrStreamID
		}
	case frameHeaders, frameContinuation:
		return c.admitBlock(h)
	case frameSettings:
		if h.stream != 0 {
			return ErrStreamID
		}
		if h.length%settingLen != 0 || h.has(flagAck) && h.length > 0 {
			return ErrFrameSize
		}
	case framePing, frameGoAway:
		if h.stream != 0 {
			return ErrStreamID
		}
		if h.typ == frameGoAway && h.length < goAwayLen {
			return ErrFrameSize
		}
	}
	if n, fixed := fixedLen(h.typ); fixed && h.length != n && h.typ != framePriority {
		return ErrFrameSize
	}
	return nil
}

// whole deals with a frame that is there as a whole.
func (c *conn) whole(h *frameHeader, payload []byte) *Error {
	switch h.typ {
	case frameHeaders:
		return c.headersFrame(h, payload)
	case frameContinuation:
		return c.continuationFrame(h, payload)
	case framePriority:
		return c.priorityFrame(h, payload)
	case frameRSTStream:
		return c.resetFrame(h, payload)
	case frameSettings:
		return c.settingsFrame(h, payload)
	case framePing:
		return c.pingFrame(h, payload)
	case frameGoAway:
		if !c.useless(1) {
			return ErrFlood
		}
		return c.side.control(frameGoAway, payload)
	}
	return c.windowFrame(h, payload)
}

// useless counts a frame that is of no use to us.
func (c *conn) useless(n int64) bool {
	return c.budget.control.take(peerLimits[c.budget.peer].control, n, c.link.Now())
}

func (c *conn) pauseLink() {
	if !c.has(linkPaused) {
		c.flags |= linkPaused
		c.link.Pause()
	}
}

func (c *conn) resumeLink() {
	if c.has(linkPaused) {
		c.flags &^= linkPaused
		c.link.Resume()
	}
}

// fail ends the connection for what the peer sent.
func (c *conn) fail(err *Error) {
	if c.has(closing) {
		return
	}
	c.writeGoAway(c.peersLast(), err.Code, err.Reason)
	c.shut(stream.Reset{Reason: stream.ProtocolError, Err: err})
}

// peersLast is the greatest number of a stream that the peer opened.
func (c *conn) peersLast() uint32 {
	if c.has(client) {
		return 0
	}
	return c.lastID
}

// shut ends the connection, and all streams with it.
func (c *conn) shut(r stream.Reset) {
	c.flags |= closing | refusing
	c.dropBlock()
	c.left, c.skip = 0, 0
	for {
		s := c.unborn
		if s == nil {
			s = c.streams.any()
		}
		if s == nil {
			return
		}
		reset := r
		reset.Unprocessed = reset.Unprocessed || s.id == 0
		c.endWith(s, reset)
	}
}

// wrote counts an answer that the peer made us write. It returns an error if it
// makes us write and does not read.
func (c *conn) wrote() *Error {
	if c.has(pressed) {
		if c.unread++; c.unread > maxUnread {
			return ErrUnread
		}
	}
	return nil
}

func (c *conn) writeRST(id uint32, code ErrCode) {
	if !c.has(closing) {
		out := c.link.Out()
		out.Commit(len(appendRST(out.Reserve(frameHeaderLen + 4)[:0], id, code)))
	}
}

func (c *conn) writeGoAway(last uint32, code ErrCode, why string) {
	out := c.link.Out()
	out.Commit(len(appendGoAway(out.Reserve(frameHeaderLen + goAwayLen + len(why))[:0], last, code, why)))
}
