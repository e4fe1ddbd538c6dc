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
	headSent      // a client: the request's head is written
	replied       // a client: bytes of the response came
	sinkPaused    // the sink wants no data
	mustClose     // the connection ends with this exchange

	// What follows outlasts the message.

	linkPaused // the link was paused
	pressed    // what was written does not leave fast enough
	draining   // no new message after this one
	cutShort   // what was written ends with the connection, and is not whole

	ofMessage = linkPaused - 1
)

// reader takes messages apart. Both sides of HTTP/1 are one.
type reader struct {
	cfg   *Config
	link  stream.Link
	heads *stream.Pool

	head *stream.Head // the head, or the trailers, that are being read
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
	if inBody(r.state) {
		r.resumeLink()
	}
}

func inBody(s state) bool { return s >= inLength && s <= untilEOF || s == tunnel }

// cut returns the first line of b without its end, and its length with it; n is
// 0 if b has no whole line.
func (r *reader) cut(b []byte, limit int, tooLong *Error) (line []byte, n int, err *Error) {
	i := bytes.IndexByte(b[r.scanned:], '\n')
	if i < 0 {
		if len(b) > limit {
			return nil, 0, tooLong
		}
		r.scanned = uint32(len(b))
		return nil, 0, nil
	}
	i += int(r.scanned)
	r.scanned = 0
	if i > limit+1 {
		return nil, 0, tooLong
	}
	if i == 0 || b[i-1] != '\r' {
		return nil, 0, ErrLineEnd
	}
	return b[:i-1], i + 1, nil
}

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
	r.scanned = 0
}
