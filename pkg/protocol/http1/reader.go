package http1

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// state is what a connection reads next.
type state uint8

const (
	idle        state = iota // the first line of a message; a client: none is due
	inStatus                 // a status line
	inFields                 // a field line, or the empty line behind them
	inLength                 // the rest of a body with a Content-Length
	inChunkSize              // the line before a chunk
	inChunk                  // the rest of a chunk's data
	inChunkEnd               // CR LF behind a chunk's data
	inTrailers               // a trailer line, or the empty line behind them
	untilEOF                 // a body that ends with the connection
	awaiting                 // nothing until the message the other way is over
	upgrading                // nothing until an upgrade is accepted
	tunnel                   // opaque bytes
	closing                  // nothing ever more
)

// flags are what is known about a message, and about its connection.
type flags uint32

const (
	sawHost flags = 1 << iota
	sawLength
	sawCoding     // Transfer-Encoding: chunked
	sawUpgrade    // one Upgrade field, for a protocol that may be upgraded to
	badUpgrade    // any other Upgrade field
	connClose     // Connection: close
	connKeepAlive // Connection: keep-alive
	connUpgrade   // Connection: upgrade
	nominates     // Connection lists other names
	absolute      // the request target names the authority
	expects       // Expect: 100-continue
	sawEmptyLine  // the empty line that may precede a request
	isHead        // the request's method is HEAD
	isConnect     // the request's method is CONNECT
	isOld         // the message is HTTP/1.0
	isOpaque      // the request asks for opaque bytes
	tunnelled     // and was granted them
	bodyBegun     // body bytes were read
	oneWayOver    // the message that is written is over
	discards      // a server: and so the rest of the one that is read is thrown away
	headSent      // a client: the request's head is written
	replied       // a client: bytes of the response came
	sinkPaused    // the sink wants no data
	mustClose     // the connection ends with this exchange

	// What follows outlasts the message.

	linkPaused // the link was paused
	pressed    // what was written does not leave fast enough
	draining   // no new message after this one
	cutShort   // what was written ends with the connection, and is not whole
	ofServer   // the messages are responses

	ofMessage = linkPaused - 1
)

// reader takes messages apart. Both sides of HTTP/1 are one.
type reader struct {
	cfg   *Config
	link  stream.Link
	heads *stream.Pool

	head *stream.Head // the head, or the trailers, that are being read
	long *longLine    // the front of a line that is too long to wait for in the input
	data buffer.Chain // body bytes of this Feed, not yet passed on
	left int64        // bytes to come, of the body or of the chunk
	body int64        // bytes of a chunked body up to now

	size    uint32 // bytes of the header up to now; of unpaid chunk extensions
	scanned uint32 // bytes at the front of the input that have no LF
	flags   flags
	count   uint16 // fields up to now
	state   state
}

func (r *reader) init(cfg *Config, link stream.Link, heads *stream.Pool) {
	r.cfg, r.link, r.heads = cfg, link, heads
	r.data.Init(link.Out().Pool())
}

func (r *reader) has(f flags) bool { return r.flags&f != 0 }

// pauseLink stops the reading until resumeLink. The link is not paused for every
// request that waits for its response, but only once bytes come meanwhile, so
// that requests one at a time cost no call.
func (r *reader) pauseLink() {
	if !r.has(linkPaused) {
		r.flags |= linkPaused
		r.link.Pause()
	}
}

func (r *reader) resumeLink() {
	if r.has(linkPaused) {
		r.flags &^= linkPaused
		r.link.Resume()
	}
}

// holdData makes the source pass on no data, by request of its sink.
func (r *reader) holdData() {
	r.flags |= sinkPaused
	if inBody(r.state) {
		r.pauseLink()
	}
}

func (r *reader) releaseData() {
	r.flags &^= sinkPaused
	if inBody(r.state) || r.state == inStatus { // a client pauses between informational responses, too
		r.resumeLink()
	}
}

func inBody(s state) bool { return s >= inLength && s <= untilEOF || s == tunnel }

// cut returns the first line of b without its end, and how many bytes of b it takes.
// The line is nil if b does not have its end; n is then 0, or the bytes of it that
// were taken already.
func (r *reader) cut(b []byte, limit int, tooLong *Error) (line []byte, n int, err *Error) {
	i := bytes.IndexByte(b[r.scanned:], '\n')
	if i < 0 {
		return r.waitForLine(b, limit, tooLong)
	}
	n = i + int(r.scanned) + 1
	r.scanned = 0
	line = b[:n]
	if r.long != nil {
		line = r.long.end(line)
		r.long = nil
	}
	switch end := len(line) - 2; {
	case end > limit:
		return nil, 0, tooLong
	case end < 0 || line[end] != '\r':
		return nil, 0, ErrLineEnd
	default:
		return line[:end], n, nil
	}
}

// waitForLine notes that b has no whole line.
func (r *reader) waitForLine(b []byte, limit int, tooLong *Error) (line []byte, n int, err *Error) {
	switch {
	case r.long.len()+len(b) > limit+1: // with the CR
		return nil, 0, tooLong
	case r.long == nil && len(b) < inputLine:
		r.scanned = uint32(len(b))
		return nil, 0, nil
	}
	if r.long == nil {
		r.long = &longLine{}
	}
	r.long.b = append(r.long.b, b...)
	r.scanned = 0
	return nil, len(b), nil
}

// inputLine is how much of a line is left in the connection's input until its end
// comes: less than a connection keeps for its codec, which is buffer.MaxSlab, and
// more than most lines have.
const inputLine = buffer.MaxSlab / 4

// longLine is the front of a line that is longer. Its length was checked.
type longLine struct{ b []byte }

func (l *longLine) len() int {
	if l == nil {
		return 0
	}
	return len(l.b)
}

// end returns the whole line.
func (l *longLine) end(b []byte) []byte { return append(l.b, b...) }

// version returns the minor version of HTTP/1.
func version(b []byte) (minor uint8, err *Error) {
	if len(b) != 8 || string(b[:5]) != "HTTP/" || b[6] != '.' ||
		b[5] < '0' || b[5] > '9' || b[7] < '0' || b[7] > '9' {
		return 0, ErrVersion
	}
	if b[5] != '1' {
		return 0, ErrUnsupported
	}
	return min(b[7]-'0', 1), nil
}

// next forgets the message, and keeps what is known about the connection.
func (r *reader) next() {
	r.flags &^= ofMessage
	r.size, r.count, r.body = 0, 0, 0
	r.state = idle
}

// drop gives back the head, or trailers, that were being read.
func (r *reader) drop() {
	if r.head != nil {
		r.heads.Put(r.head)
		r.head = nil
	}
	r.scanned, r.long = 0, nil
}
