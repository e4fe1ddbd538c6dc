package http1

import "errors"

// Error says how a message breaks the protocol or a limit. All values are made
// ahead of time, so that an error costs nothing and can be compared.
type Error struct {
	// Status is what a server answers.
	Status int
	// Reason says in a few words what is wrong; the answer's body repeats it.
	Reason string
}

// Error says the reason.
func (e *Error) Error() string { return "http1: " + e.Reason }

// LimitKey returns how configurations spell the limit that the message is over, ""
// if that is not what is wrong.
func (e *Error) LimitKey() string {
	switch e {
	case ErrHeaderTooLarge:
		return "max_header_size"
	case ErrTooManyFields:
		return "max_header_count"
	}
	return ""
}

// What is wrong with a message.
var (
	ErrMethod           = &Error{400, "invalid method"}
	ErrTarget           = &Error{400, "invalid request target"}
	ErrVersion          = &Error{400, "invalid protocol version"}
	ErrStatusLine       = &Error{400, "invalid status line"}
	ErrLineEnd          = &Error{400, "line does not end in CR LF"}
	ErrEmptyLine        = &Error{400, "more than one empty line before the request"}
	ErrFieldName        = &Error{400, "invalid field name"}
	ErrFieldValue       = &Error{400, "invalid field value"}
	ErrHost             = &Error{400, "missing, repeated or invalid Host"}
	ErrContentLength    = &Error{400, "invalid or repeated Content-Length"}
	ErrTransferEncoding = &Error{400, "invalid Transfer-Encoding"}
	ErrFraming          = &Error{400, "both Content-Length and Transfer-Encoding"}
	ErrConnection       = &Error{400, "too many names in Connection"}
	ErrChunk            = &Error{400, "invalid chunk"}
	ErrChunkExtension   = &Error{400, "chunk extensions too long"}
	ErrConnect          = &Error{405, "CONNECT is not allowed"}
	ErrTimeout          = &Error{408, "the request did not arrive in time"}
	ErrBodyTooLarge     = &Error{413, "body too large"}
	ErrLineTooLong      = &Error{414, "request line too long"}
	ErrExpect           = &Error{417, "unknown expectation"}
	ErrHeaderTooLarge   = &Error{431, "header too large"}
	ErrTooManyFields    = &Error{431, "too many header fields"}
	ErrCoding           = &Error{501, "unknown transfer coding"}
	ErrBadMessage       = &Error{502, "the response cannot be sent as it is"}
	ErrUnsupported      = &Error{505, "protocol version not supported"}
	ErrInterim          = &Error{502, "too many informational responses"}
	ErrUpgrade          = &Error{502, "upgrade that was not asked for"}
)

// How a connection can fail a stream without a message being wrong.
var (
	// ErrNoResponse is the cause of a reset when the connection ended before the
	// first byte of the response: on a connection that was used before, most
	// likely the peer had closed it while it was idle.
	ErrNoResponse = errors.New("http1: the connection ended before the response began")
	// ErrTruncated is the cause of a reset when it ended within the response.
	ErrTruncated = errors.New("http1: the connection ended within the response")
	// ErrUnsolicited is what Feed returns for bytes that no request asked for.
	ErrUnsolicited = errors.New("http1: bytes on an idle connection")
	// ErrBadRequest is the cause of a reset when a request cannot be sent without
	// misleading the server.
	ErrBadRequest = errors.New("http1: the request cannot be sent as it is")
	// ErrLength is the cause of a reset when the data of a message is not as long
	// as its head announced.
	ErrLength = errors.New("http1: data does not match the length announced")
)
