package stream

import "strconv"

// Reason is why a message ended before its end.
type Reason uint8

const (
	// Cancelled: the other end gave up, such as a client that went away.
	Cancelled Reason = iota + 1
	// RemoteReset: the peer ended this stream, and the connection lives.
	RemoteReset
	// ConnectionLost: the connection ended under the stream.
	ConnectionLost
	// ConnectFailed: there never was a connection.
	ConnectFailed
	// Refused: the peer said that it did not process the request.
	Refused
	// ProtocolError: the peer's bytes break its protocol.
	ProtocolError
	// TimedOut: a deadline passed.
	TimedOut
	// Overflow: a limit of weir's own was reached. It is the first of those that are local.
	Overflow
	// Unsendable: weir cannot say the message in the peer's protocol.
	Unsendable
	// TooLarge: the message is over a limit of weir's own, which Err names: the request,
	// if it was not processed, otherwise the response.
	TooLarge
	// Panicked: weir failed while it worked on a connection, which it had to give up.
	Panicked
)

// Local reports whether the reason is weir's own, and so says nothing of the peer.
func (r Reason) Local() bool { return r >= Overflow }

var reasonNames = [...]string{
	Cancelled:      "cancelled",
	RemoteReset:    "reset by the peer",
	ConnectionLost: "connection lost",
	ConnectFailed:  "connect failed",
	Refused:        "refused",
	ProtocolError:  "protocol error",
	TimedOut:       "timed out",
	Overflow:       "limit reached",
	Unsendable:     "cannot be sent",
	TooLarge:       "message too large",
	Panicked:       "weir failed",
}

// String says the reason in words.
func (r Reason) String() string {
	if int(r) < len(reasonNames) && reasonNames[r] != "" {
		return reasonNames[r]
	}
	return "no reason"
}

// Reset ends a message before its end.
type Reset struct {
	Reason Reason
	// Unprocessed says that the peer provably did nothing for the request: no
	// byte of it was sent, or the peer said so.
	Unprocessed bool
	// Err is the cause where there is one; it is made ahead of time or off the
	// path of ordinary requests.
	Err error
}

// Error says the reset in words.
func (r Reset) Error() string {
	if r.Err != nil {
		return r.Reason.String() + ": " + r.Err.Error()
	}
	return r.Reason.String()
}

// Unwrap returns the cause.
func (r Reset) Unwrap() error { return r.Err }

// LimitError says that a message is larger than a limit, and by which key of the
// configuration that is raised.
type LimitError struct {
	Protocol    string
	Size, Limit int // in bytes
	Key         string
}

// LimitKey returns the key.
func (e *LimitError) LimitKey() string { return e.Key }

// Error says it in words.
func (e *LimitError) Error() string {
	return e.Protocol + ": a message of " + strconv.Itoa(e.Size) + " bytes is larger than " +
		e.Key + ", " + strconv.Itoa(e.Limit)
}
