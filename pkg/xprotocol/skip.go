package xprotocol

import (
	"errors"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// A frame that is longer than the limit is not collected. Where its front tells whose
// call it is, that call ends, the rest of the frame is stepped over as it comes, and
// the connection goes on for everybody else.

// limitKey is the key of the configuration by which the limit of frames is raised.
const limitKey = "max_frame_size"

// tooLong returns what is wrong with a frame of a size.
func (c *conn) tooLong(size int) error {
	return &stream.LimitError{Protocol: c.name, Size: size, Limit: c.maxFrame, Key: limitKey}
}

// skipTooLong begins to step over the frame that in begins with, if err says that it
// is too long and its front tells whose it is; then call is that.
func (c *conn) skipTooLong(err error, in buffer.View, call *stream.Call) bool {
	var long *stream.LimitError
	if c.preview == nil || !errors.As(err, &long) {
		return false
	}
	c.preview.Preview(in.Bytes(), call)
	c.skip = long.Size
	return true
}

// skipped steps over what of a frame that is too long is among n bytes, and returns how
// many of them it is.
func (c *conn) skipped(n int) int {
	n = min(n, c.skip)
	c.skip -= n
	return n
}

// failureOf is how a call ends whose message is refused, but not its connection.
func failureOf(err error) (r stream.Reset, ok bool) {
	var long *stream.LimitError
	if errors.As(err, &long) {
		return stream.Reset{Reason: stream.TooLarge, Err: err}, true
	}
	var message *MessageError
	ok = errors.As(err, &message)
	return stream.Reset{Reason: stream.ProtocolError, Err: err}, ok
}

// answerTo is weir's answer to a request that is not passed on.
func answerTo(r stream.Reset) Answer {
	a := Answer{Status: 502, Flags: stream.UpstreamRemoteReset}
	switch {
	case r.Reason == stream.TooLarge && r.Unprocessed:
		a.Status, a.Flags = 413, 0
	case r.Reason == stream.TooLarge:
		a.Flags = stream.UpstreamOverflow
	case r.Reason == stream.Unsendable:
		a.Status, a.Flags = 500, stream.LocalReset
	case r.Reason == stream.ProtocolError && r.Unprocessed:
		a.Status, a.Flags = 400, stream.DownstreamProtocolError
	}
	if r.Err != nil {
		a.Text = []byte(r.Err.Error())
	}
	return a
}
