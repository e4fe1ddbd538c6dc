package variable

import (
	"fmt"
	"strings"

	"github.com/weirproxy/weir/pkg/stream"
)

// Kind is the type of a variable's value.
type Kind uint8

const (
	// Text is any bytes; they may come from a peer, and contain anything.
	Text Kind = iota
	// Token is printable ASCII without quotes and backslashes, made by weir.
	Token
	// Number is a decimal number without sign.
	Number
	// Duration is a time span, as Go writes it: 1.5ms.
	Duration
)

// Variable is one fact about a request, found by its name. It is immutable and
// may be shared between goroutines. The zero Variable is not usable: see Parse.
type Variable struct{ *parsed }

// parsed is what a name says.
type parsed struct {
	name string
	// key is the X of a name such as request_header_X; id is its well-known
	// name, if it is a header's and has one.
	key string
	id  stream.ID
	// protocol, if set, is the only one whose requests have the variable.
	protocol string
	entry    *entry
}

// Name returns the name as it was parsed.
func (v Variable) Name() string { return v.name }

// Kind returns the type of the value.
func (v Variable) Kind() Kind { return v.entry.kind }

// Append appends the variable's value to dst. It reports false, and appends
// nothing, if the request has no such value, or not yet. An empty value is a
// value. It runs on the request's worker and does not allocate as long as dst
// has room.
func (v Variable) Append(dst []byte, in *stream.Info) ([]byte, bool) {
	if v.protocol != "" && v.protocol != in.Protocol {
		return dst, false
	}
	return v.entry.append(v.parsed, dst, in)
}

// AppendNumber is Append for formats with numbers of their own, such as JSON: a
// Duration is appended as a decimal number of milliseconds, 1.5. A variable of
// another kind has no number, which is reported as false.
func (v Variable) AppendNumber(dst []byte, in *stream.Info) ([]byte, bool) {
	switch v.entry.kind {
	case Number:
		return v.Append(dst, in)
	case Duration:
		return appendMillis(dst, v.entry.span(in)), true
	case Text, Token:
	}
	return dst, false
}

// Parse looks up a name. The error of an unknown one names the nearest known.
func Parse(name string) (Variable, error) {
	v := &parsed{name: name}
	rest := name
	// MOSN's names for one protocol's part of a request: Http1_request_method.
	for _, p := range protocols {
		if after, ok := strings.CutPrefix(name, p+"_"); ok && ofProtocol(after) {
			v.protocol, rest = p, after
		}
	}
	for i := range table {
		e := &table[i]
		if !e.keyed {
			if rest == e.name {
				v.entry = e
				return Variable{v}, nil
			}
			continue
		}
		if key, ok := strings.CutPrefix(rest, e.name); ok && key != "" {
			v.entry, v.key, v.id = e, key, stream.IDOf(key)
			return Variable{v}, nil
		}
	}
	if near := nearest(name); near != "" {
		return Variable{}, fmt.Errorf("there is no variable %q: did you mean %q?", name, near)
	}
	return Variable{}, fmt.Errorf("there is no variable %q", name)
}

// Names lists the known names. Those that end in X stand for any name that
// begins so.
func Names() []string {
	names := make([]string, 0, len(table))
	for i := range table {
		if table[i].keyed {
			names = append(names, table[i].name+"X")
			continue
		}
		names = append(names, table[i].name)
	}
	return names
}

// protocols are those that MOSN has names of their own for.
var protocols = [...]string{"Http1", "Http2"}

func ofProtocol(name string) bool {
	return strings.HasPrefix(name, "request_") && !isTime(name) || strings.HasPrefix(name, "cookie_")
}

// isTime tells the two names that begin as those of a request's parts do.
func isTime(name string) bool {
	return name == "request_received_duration" || name == "request_finished_duration"
}
