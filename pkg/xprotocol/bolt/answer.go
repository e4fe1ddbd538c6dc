package bolt

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// An answer of the proxy's own is a status, which tells a program what to do, and a
// content, which tells its author why. What real clients make of the two, tried
// with sofa-rpc-all 5.13.2 (bolt 1.6.10) and sofa-rpc-node 2.10.0 (sofa-bolt-node
// 2.0.1), in both versions of the frame:
//
//	status  Java, on SofaRPC              Java, on bolt alone        retried by SofaRPC
//	3       CLIENT_UNDECLARED_ERROR 299   InvokeException            no
//	4       SERVER_BUSY 100               InvokeServerBusyException  yes
//	6       CLIENT_UNDECLARED_ERROR 299   InvokeException            no
//	7       SofaTimeOutException 200      InvokeTimeoutException     yes
//	9       CLIENT_UNDECLARED_ERROR 299   CodecException             no
//	0x10    CLIENT_NETWORK 250            ConnectionClosedException  no
//
// (That is for calls that wait. A future fails with bolt's exception itself. To a
// callback, SofaRPC reports all but 7 as SERVER_UNDECLARED_ERROR 199, with bolt's
// exception as the cause.)
//
// Java makes the exception's text itself and looks at the content of none of these,
// in no codec. Node makes no difference between them, and shows the content: of
// codec 1 it expects an exception, and says "...RpcServerException: text", of codec
// 11 it expects the text as it is, and says "Error: text". Without a content it
// says "Server exception when invoke with callback.Please check the server log!".
// So both are there, and neither client loses by the other's part.
//
// Status 0 with a SofaResponse that is an error would show the text in Java too,
// but as SERVER_UNDECLARED_ERROR 199 whatever happened, so that Java would neither
// retry it nor count it as what it is; the same goes for status 2 with the
// exception. Of 2, 0x11 and 0x12 Java decodes the content, so that these are not to
// be sent without one.

// The statuses of responses that matter here. A Java client closes its connection
// on one that it does not know.
const (
	statusSuccess           = 0x00
	statusError             = 0x01
	statusUnknown           = 0x03
	statusBusy              = 0x04
	statusNoProcessor       = 0x06
	statusTimeout           = 0x07
	statusSendError         = 0x08
	statusCodec             = 0x09
	statusConnectionClosed  = 0x10
	statusServerDeserialize = 0x12
)

// The numbers of the ways to encode a content that matter here.
const (
	codecHessian    = 1
	codecProtobuf   = 11
	codecJSON       = 12
	codecMsgpack    = 13
	codecProtostuff = 14
)

// Answer implements [xprotocol.Codec]. To a one-way request it appends nothing.
func (codec) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	if to.Kind == stream.KindOneWay {
		return dst
	}
	dst = appendFront(dst, to.Form, typeResponse, cmdResponse, to.ID, to.Serialization, 0)
	dst = binary.BigEndian.AppendUint16(dst, boltStatus(a))
	lengths := len(dst)
	dst = append(dst, noLengths...)
	if len(a.Text) == 0 {
		return dst
	}
	class := len(dst)
	switch {
	case to.Bits&bitHessian != 0:
		dst = append(dst, exception...)
		dst = appendException(dst, a.Text)
	case to.Serialization == codecProtobuf:
		dst = append(dst, exception...)
		dst, _ = appendPlain(dst, a.Text, utf8.MaxRune)
	default:
		return dst // no client is known to read one
	}
	binary.BigEndian.PutUint16(dst[lengths:], uint16(len(exception)))
	binary.BigEndian.PutUint32(dst[lengths+4:], uint32(len(dst)-class-len(exception)))
	return dst
}

// noLengths are the last three fields of a fixed part without anything behind it.
const noLengths = "\x00\x00\x00\x00\x00\x00\x00\x00"

// appendFront appends a fixed part down to the switch, which is flags.
func appendFront(dst []byte, version, typ uint8, command uint16, id uint64, serialization, flags uint8) []byte {
	two := version == version21 || version == version22
	if two {
		dst = append(dst, 2, version&0xf)
	} else {
		dst = append(dst, 1)
	}
	dst = append(dst, typ)
	dst = binary.BigEndian.AppendUint16(dst, command)
	dst = append(dst, 1)
	dst = binary.BigEndian.AppendUint32(dst, uint32(id))
	dst = append(dst, serialization)
	if two {
		dst = append(dst, flags)
	}
	return dst
}

// The flags that have a status of their own.
const (
	// Nobody was reached, or the one who was is gone and may have done the work:
	// Java must not try again by itself.
	unreachable = stream.NoHealthyUpstream | stream.UpstreamConnectFailure | stream.UpstreamConnectionLost |
		stream.UpstreamRemoteReset | stream.Draining
	late   = stream.UpstreamTimeout | stream.StreamIdleTimeout
	broken = stream.UpstreamProtocolError | stream.DownstreamProtocolError
)

// boltStatus says in bolt's numbers what happened. Statuses that say one thing only
// come first; 502 and 503 can mean many things, and the flags say which.
func boltStatus(a xprotocol.Answer) uint16 {
	switch a.Status {
	case 404:
		return statusNoProcessor
	case 504, 408:
		return statusTimeout
	case 429:
		return statusBusy
	case 400, 413, 431:
		return statusCodec
	}
	switch f := a.Flags; {
	case f&stream.NoRouteFound != 0:
		return statusNoProcessor
	case f&broken != 0, a.Status == 502 && f&stream.UpstreamOverflow != 0: // a response over a limit
		return statusCodec
	case f&unreachable != 0:
		return statusConnectionClosed
	case f&late != 0:
		return statusTimeout
	case f&(stream.UpstreamOverflow|stream.RateLimited) != 0, a.Status == 503:
		return statusBusy
	case a.Status == 502:
		return statusConnectionClosed
	}
	return statusUnknown
}

// httpStatus says in HTTP's numbers what bolt's say.
func httpStatus(native uint32) int {
	switch native {
	case statusSuccess:
		return 200
	case statusBusy:
		return 503
	case statusTimeout:
		return 504
	case statusSendError, statusConnectionClosed:
		return 502
	case statusNoProcessor:
		return 404
	case statusCodec, statusServerDeserialize:
		return 400
	}
	return 500
}
