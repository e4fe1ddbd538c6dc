package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

var (
	errNoFrame = errors.New("bolt: the head keeps no frame of bolt's")
	errTooLong = errors.New("bolt: the header map would exceed 32767 bytes, the most that peers can read")
	errMethod  = errors.New("bolt: the method stands in the content, which is not changed")
	errGroup   = errors.New("bolt: there are no groups")
)

// Patch implements [xprotocol.Codec]. The length of the tail is in no field.
func (codec) Patch(head []byte, id uint64, content, _ int) {
	f := frame(head)
	binary.BigEndian.PutUint32(f[5+f.skew():], uint32(id))
	binary.BigEndian.PutUint32(f[f.fixed()-4:], uint32(content))
}

// Seal implements [xprotocol.Sealer]: the checksum is over all that precedes it.
func (codec) Seal(head []byte, content *buffer.Chain, tail []byte) {
	if len(tail) != crcLen {
		return
	}
	sum := crc32.ChecksumIEEE(head)
	if content != nil {
		content.Each(func(b []byte) { sum = crc32.Update(sum, crc32.IEEETable, b) })
	}
	binary.BigEndian.PutUint32(tail, sum)
}

// SetTimeout implements [xprotocol.Timer]. Parts of a millisecond count as a whole
// one; none at all is written as -1, as Java does.
func (codec) SetTimeout(head []byte, call *stream.Call) {
	f := frame(head)
	if f.response() {
		return
	}
	ms := int32(-1)
	if t := call.Timeout; t > 0 {
		ms = int32(min((t-1)/time.Millisecond+1, math.MaxInt32))
	}
	binary.BigEndian.PutUint32(f.timeout(), uint32(ms))
}

// Append implements [xprotocol.Codec]: the header map is written from the fields,
// and everything else is kept. Pairs without a key do not come back.
func (codec) Append(dst []byte, h *stream.Head) (out []byte, tail int, err error) {
	head, end := h.Frame()
	f := frame(head)
	if len(head) < minFixed || f.valid() != nil || len(head) < f.fixed() {
		return dst, 0, errNoFrame
	}
	class, header, _ := f.lengths()
	if header != int64(len(head)) {
		return dst, 0, errNoFrame
	}
	var c changes
	if k := f.kind(); k == stream.KindRequest || k == stream.KindOneWay {
		if c, err = changesOf(f, h); err != nil {
			return dst, 0, err
		}
	}
	size := 0
	c.each(h, func(name, value []byte, _ bool) { size += 8 + len(name) + len(value) })
	if size > maxText {
		return dst, 0, errTooLong
	}
	out = append(dst, head[:class]...)
	fixed := out[len(dst):][:f.fixed()]
	binary.BigEndian.PutUint16(fixed[len(fixed)-8:], uint16(class)-uint16(len(fixed)))
	binary.BigEndian.PutUint16(fixed[len(fixed)-6:], uint16(size))
	c.each(h, func(name, value []byte, isNull bool) {
		out = appendText(out, name, false)
		out = appendText(out, value, isNull)
	})
	return append(out, end...), len(end), nil
}

func appendText(dst, text []byte, isNull bool) []byte {
	if isNull {
		return binary.BigEndian.AppendUint32(dst, null)
	}
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(text))), text...)
}

// changes are attributes that have another value than in the frame, and so must be
// written into the header map, whatever the fields say. nil is no change.
type changes struct{ service, method []byte }

// changesOf finds them.
func changesOf(f frame, h *stream.Head) (c changes, err error) {
	class, header, _ := f.lengths()
	was, err := readMap(f, int(class), int(header), nil)
	if err != nil {
		return c, err
	}
	at := was.of(stream.SpanOf(f.fixed(), int(class)))
	service, _ := h.Attribute(stream.Service)
	if !bytes.Equal(service, f.at(at)) {
		c.service = service
	}
	version, _ := h.Attribute(stream.Version)
	if !bytes.Equal(version, f.at(versionIn(f, at))) {
		c.service = withVersion(service, version)
	}
	method, _ := h.Attribute(stream.Method)
	if !bytes.Equal(method, f.at(was.method)) {
		if !methodInHeader(f[9+f.skew()]) {
			return c, errMethod
		}
		c.method = method
	}
	if _, ok := h.Attribute(stream.Group); ok {
		return c, errGroup
	}
	return c, nil
}

func (f frame) at(s stream.Span) []byte { return f[s.Off:s.End()] }

// withVersion returns a service's name with another version, and the rest as it is.
func withVersion(service, version []byte) []byte {
	name, rest, _ := bytes.Cut(service, []byte{':'})
	_, unique, ok := bytes.Cut(rest, []byte{':'})
	s := append(append(bytes.Clone(name), ':'), version...)
	if ok {
		s = append(append(s, ':'), unique...)
	}
	return s
}

// each calls fn with the pairs of the header map, as they are to be written. The
// service has two names, and they must agree: servers go by the first, and those
// of some codecs find the types of the parameters by the second.
func (c *changes) each(h *stream.Head, fn func(name, value []byte, isNull bool)) {
	service, method := c.service, c.method
	for i := range h.Len() {
		name, value := h.At(i)
		isNull := h.NullAt(i)
		switch string(name) {
		case nameService, nameTarget:
			if c.service != nil {
				value, isNull, service = c.service, false, nil
			}
		case nameMethod:
			if c.method != nil {
				value, isNull, method = c.method, false, nil
			}
		}
		fn(name, value, isNull)
	}
	if service != nil {
		fn([]byte(nameService), service, false)
	}
	if method != nil {
		fn([]byte(nameMethod), method, false)
	}
}

// methodInHeader tells of a codec whether servers take the method's name from the
// header map, and not from the content.
func methodInHeader(codec byte) bool {
	switch codec {
	case codecProtobuf, codecJSON, codecMsgpack, codecProtostuff:
		return true
	}
	return false
}
