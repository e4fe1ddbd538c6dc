package dubbo

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo/internal/serial"
)

// The strings that a request begins with, in their order.
const (
	posRelease = iota // of Dubbo, or of the protocol
	posPath
	posVersion
	posMethod
	posTypes
	posInvoked // the first argument of a generic call: the method that it calls
	maxStrings
)

// preface is the strings that a request begins with: what is its head, behind the
// header. The zero preface is that of a body that cannot be read.
type preface struct {
	values [maxStrings]serial.Value
	n      int // how many there are
	end    int // where the head ends
}

// read reads the strings; false says that they cannot be read, and leaves none.
func (p *preface) read(b []byte, r *serial.Reader) bool {
	p.n = 0
	for p.n < posInvoked || p.n == posInvoked && p.generic(b) {
		v := &p.values[p.n]
		if !r.Next(v) || p.n < posInvoked && !isString(v) || v.End > maxPart {
			*p = preface{end: headerLen}
			return false
		}
		p.end = v.End
		p.n++
	}
	return true
}

// generic tells whether the method calls the one that its first argument names.
func (p *preface) generic(b []byte) bool {
	const name = "Ljava/lang/String;"
	switch string(p.text(b, posMethod)) {
	case "$invoke", "$invokeAsync":
		t := p.text(b, posTypes)
		return len(t) >= len(name) && string(t[:len(name)]) == name
	}
	return false
}

func (p *preface) text(b []byte, i int) []byte { return b[p.values[i].From:p.values[i].To] }

func (p *preface) span(i int) stream.Span {
	return stream.SpanOf(p.values[i].From, p.values[i].To)
}

// method is which of the strings names the method that is called.
func (p *preface) method() int {
	if p.n > posInvoked && p.values[posInvoked].Kind == serial.Text {
		return posInvoked
	}
	return posMethod
}

// arguments is how many values follow the strings, before the attachments; false
// says that the types are not what they should be.
func (p *preface) arguments(b []byte) (n int, ok bool) {
	n, ok = countTypes(p.text(b, posTypes))
	return n - (p.n - posInvoked), ok
}

// countTypes counts the types of a method's parameters, in the letters that class
// files have for them; false says that they are something else.
func countTypes(types []byte) (n int, ok bool) {
	for len(types) > 0 {
		types = bytes.TrimLeft(types, "[")
		if len(types) == 0 {
			return 0, false
		}
		end := 0
		switch types[0] {
		case 'L':
			if end = bytes.IndexByte(types, ';'); end < 0 {
				return 0, false
			}
		case 'B', 'C', 'D', 'F', 'I', 'J', 'S', 'Z':
		default:
			return 0, false
		}
		types = types[end+1:]
		n++
	}
	return n, true
}
