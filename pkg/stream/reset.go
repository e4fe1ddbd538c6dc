package stream

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
	// Overflow: a limit of weir's own was reached.
	Overflow
	// TooLarge: the message is over a limit of weir's own, which Err names.
	TooLarge
)

var reasonNames = [...]string{
	Cancelled:      "cancelled",
	RemoteReset:    "reset by the peer",
	ConnectionLost: "connection lost",
	ConnectFailed:  "connect failed",
	Refused:        "refused",
	ProtocolError:  "protocol error",
	TimedOut:       "timed out",
	Overflow:       "limit reached",
	TooLarge:       "message too large",
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
