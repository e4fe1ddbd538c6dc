package http2

import (
	"errors"
	"strconv"

	"github.com/weirproxy/weir/pkg/stream"
)

// ErrCode is an error code of RFC 9113, section 7.
type ErrCode uint32

// The error codes.
const (
	NoError            ErrCode = 0x0
	ProtocolError      ErrCode = 0x1
	InternalError      ErrCode = 0x2
	FlowControlError   ErrCode = 0x3
	SettingsTimeout    ErrCode = 0x4
	StreamClosed       ErrCode = 0x5
	FrameSizeError     ErrCode = 0x6
	RefusedStream      ErrCode = 0x7
	Cancel             ErrCode = 0x8
	CompressionError   ErrCode = 0x9
	ConnectError       ErrCode = 0xa
	EnhanceYourCalm    ErrCode = 0xb
	InadequateSecurity ErrCode = 0xc
	HTTP11Required     ErrCode = 0xd
)

var codeNames = [...]string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String returns the code's name in RFC 9113.
func (c ErrCode) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "error code " + strconv.FormatUint(uint64(c), 10)
}

// Error is what ends a stream or a connection.
type Error struct {
	// Code is what the peer is told, or told us.
	Code ErrCode
	// Connection tells that it ends the connection, and not one stream alone.
	Connection bool
	// Reason says in a few words what is wrong.
	Reason string
}

// Error says the reason and the code.
func (e *Error) Error() string { return "http2: " + e.Reason + " (" + e.Code.String() + ")" }

// ResetCode returns the code as the frames that carry it have it.
func (e *Error) ResetCode() uint32 { return uint32(e.Code) }

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

// What is wrong with a connection. All values are made ahead of time, so that an
// error costs nothing and can be compared.
var (
	ErrPreface       = &Error{ProtocolError, true, "invalid connection preface"}
	ErrFirstFrame    = &Error{ProtocolError, true, "the first frame is no SETTINGS"}
	ErrFrameSize     = &Error{FrameSizeError, true, "a frame has an impossible length"}
	ErrStreamID      = &Error{ProtocolError, true, "a frame has an impossible stream"}
	ErrIdleStream    = &Error{ProtocolError, true, "a frame on a stream that was not opened"}
	ErrStreamOver    = &Error{StreamClosed, true, "a frame on a stream that is over"}
	ErrPadding       = &Error{ProtocolError, true, "more padding than payload"}
	ErrContinuation  = &Error{ProtocolError, true, "a header block is interrupted, or continued where there is none"}
	ErrPush          = &Error{ProtocolError, true, "PUSH_PROMISE, which is disabled"}
	ErrSetting       = &Error{ProtocolError, true, "invalid value of a setting"}
	ErrSettingsAck   = &Error{ProtocolError, true, "an acknowledgement of SETTINGS that were not sent"}
	ErrWindow        = &Error{FlowControlError, true, "a flow-control window is overrun"}
	ErrWindowGrowth  = &Error{FlowControlError, true, "a flow-control window grows too large"}
	ErrNoIncrement   = &Error{ProtocolError, true, "an increment of 0"}
	ErrCompression   = &Error{CompressionError, true, "invalid header compression"}
	ErrBlockTooLarge = &Error{EnhanceYourCalm, true, "header block too large"}
	ErrBlockFrames   = &Error{EnhanceYourCalm, true, "header block in too many frames"}
	ErrFlood         = &Error{EnhanceYourCalm, true, "too many frames that have no use"}
	ErrResets        = &Error{EnhanceYourCalm, true, "too many streams are reset"}
	ErrUnread        = &Error{EnhanceYourCalm, true, "answers are not read"}
)

