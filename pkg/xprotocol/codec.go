package xprotocol

import (
	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// Codec is what the author of a protocol writes: how its frames look. It does no
// I/O and keeps nothing between calls; one value serves all connections of all
// workers at once, so it must not change.
//
// A frame is a head, the content, and perhaps a tail behind the content: what a
// proxy must know stands in head and tail, the content passes through unread.
// Everything beyond the form of frames is the package's: ids, pools, timeouts,
// heartbeats, retries, drain, statistics.
type Codec interface {
	// Length returns the length of the frame that b begins with, tail included, as
	// soon as b has enough bytes to tell; 0 until then. An error means that b does
	// not begin a frame, and ends the connection. The length may exceed b, and any
	// limit: the caller checks it before it collects so much. It must tell within
	// 64 KiB. b is not empty, and like everything here it must not be written to. A
	// length that cannot be, such as one below zero, counts as an error.
	Length(b []byte) (n int, err error)

	// Parse takes apart b, which is one whole frame as Length measured it, and
	// returns which part of it is the content. It fills, of an empty head, what the
	// frame has of: RPC.Call, RPC's attributes and Fields (both as spans of b), and
	// of a response Status, in HTTP's numbers. An exception that the method threw is
	// its answer: it has the Status of one, and RPC.Exception. b is lent for the call. An error ends
	// the connection; a [MessageError] ends this one call, if RPC.Call was filled.
	Parse(b []byte, h *stream.Head) (content stream.Span, err error)

	// Patch sets the message's id in an encoded head, and the lengths in it to those
	// of a content and a tail of these lengths, in place. Where ids have no fixed
	// width, Parse sets RPC.Anew, and Append writes an id of the greatest width.
	Patch(head []byte, id uint64, content, tail int)

	// Append encodes the head and the tail of h anew, because its fields or
	// attributes were changed, behind one another, and returns dst with them and
	// how many of these bytes are the tail. Id and lengths may be anything: Patch is
	// called later. What was not changed keeps its bytes; [stream.Head.Frame] has
	// the frame as it came. An error means that the change cannot be expressed, for
	// instance because a length would not fit its field.
	Append(dst []byte, h *stream.Head) (out []byte, tail int, err error)

	// Answer appends a whole frame that answers a request in the proxy's name, in
	// the form in which the request came and with its id.
	Answer(dst []byte, to *stream.Call, a Answer) []byte
}

// MessageError is an error of a message whose frame is well: where it ends and whose
// it is are sure. A request is answered by it, a response fails the request that it
// answers, and the connection goes on.
type MessageError struct{ Reason string }

// Error says it in words.
func (e *MessageError) Error() string { return e.Reason }

// Answer is an answer of weir's own to a request.
type Answer struct {
	// Status says what happened, in HTTP's numbers.
	Status int
	// Flags say more exactly why.
	Flags stream.Flags
	// Text is a sentence for whoever reads the caller's log.
	Text []byte
}

// What follows are abilities that a Codec has if its protocol does.

// Heartbeater is a Codec whose protocol has heartbeats.
type Heartbeater interface {
	// Heartbeat appends a heartbeat. like is the last request on the connection,
	// whose form it takes; nil if there was none.
	Heartbeat(dst []byte, id uint64, like *stream.Call) []byte
	// HeartbeatAnswer appends the answer to a heartbeat whose content is given. ok
	// is false if it is to say that the proxy is not well; a protocol that cannot
	// say that appends nothing.
	HeartbeatAnswer(dst []byte, to *stream.Call, content []byte, ok bool) []byte
}

// GoAwayer is a Codec whose protocol can announce that no new requests are taken
// on a connection.
type GoAwayer interface {
	// GoAway appends the announcement. like is the last request on the connection,
	// nil if there was none. It appends nothing where the peer could not take it.
	GoAway(dst []byte, id uint64, like *stream.Call) []byte
}

// Sealer is a Codec whose frames have a checksum, or anything else that depends on
// all of the frame.
type Sealer interface {
	// Seal puts it into the head or the tail, of a frame that is otherwise ready.
	// head and tail are to be changed in place.
	Seal(head []byte, content *buffer.Chain, tail []byte)
}

// Timer is a Codec whose requests say how long their sender waits.
type Timer interface {
	// SetTimeout sets that time in an encoded head.
	SetTimeout(head []byte, call *stream.Call)
}

// Previewer is a Codec that can tell the id and the kind of a frame from its first
// bytes, so that one that is too big can be answered instead of ending the
// connection.
type Previewer interface {
	// Preview fills call from the front of a frame whose Length is known.
	Preview(b []byte, call *stream.Call)
}
