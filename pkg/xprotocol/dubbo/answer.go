package dubbo

import (
	"encoding/binary"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

func (c codec) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	from := len(dst)
	serialization, form := written(to)
	dst = appendHeader(dst, serialization, nativeOf(a.Status, a.Flags), to.ID)
	return finish(form.AppendValue(dst, a.Text), from)
}

func (codec) Heartbeat(dst []byte, id uint64, like *stream.Call) []byte {
	from := len(dst)
	serialization, form := written(like)
	dst = appendHeader(dst, flagRequest|flagTwoWay|flagEvent|serialization, 0, id)
	return finish(form.AppendNull(dst), from)
}

// HeartbeatAnswer gives back what came: Java takes for a heartbeat only the very
// bytes that its serialization has for null.
func (codec) HeartbeatAnswer(dst []byte, to *stream.Call, content []byte, ok bool) []byte {
	if !ok {
		return dst
	}
	from := len(dst)
	dst = appendHeader(dst, flagEvent|to.Serialization&maskSerialization, statusOK, to.ID)
	return finish(append(dst, content...), from)
}

// GoAway is the event that a provider sends before it stops: the consumer sends no
// more requests on the connection, and waits for the answers to come.
func (codec) GoAway(dst []byte, id uint64, like *stream.Call) []byte {
	from := len(dst)
	serialization, form := written(like)
	dst = appendHeader(dst, flagRequest|flagEvent|serialization, 0, id)
	return finish(form.AppendValue(dst, []byte("R")), from)
}

// written tells which serialization the peer that sent call is written to in.
func written(call *stream.Call) (serialization uint8, form serial.Form) {
	if call != nil {
		if form = formOf(call.Serialization); form != serial.Unknown {
			return call.Serialization, form
		}
	}
	return hessian2, serial.Hessian2
}

func appendHeader(dst []byte, flag, status byte, id uint64) []byte {
	dst = append(dst, magicHigh, magicLow, flag, status)
	dst = binary.BigEndian.AppendUint64(dst, id)
	return append(dst, 0, 0, 0, 0)
}

// finish sets the length of the frame that begins at from.
func finish(dst []byte, from int) []byte {
	binary.BigEndian.PutUint32(dst[from+atLength:], uint32(len(dst)-from-headerLen))
	return dst
}
