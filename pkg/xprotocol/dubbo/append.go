package dubbo

import (
	"encoding/binary"
	"errors"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

var (
	errNoFrame       = errors.New("there is no frame of dubbo to change")
	errNoStrings     = errors.New("the body's serialization cannot be changed in service, version or method")
	errLongAttribute = errors.New("a service, method, version or group of more than 32 KiB cannot be sent in one piece")
	errNoAttachments = errors.New("the body has no attachments that could be changed")
)

func (codec) Append(dst []byte, h *stream.Head) (out []byte, tail int, err error) {
	e := edit{h: h}
	e.head, e.tail = h.Frame()
	if len(e.head) < headerLen {
		return dst, 0, errNoFrame
	}
	e.form = formOf(e.head[atFlag] & maskSerialization)
	e.readStrings()
	if err := e.check(); err != nil {
		return dst, 0, err
	}
	out = e.appendHead(dst)
	n := len(out)
	out, ok := e.appendTail(out)
	if !ok {
		return dst, 0, errNoAttachments
	}
	return out, len(out) - n, nil
}

// edit is a frame that is encoded anew. What the frame was shows in its own bytes,
// which the head still has; what it is to be, in the head.
type edit struct {
	h          *stream.Head
	form       serial.Form
	head, tail []byte
	strings    preface // of the frame as it was
}

func (e *edit) readStrings() {
	if len(e.head) == headerLen {
		return
	}
	var r serial.Reader
	r.Reset(e.form, e.head, headerLen, requestSteps)
	if !e.strings.read(e.head, &r) || e.strings.end != len(e.head) {
		r.Reset(e.form, e.head, headerLen, requestSteps)
		r.Narrow()
		e.strings.read(e.head, &r)
	}
}

// check tells whether everything that is to change stands where it can be changed.
func (e *edit) check() error {
	if e.strings.n == 0 && (e.changed(stream.Service) || e.changed(stream.Version) || e.changed(stream.Method)) {
		return errNoStrings
	}
	// A provider believes what the attachments say of service and version, so these
	// two cannot change in the strings alone.
	if len(e.tail) == 0 && (e.h.Len() > 0 || e.changed(stream.Group) || e.changed(stream.Service) || e.changed(stream.Version)) {
		return errNoAttachments
	}
	for a := stream.Service; a <= stream.Group; a++ {
		if text, _ := e.h.Attribute(a); len(text) > maxAttribute {
			return errLongAttribute
		}
	}
	return nil
}

// maxAttribute is how long a service, method, version or group may become. Longer
// texts are sent in pieces, and who routes by them next could not read them.
const maxAttribute = 1 << 15

// changed tells whether an attribute is another one than the frame's.
func (e *edit) changed(a stream.Attribute) bool {
	s, was := e.h.RPC.Group, -1
	switch a {
	case stream.Service:
		s, was = e.h.RPC.Service, posPath
	case stream.Version:
		s, was = e.h.RPC.Version, posVersion
	case stream.Method:
		s, was = e.h.RPC.Method, e.strings.method()
	}
	if s.End() <= len(e.head)+len(e.tail) {
		return false // it stands in the frame
	}
	now, _ := e.h.Attribute(a)
	return was < 0 || string(now) != string(e.strings.text(e.head, was))
}

func (e *edit) appendHead(dst []byte) []byte {
	dst = append(dst, e.head[:headerLen]...)
	for i := range e.strings.values[:e.strings.n] {
		v := &e.strings.values[i]
		if text, ok := e.replacement(i); ok {
			dst = e.form.AppendValue(dst, text)
			continue
		}
		dst = append(dst, e.head[v.Off:v.End]...)
	}
	return dst
}

// replacement returns what string i becomes, if it changed.
func (e *edit) replacement(i int) (text []byte, ok bool) {
	a := stream.NoAttribute
	switch i {
	case posPath:
		a = stream.Service
	case posVersion:
		a = stream.Version
	case e.strings.method():
		a = stream.Method
	}
	if a == stream.NoAttribute || !e.changed(a) {
		return nil, false
	}
	text, _ = e.h.Attribute(a)
	return text, true
}

// appendTail tries the ways in which the attachments may have been read; the one
// that ends where the tail does is the one.
func (e *edit) appendTail(dst []byte) (out []byte, ok bool) {
	if len(e.tail) == 0 {
		return dst, true
	}
	before := 1 // the value of a response
	if e.strings.n > 0 {
		before, _ = e.strings.arguments(e.head)
	}
	for _, skip := range [...]int{0, before} {
		for _, narrow := range [...]bool{false, true} {
			if out, ok = e.appendMap(dst, skip, narrow); ok {
				return out, true
			}
		}
	}
	return dst, false
}

// appendMap walks the attachments as they were and the fields as they are, and
// appends what comes of both: fields that came with the frame in its order, and
// others behind them. skip is how many values stand in the tail before the
// attachments.
func (e *edit) appendMap(dst []byte, skip int, narrow bool) (out []byte, ok bool) {
	from := len(dst)
	var r serial.Reader
	r.Reset(e.form, e.tail, 0, requestSteps)
	if narrow {
		r.Narrow()
	}
	for ; skip > 0; skip-- {
		if !r.Skip() {
			return dst, false
		}
	}
	null, ok := r.Open()
	if !ok {
		return dst, false
	}
	dst = append(dst, e.tail[:r.Pos()]...)
	if null {
		if e.h.Len() == 0 && !e.changed(stream.Group) {
			return dst, r.Done()
		}
		dst = e.form.AppendOpen(dst[:len(dst)-1]) // null is one byte
	}
	var key, value serial.Value
	next := 0
	for !null && !r.Close() {
		if !r.Next(&key) || !r.Next(&value) {
			return dst, false
		}
		dst, next = e.appendPair(dst, &key, &value, next)
	}
	dst = e.form.AppendClose(e.appendNew(dst, next))
	if e.form == serial.FastJSON2 {
		binary.BigEndian.PutUint32(dst[from:], uint32(len(dst)-from-4))
	}
	return dst, r.Done()
}

// appendNew appends the fields from next on, and the group if it has no field.
func (e *edit) appendNew(dst []byte, next int) []byte {
	for ; next < e.h.Len(); next++ {
		name, text := e.h.At(next)
		dst = e.form.AppendEntry(e.form.AppendEntry(dst, name), text)
	}
	if e.changed(stream.Group) && !e.hasField([]byte("group")) {
		group, _ := e.h.Attribute(stream.Group)
		dst = e.form.AppendEntry(e.form.AppendEntry(dst, []byte("group")), group)
	}
	return dst
}

// appendPair appends what became of an attachment. next is the first field that
// was not yet come by.
func (e *edit) appendPair(dst []byte, key, value *serial.Value, next int) (out []byte, after int) {
	name := e.tail[key.From:key.To]
	if key.Kind != serial.Text || !isString(value) {
		// Others may depend on a compound one, which must stay; the last of a name
		// counts.
		if value.Kind == serial.Compound || !e.hasField(name) {
			dst = append(dst, e.tail[key.Off:value.End]...)
		}
		return dst, next
	}
	if next == e.h.Len() {
		return dst, next
	}
	now, text := e.h.At(next)
	if string(now) != string(name) {
		return dst, next // it was removed
	}
	was := e.tail[value.From:value.To]
	same := string(text) == string(was) && e.h.NullAt(next) == (value.Kind == serial.Null)
	if same {
		if text, same = e.follow(name); same {
			return append(dst, e.tail[key.Off:value.End]...), next + 1
		}
	}
	dst = append(dst, e.tail[key.Off:key.End]...)
	return e.form.AppendEntry(dst, text), next + 1
}

// follow returns what an attachment becomes that repeats an attribute; same says
// that nothing changes. A provider takes the service that it calls from the path,
// where that is another one than the interface.
func (e *edit) follow(name []byte) (text []byte, same bool) {
	a := stream.NoAttribute
	switch string(name) {
	case "path", "interface":
		a = stream.Service
	case "version":
		a = stream.Version
	case "group":
		a = stream.Group
	}
	if a == stream.NoAttribute || !e.changed(a) {
		return nil, true
	}
	text, _ = e.h.Attribute(a)
	return text, false
}

func (e *edit) hasField(name []byte) bool {
	for i := range e.h.Len() {
		if now, _ := e.h.At(i); string(now) == string(name) {
			return true
		}
	}
	return false
}
