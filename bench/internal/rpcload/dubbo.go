package rpcload

import (
	"encoding/binary"
	"fmt"
)

// dubbo is version 2 of Dubbo's protocol. A frame is
//
//	magic number 2, flags 1, status 1, id 8, length of the body 4, body
//
// (name and bytes). The body is a row of values in Hessian 2, all of which are strings here but for one map and one number.
type dubbo struct{}

const (
	dubboHead = 16

	dubboRequest   = 0x80
	dubboTwoWay    = 0x40
	dubboEvent     = 0x20
	dubboHessian   = 0x02
	dubboMask      = 0x1f // of what encodes the body
	dubboOK        = 20
	dubboValue     = 0x91 // the number 1: an answer's value follows
	dubboValueAnd  = 0x94 // the number 4: it does, and attachments behind it
	hessianNull    = 'N'
	hessianMap     = 'H'
	hessianEnd     = 'Z'
	hessianString  = 'S'
	hessianMedium  = 0x30 // to 0x33: a string of up to 1023 letters
	hessianCompact = 0x1f // up to here: a string of so many letters
)

func (dubbo) length(b []byte) (int, error) {
	if len(b) > 0 && b[0] != 0xda || len(b) > 1 && b[1] != 0xbb {
		return 0, fmt.Errorf("dubbo: %w: % x", errFrame, b[:min(len(b), dubboHead)])
	}
	if len(b) < dubboHead {
		return 0, nil
	}
	return dubboHead + int(binary.BigEndian.Uint32(b[12:])), nil
}

func (dubbo) call(service string, body []byte) form {
	b := dubboStart(nil, dubboRequest|dubboTwoWay|dubboHessian, 0, make([]byte, 8))
	for _, s := range []string{"2.0.2", service, "1.0.0", "echo", "Ljava/lang/String;"} {
		b = appendString(b, s)
	}
	b = appendString(b, string(body))
	at := len(b) - len(body)
	b = append(b, hessianMap)
	for _, s := range []string{"path", service, "interface", service, "version", "1.0.0", "timeout", "3000"} {
		b = appendString(b, s)
	}
	b = dubboEnd(append(b, hessianEnd), 0)
	return form{frame: b, id: dubboID(), body: at}
}

func (dubbo) heartbeat() form {
	b := dubboStart(nil, dubboRequest|dubboTwoWay|dubboEvent|dubboHessian, 0, make([]byte, 8))
	return form{frame: dubboEnd(append(b, hessianNull), 0), id: dubboID()}
}

func dubboID() span { return span{4, 8} }

// dubboStart appends the head of a frame whose length is not known yet.
func dubboStart(dst []byte, flags, status byte, id []byte) []byte {
	dst = append(dst, 0xda, 0xbb, flags, status)
	dst = append(dst, id...)
	return append(dst, 0, 0, 0, 0)
}

// dubboEnd sets the length of the frame that begins at from.
func dubboEnd(dst []byte, from int) []byte {
	binary.BigEndian.PutUint32(dst[from+12:], uint32(len(dst)-from-dubboHead))
	return dst
}

func (dubbo) read(frame []byte) (answer, error) {
	flags, status, body := frame[2], frame[3], frame[dubboHead:]
	a := answer{id: binary.BigEndian.Uint64(frame[4:])}
	switch {
	case flags&dubboRequest != 0:
		return a, fmt.Errorf("dubbo: %w: flags %#x", errFrame, flags)
	case flags&dubboEvent != 0:
		if status != dubboOK || len(body) == 0 {
			return a, fmt.Errorf("dubbo: %w: heartbeat answered with status %d, % x", errFrame, status, body)
		}
		a.kind = alive
		return a, nil
	case status != dubboOK:
		a.kind = failed
		return a, nil
	case len(body) == 0 || body[0] != dubboValue && body[0] != dubboValueAnd:
		return a, fmt.Errorf("dubbo: %w: no value in % x", errFrame, body)
	}
	value, _, err := cutString(body[1:])
	a.body = value
	return a, err
}

func (dubbo) echo(dst, frame []byte) ([]byte, error) {
	flags, id, rest := frame[2], frame[4:12], frame[dubboHead:]
	if flags&dubboRequest == 0 {
		return dst, fmt.Errorf("dubbo: %w: flags %#x", errFrame, flags)
	}
	if flags&dubboTwoWay == 0 {
		return dst, nil
	}
	from := len(dst)
	if flags&dubboEvent != 0 {
		dst = dubboStart(dst, flags&dubboMask|dubboEvent, dubboOK, id)
		return dubboEnd(append(dst, rest...), from), nil
	}
	for range 5 { // up to the types of the arguments
		var err error
		if _, rest, err = cutString(rest); err != nil {
			return dst, err
		}
	}
	_, behind, err := cutString(rest)
	if err != nil {
		return dst, err
	}
	dst = append(dubboStart(dst, flags&dubboMask, dubboOK, id), dubboValue)
	return dubboEnd(append(dst, rest[:len(rest)-len(behind)]...), from), nil
}

// appendString appends a string of ASCII letters, at most 1023.
func appendString(dst []byte, s string) []byte {
	if len(s) <= hessianCompact {
		dst = append(dst, byte(len(s)))
	} else {
		dst = append(dst, byte(hessianMedium+len(s)>>8), byte(len(s)))
	}
	return append(dst, s...)
}

// cutString cuts a string of ASCII letters off the front of b.
func cutString(b []byte) (s, rest []byte, err error) {
	var head, n int
	switch {
	case len(b) > 0 && b[0] <= hessianCompact:
		head, n = 1, int(b[0])
	case len(b) > 1 && b[0]&^3 == hessianMedium:
		head, n = 2, int(b[0]&3)<<8|int(b[1])
	case len(b) > 2 && b[0] == hessianString:
		head, n = 3, int(b[1])<<8|int(b[2])
	default:
		return nil, nil, fmt.Errorf("dubbo: %w: no string in % x", errFrame, b[:min(len(b), 16)])
	}
	if len(b) < head+n {
		return nil, nil, fmt.Errorf("dubbo: %w: %d bytes of a string of %d", errFrame, len(b)-head, n)
	}
	return b[head : head+n], b[head+n:], nil
}
