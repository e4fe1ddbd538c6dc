package grpc

import "github.com/weirproxy/weir/pkg/stream"

// The headers that say what became of a call: in the trailers of a response, or in
// its head if it has nothing else.
const (
	HeaderStatus  = "grpc-status"
	HeaderMessage = "grpc-message"
	// HeaderDetails is a google.rpc.Status in base64, which says more.
	HeaderDetails = "grpc-status-details-bin"
)

// ReadStatus returns the status that trailers, or the head of a response that has
// no other part, tell of; ok is false if they tell of none. One that is not a
// number is Unknown.
func ReadStatus(h *stream.Header) (c Code, ok bool) {
	value, ok := h.Get(HeaderStatus)
	if !ok {
		return Unknown, false
	}
	return parseCode(value), true
}

// SetStatus makes trailers, or the head of a response that has no other part, tell
// of a status. message is text, encoded here; if it is "", there is none.
func SetStatus[T ~string | ~[]byte](h *stream.Header, c Code, message T) {
	h.Set(HeaderStatus, c.digits())
	if len(message) == 0 {
		h.Del(HeaderMessage)
		return
	}
	var memory [3 * 128]byte // enough for what weir says itself; more is allocated
	h.SetBytes(HeaderMessage, AppendMessage(memory[:0], message))
}

// Answer makes h, which holds an answer of weir's own, one that a client of gRPC
// understands: a response with nothing but a head, of status 200, as the call's
// own status is in a field. Other fields stay. contentType is the request's; the
// answer's says the same of how messages are encoded.
//
// The answer's body, if it had one, must not be sent: the head ends it.
func Answer(h *stream.Head, contentType []byte, c Code, message string) {
	var memory [64]byte
	value := append(memory[:0], ContentType...)
	if subtype, _ := Subtype(contentType); len(subtype) > 0 {
		value = append(append(value, '+'), subtype...)
	}
	h.Status = 200
	h.ContentLength = -1
	h.DelID(stream.ContentLength)
	h.SetBytes("Content-Type", value)
	SetStatus(&h.Header, c, message)
}