// What is wrong with one stream.
var (
	ErrStreamWindow   = &Error{FlowControlError, false, "the stream's flow-control window is overrun"}
	ErrStreamGrowth   = &Error{FlowControlError, false, "the stream's flow-control window grows too large"}
	ErrZeroIncrement  = &Error{ProtocolError, false, "an increment of 0"}
	ErrDependency     = &Error{ProtocolError, false, "a stream depends on itself"}
	ErrPrioritySize   = &Error{FrameSizeError, false, "a PRIORITY frame has an impossible length"}
	ErrHalfClosed     = &Error{StreamClosed, false, "a frame behind the end of the message"}
	ErrClosed         = &Error{StreamClosed, false, "a frame on a stream that was reset"}
	ErrTooMany        = &Error{RefusedStream, false, "too many streams"}
	ErrDraining       = &Error{RefusedStream, false, "the connection takes no new streams"}
	ErrPseudo         = &Error{ProtocolError, false, "missing, repeated, unknown or misplaced pseudo-header"}
	ErrMethod         = &Error{ProtocolError, false, "invalid :method"}
	ErrScheme         = &Error{ProtocolError, false, "invalid :scheme"}
	ErrPath           = &Error{ProtocolError, false, "invalid :path"}
	ErrAuthority      = &Error{ProtocolError, false, "missing or invalid :authority, or another one in Host"}
	ErrProtocol       = &Error{ProtocolError, false, "invalid :protocol"}
	ErrStatus         = &Error{ProtocolError, false, "invalid :status"}
	ErrFieldName      = &Error{ProtocolError, false, "invalid field name"}
	ErrFieldValue     = &Error{ProtocolError, false, "invalid field value"}
	ErrHopField       = &Error{ProtocolError, false, "a field that belongs to HTTP/1 connections"}
	ErrContentLength  = &Error{ProtocolError, false, "invalid or repeated Content-Length"}
	ErrLength         = &Error{ProtocolError, false, "data does not match the length announced"}
	ErrTrailers       = &Error{ProtocolError, false, "trailers that do not end the message"}
	ErrNoHead         = &Error{ProtocolError, false, "data in front of the head"}
	ErrInterim        = &Error{ProtocolError, false, "invalid or too many informational responses"}
	ErrHeaderTooLarge = &Error{Cancel, false, "header too large"}
	ErrTooManyFields  = &Error{Cancel, false, "too many header fields"}
	ErrBodyTooLarge   = &Error{Cancel, false, "body too large"}
	// ErrBadMessage is the cause of a reset when a message cannot be sent as it is.
	ErrBadMessage = &Error{InternalError, false, "the message cannot be sent as it is"}
	// ErrNoUpgrade is the cause of a reset when the peer knows no extended CONNECT.
	ErrNoUpgrade = &Error{ConnectError, false, "the host takes no upgrades"}
	// ErrGoAway is the cause of a reset when the peer said that it does not process
	// the stream.
	ErrGoAway = &Error{NoError, false, "the host takes no more requests on the connection"}
)

// refusal is an answer of a server's own to a request that is well-formed and not
// passed on.
type refusal struct {
	status int
	cause  *Error
}

// Error says the cause.
func (r *refusal) Error() string { return r.cause.Error() }

var (
	errNoConnect      = &refusal{405, &Error{Cancel, false, "CONNECT is not allowed"}}
	errLongBody       = &refusal{413, ErrBodyTooLarge}
	errExpectation    = &refusal{417, &Error{Cancel, false, "unknown expectation"}}
	errLongHeader     = &refusal{431, ErrHeaderTooLarge}
	errBadAnswer      = &refusal{502, ErrBadMessage}
	errOtherProtocols = &refusal{501, &Error{Cancel, false, "unknown protocol to upgrade to"}}
)

var remoteResets = makeRemoteResets()

func makeRemoteResets() (t [14]*Error) {
	for i := range t {
		t[i] = &Error{ErrCode(i), false, "reset by the peer"}
	}
	return t
}

// resetOf is what a stream's other end is told of a RST_STREAM.
func resetOf(code ErrCode) stream.Reset {
	r := stream.Reset{Reason: stream.RemoteReset, Err: remoteResets[InternalError]}
	if int(code) < len(remoteResets) {
		r.Err = remoteResets[code]
	}
	return r
}

// codeOf is what the peer is told when a stream's other end gives it up. What
// another HTTP/2 peer said is passed on.
func codeOf(r stream.Reset) ErrCode {
	var e *Error
	if r.Reason == stream.RemoteReset && errors.As(r.Err, &e) && !e.Connection {
		return e.Code
	}
	switch r.Reason {
	case stream.Cancelled, stream.TimedOut:
		return Cancel
	case stream.Overflow:
		return EnhanceYourCalm
	case stream.Refused:
		if r.Unprocessed {
			return RefusedStream
		}
	}
	return InternalError
}
