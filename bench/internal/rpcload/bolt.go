package rpcload

import (
	"encoding/binary"
	"fmt"
)

// bolt is SofaRPC's protocol in version 1 or 2. A frame of version 1 is
//
//	protocol 1, type 1, command 2, version of the command 1, id 4, codec 1,
//	of a request: timeout 4, of a response: status 2,
//	length of class 2, of header 2, of content 4, class, header, content
//
// (name and bytes). Version 2 has a byte for the version behind the first, one for switches behind the codec, and a checksum at the
// end if the first switch says so.
type bolt struct{ version byte }

// What fields of frames may have.
const (
	boltResponse = 0
	boltRequest  = 1
	boltOneWay   = 2

	boltHeartbeat = 0
	boltCall      = 1
	boltAnswer    = 2

	boltHessian = 1
	boltSealed  = 1 // the switch, which the second version of version 2 knows

	boltTimeout = 3000 // milliseconds
)

const (
	sofaRequest  = "com.alipay.sofa.rpc.core.request.SofaRequest"
	sofaResponse = "com.alipay.sofa.rpc.core.response.SofaResponse"
)

// shift is by how much the fields behind the first byte are further back than in version 1; those behind the codec are twice that.
func (p bolt) shift() int { return int(p.version) - 1 }

func (p bolt) headSize(frameType byte) int {
	if frameType == boltResponse {
		return 20 + 2*p.shift()
	}
	return 22 + 2*p.shift()
}

// sealed says whether the frame that b begins with ends with a checksum.
func (p bolt) sealed(b []byte) bool {
	return p.version == 2 && b[1] == 2 && b[11]&boltSealed != 0
}

func (p bolt) length(b []byte) (int, error) {
	if len(b) > 0 && b[0] != p.version {
		return 0, fmt.Errorf("bolt version %d: %w: % x", p.version, errFrame, b[:min(len(b), 24)])
	}
	at := p.shift()
	if len(b) < 2+at || len(b) < p.headSize(b[1+at]) {
		return 0, nil
	}
	head := p.headSize(b[1+at])
	class, header, content := lengths(b[:head])
	n := head + class + header + content
	if p.sealed(b) {
		n += sealSize
	}
	return n, nil
}

// lengths are the three at the end of a head.
func lengths(head []byte) (class, header, content int) {
	l := head[len(head)-8:]
	return int(binary.BigEndian.Uint16(l)), int(binary.BigEndian.Uint16(l[2:])), int(binary.BigEndian.Uint32(l[4:]))
}

// content is the last part of a whole frame, but for the checksum.
func (p bolt) content(frame []byte) ([]byte, error) {
	if p.sealed(frame) {
		if !sealedWell(frame) {
			return nil, fmt.Errorf("bolt: %w", errChecksum)
		}
		frame = frame[:len(frame)-sealSize]
	}
	size := p.headSize(frame[1+p.shift()])
	class, header, _ := lengths(frame[:size])
	return frame[size+class+header:], nil
}

func (p bolt) call(service string, body []byte) form {
	var header []byte
	for _, s := range []string{
		"service", service,
		"sofa_head_target_service", service,
		"sofa_head_method_name", "echo",
		"sofa_head_target_app", "bench",
		"rpc_trace_context.sofaTraceId", "0b7f0001175000000000010014242",
		"rpc_trace_context.sofaRpcId", "0.1",
	} {
		header = binary.BigEndian.AppendUint32(header, uint32(len(s)))
		header = append(header, s...)
	}
	b := p.start(nil, boltRequest, boltCall, nil)
	b = binary.BigEndian.AppendUint32(b, boltTimeout)
	b = appendLengths(b, len(sofaRequest), len(header), len(body))
	b = append(b, sofaRequest...)
	b = append(b, header...)
	f := p.form(append(b, body...))
	f.body = len(b)
	return f
}

func (p bolt) heartbeat() form {
	b := p.start(nil, boltRequest, boltHeartbeat, nil)
	b = binary.BigEndian.AppendUint32(b, boltTimeout)
	return p.form(appendLengths(b, 0, 0, 0))
}

// form makes one of a frame without a checksum.
func (p bolt) form(frame []byte) form {
	f := form{frame: frame, id: span{5 + p.shift(), 4}}
	if p.version == 2 {
		f.frame, f.sealed = append(f.frame, make([]byte, sealSize)...), true
	}
	return f
}

// start appends what requests and responses have in common. id is four bytes, or nil for any.
func (p bolt) start(dst []byte, frameType, command byte, id []byte) []byte {
	if id == nil {
		id = []byte{0, 0, 0, 0}
	}
	dst = append(dst, p.version)
	if p.version == 2 {
		dst = append(dst, 2)
	}
	dst = append(dst, frameType, 0, command, 1)
	dst = append(dst, id...)
	dst = append(dst, boltHessian)
	if p.version == 2 {
		dst = append(dst, boltSealed)
	}
	return dst
}

func appendLengths(dst []byte, class, header, content int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(class))
	dst = binary.BigEndian.AppendUint16(dst, uint16(header))
	return binary.BigEndian.AppendUint32(dst, uint32(content))
}

func (p bolt) read(frame []byte) (answer, error) {
	at := p.shift()
	if frame[1+at] != boltResponse {
		return answer{}, fmt.Errorf("bolt: %w: type %d", errFrame, frame[1+at])
	}
	content, err := p.content(frame)
	if err != nil {
		return answer{}, err
	}
	a := answer{id: uint64(binary.BigEndian.Uint32(frame[5+at:])), body: content}
	command, status := binary.BigEndian.Uint16(frame[2+at:]), binary.BigEndian.Uint16(frame[10+2*at:])
	switch {
	case command == boltHeartbeat && status == 0:
		a.kind = alive
	case command != boltAnswer:
		return a, fmt.Errorf("bolt: %w: command %d, status %d", errFrame, command, status)
	case status != 0:
		a.kind = failed
	}
	return a, nil
}

func (p bolt) echo(dst, frame []byte) ([]byte, error) {
	at := p.shift()
	content, err := p.content(frame)
	if err != nil || frame[1+at] == boltOneWay {
		return dst, err
	}
	from, id := len(dst), frame[5+at:9+at]
	switch command := binary.BigEndian.Uint16(frame[2+at:]); {
	case frame[1+at] != boltRequest:
		return dst, fmt.Errorf("bolt: %w: type %d", errFrame, frame[1+at])
	case command == boltHeartbeat:
		dst = p.start(dst, boltResponse, boltHeartbeat, id)
		dst = appendLengths(append(dst, 0, 0), 0, 0, 0)
	case command == boltCall:
		dst = p.start(dst, boltResponse, boltAnswer, id)
		dst = appendLengths(append(dst, 0, 0), len(sofaResponse), 0, len(content))
		dst = append(dst, sofaResponse...)
		dst = append(dst, content...)
	default:
		return dst, fmt.Errorf("bolt: %w: command %d", errFrame, command)
	}
	if p.version == 2 {
		dst = append(dst, make([]byte, sealSize)...)
		seal(dst[from:])
	}
	return dst, nil
}
