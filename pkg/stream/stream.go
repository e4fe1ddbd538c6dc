package stream

import "github.com/weirproxy/weir/pkg/buffer"

// Sink takes the parts of one message in their order: Head, then Data any
// number of times, then perhaps Trailers. The message is over with the call that
// says end, with Trailers, or with Reset. Reset ends both messages of a stream: it
// may still come to a sink whose own message is over while the other is not, and
// whoever calls it is not called back.
//
// Informational responses (status 1xx, but 101) are heads of their own, with end
// false, before the real one.
//
// All arguments are lent for the call. A receiver that needs a head longer keeps it
// (see [Head.Keep]): heads are of the worker's [Pool], and whoever lends one gives
// it back there, and does not look at it after the call. One that needs trailers
// longer takes their content (see [Header.Take]); of data it moves out what it
// wants, and must move out or discard everything. An empty chain with end is how
// a message ends whose last byte had already been passed on.
//
// Inside a call, the receiver may call back into the sender's [End], up to
// resetting the stream: a sender looks again at its own state after each call.
type Sink interface {
	Head(h *Head, end bool)
	Data(d *buffer.Chain, end bool)
	Trailers(t *Header)
	Reset(r Reset)
}

// Flow slows a source down: after Pause it passes on no data until Resume.
// What it was already passing on still arrives. The calls do not nest.
type Flow interface {
	Pause()
	Resume()
}

// End is one end of a stream, seen from its other end: the sink of what is sent
// there, and the flow of what comes from there. A codec and the proxy hold each
// other as Ends. It has six methods because both halves always travel together.
//
// A stream lives until both its messages are over. After that neither end calls
// the other again, and either may be used for another stream.
type End interface {
	Sink
	Flow
}

// Queue is an End at which data may wait that the peer does not take yet.
type Queue interface {
	// Queued returns how many bytes wait, and whether it is for the connection alone that
	// they do: the peer takes as much of this stream as there is.
	Queued() (n int, onConnection bool)
}

// Acceptor is asked by the codec of a downstream connection for the other end of
// each new stream. sender is where the response goes.
type Acceptor interface {
	NewStream(sender End) End
}

// Link is what a codec asks of the connection that carries it.
type Link interface {
	// Out is where bytes to be sent are appended. They leave at the end of the
	// loop's turn.
	Out() *buffer.Chain
	// Pause stops the reading; bytes that were not consumed stay.
	Pause()
	// Resume goes on reading, and feeds the bytes that were not consumed: later,
	// not within the call.
	Resume()
	// CloseWrite sends what is in Out and then ends this direction only.
	CloseWrite()
	// Now returns the time of this turn, in nanoseconds on the loop's clock: codecs
	// that bound rates read no other.
	Now() int64
}

// Codec runs one connection's protocol: bytes in, parts of messages out, and the
// reverse. It does no I/O, reads no clock but its link's and starts no goroutine.
type Codec interface {
	// Feed consumes bytes from the front of in and returns how many. The rest is
	// offered again, at the same place in a longer view, once more bytes came or
	// the link was resumed. An error means that the connection is of no more use:
	// what had to be said about it is in Out, and the caller closes the connection
	// once that is sent.
	Feed(in buffer.View) (n int, err error)
	// EOF tells that the peer will send nothing more; not while the link is paused,
	// but once it is resumed. It reports whether the connection still has something
	// to do: a response to send, a tunnel's other direction.
	EOF() (busy bool)
	// Pressure tells that Out has grown over its high watermark, or fallen below
	// the low one.
	Pressure(high bool)
	// Drain asks to finish what is in flight and take nothing new.
	Drain()
	// Close tells that the connection is gone. Every stream on it is reset.
	Close(r Reset)
}

// Phase is what a server-side codec is in the middle of; the connection's
// timeouts depend on it.
type Phase uint8

const (
	// Idle: no byte of a next request has come.
	Idle Phase = iota
	// ReadingHead: a request has begun, and its head is not complete.
	ReadingHead
	// Busy: at least one stream is open.
	Busy
	// Discarding: a request was answered before all of it had come, and the rest is
	// read and thrown away, which must not take for ever.
	Discarding
	// Tunnel: the connection carries opaque bytes both ways.
	Tunnel
	// Closing: nothing more will be read; what is in Out leaves, then the
	// connection is closed.
	Closing
	// Breaking: as Closing, but a close would pass for the end of a message that is
	// not whole: what is in Out leaves, then the connection is reset.
	Breaking
)

// ServerCodec is the codec of a downstream connection.
type ServerCodec interface {
	Codec
	// Phase tells what the connection is in the middle of. It is to be looked at
	// after each call into the codec, and after each part that was given to one of
	// its streams.
	Phase() Phase
	// TimedOut answers a request whose head, or body, did not arrive in time.
	// The connection is to be closed once Out is sent.
	TimedOut()
	// Features returns what the codec can do besides. It changes when the connection
	// goes on in another protocol, and otherwise never. A codec that wraps another
	// returns that one's, with what it adds.
	Features() ServerFeatures
}

// ClientCodec is the codec of an upstream connection.
type ClientCodec interface {
	Codec
	// NewStream opens a stream whose response goes to receiver. Only called when
	// Available is more than zero.
	NewStream(receiver End) End
	// Available tells how many more streams may be opened now. Zero on a
	// connection without streams means that it cannot be used again.
	Available() int
	// Features returns what the codec can do besides. It never changes.
	Features() ClientFeatures
}

// Refuser is an Acceptor that is told of requests that its codec answers itself, for
// statistics and logs.
type Refuser interface {
	// Refused tells of a request that has no stream, and why not.
	Refused(r Reset)
}

// Switcher is an Acceptor that is told when its connection goes on in another
// protocol, before the first stream in it.
type Switcher interface {
	// Switched names the protocol as configurations do.
	Switched(protocol string)
}
