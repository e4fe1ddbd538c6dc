package xprotocoltest

import (
	"bytes"
	"fmt"

	"github.com/weirproxy/weir/pkg/stream"
)

// changed are the kinds whose heads are changed on their way.
func (k *kit) changed() []Frame {
	return k.of(stream.KindRequest, stream.KindOneWay, stream.KindResponse)
}

// encode encodes a head anew, and takes the frame that it makes apart.
func (k *kit) encode(name string, h *stream.Head, content []byte) (again *stream.Head, content2 []byte, err error) {
	k.Helper()
	const before = "before"
	was := describe(h)
	head, rest := h.Frame()
	head, rest = bytes.Clone(head), bytes.Clone(rest)
	out, tail, err := k.spec.Codec.Append([]byte(before), h)
	switch {
	case err != nil:
		return nil, nil, err
	case !bytes.HasPrefix(out, []byte(before)):
		k.Errorf("%s: Append changes what stands before", name)
		return nil, nil, nil
	case describe(h) != was:
		k.Errorf("%s: Append changes the head", name)
	}
	nowHead, nowRest := h.Frame()
	k.untouched(name, "Append", nowHead, head)
	k.untouched(name, "Append", nowRest, rest)
	out = out[len(before):]
	cut := len(out) - tail
	if tail < 0 || cut < 0 {
		k.Errorf("%s: a tail of %d bytes, of %d", name, tail, len(out))
		return nil, nil, nil
	}
	frame := join(k.spec, out[:cut], h.RPC.ID, content, out[cut:])
	again, content2, ok := k.parse(name+", encoded anew", frame)
	if !ok {
		return nil, nil, nil
	}
	return again, content2, nil
}

// changedBack encodes heads anew that are as they came, which every codec can.
func changedBack(k *kit) {
	k.each(k.changed(), func(f *Frame) {
		h, content, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		h.Add("x-kit-added", "value")
		h.Del("x-kit-added")
		again, content2, err := k.encode(f.Name, h, content)
		if err != nil {
			k.Errorf("%s: without a real change, it is not encoded anew: %v", f.Name, err)
			return
		}
		if again != nil {
			k.same(f.Name+", encoded anew", again, h, content2, content)
		}
	})
}

// change is something that filters and routes do to a head.
type change struct {
	name string
	do   func(h *stream.Head)
	// shows tells whether a head has it.
	shows func(h *stream.Head) bool
	// attribute: a codec may have to write it into a field that was not there.
	attribute bool
	// long: it is sent, but a codec need not show fields of that length.
	long bool
}

// changesOf lists what may be done to a head.
func changesOf(h *stream.Head) []change {
	list := []change{
		{"a field is added", func(h *stream.Head) { h.Add("x-kit-added", "value") }, has("x-kit-added", "value"), false, false},
		{"an empty field is added", func(h *stream.Head) { h.Add("x-kit-added", "") }, has("x-kit-added", ""), false, false},
		{"a long field is added", func(h *stream.Head) { h.Add("x-kit-added", long) }, has("x-kit-added", long), false, false},
	}
	for what, v := range hard {
		list = append(list, change{what + " is added as a field", func(h *stream.Head) { h.Add("x-kit-added", v) }, has("x-kit-added", v), false, len(v) >= 1<<16})
		if _, ok := h.Attribute(stream.Service); ok {
			list = append(list, change{what + " becomes the service", func(h *stream.Head) { h.SetAttribute(stream.Service, []byte(v)) },
				func(h *stream.Head) bool {
					got, _ := h.Attribute(stream.Service)
					return string(got) == v
				}, true, false})
		}
	}
	for i := range h.Len() {
		name, value := h.At(i)
		n, v := string(name), string(value)+"2"
		list = append(list,
			change{fmt.Sprintf("field %q is set", n), func(h *stream.Head) { h.Header.Set(n, v) }, has(n, v), false, false},
			change{fmt.Sprintf("field %q is deleted", n), func(h *stream.Head) { h.Header.Del(n) }, func(h *stream.Head) bool {
				_, ok := h.Header.Get(n)
				return !ok
			}, false, false},
		)
	}
	for a := stream.Service; a <= stream.Group; a++ {
		if was, ok := h.Attribute(a); ok {
			v := string(was) + "2"
			list = append(list, change{fmt.Sprintf("attribute %d is set", a), func(h *stream.Head) { h.SetAttribute(a, []byte(v)) },
				func(h *stream.Head) bool {
					got, _ := h.Attribute(a)
					return string(got) == v
				}, true, false})
		}
	}
	return list
}

// hard are texts that some forms of text have no room for.
var hard = map[string]string{
	"a text of two lines":        "one\r\ntwo\n",
	"a text with quotes":         `"quoted" \ 'and' ,;:= `,
	"a text of 64 KiB":           string(bytes.Repeat([]byte("64 KiB. "), 8<<10)),
	"a text of 64 KiB and a bit": string(bytes.Repeat([]byte("64 KiB. "), 8<<10+1)),
	"a text beyond ASCII":        "\u20ac \u00e9 \u65e5",
}

var long = string(bytes.Repeat([]byte("long "), 50))

// has returns what tells whether a head has a field of a value.
func has(name, value string) func(h *stream.Head) bool {
	return func(h *stream.Head) bool {
		v, ok := h.Header.Get(name)
		return ok && string(v) == value
	}
}

// changes makes each change by itself. What a protocol cannot express its codec
// refuses; what it does not refuse must show, and everything else must stay.
func changes(k *kit) {
	k.each(k.changed(), func(f *Frame) {
		first, _, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			return
		}
		for _, c := range changesOf(first) {
			name := f.Name + ": " + c.name
			k.try(name, func() { k.change(name, f, c) })
		}
	})
}

// change makes one change.
func (k *kit) change(name string, f *Frame, c change) {
	h, content, _ := parse(k.spec, f.Bytes)
	c.do(h)
	again, content2, err := k.encode(name, h, content)
	if err != nil || again == nil {
		return
	}
	if !c.shows(again) && !c.long {
		k.Errorf("%s: it does not show: %.200s", name, describe(again))
	}
	if got, want := again.RPC.Call, h.RPC.Call; got.Kind != want.Kind || got.ID != want.ID || !bytes.Equal(content, content2) {
		k.Errorf("%s: something else is changed: %+v was %+v, content %q was %q", name, got, want, front(content2), front(content))
	}
	if got, want := again.Len(), h.Len(); got != want && !c.attribute && (!c.long || got != want-1) {
		k.Errorf("%s: there are %d fields, not %d", name, got, want)
	}
}
