package accesslog

import (
	"fmt"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/variable"
)

// DefaultFormat is the format of a log that names none; it is MOSN's.
const DefaultFormat = "%start_time% %trace_id%  %connection_id% %upstream_connection_id% %request_received_duration% " +
	"%response_received_duration% %bytes_sent% %bytes_received% %protocol% %response_code% %duration% %response_flag% " +
	"%response_code% %upstream_local_address% %downstream_local_address% %downstream_remote_address% %upstream_host%"

// maxValue is how many bytes of one value a record has; a longer one is cut, and
// ends in three dots. It bounds a record, and so a page.
const maxValue = 8 << 10

// Format is a compiled format: what a record looks like. It is immutable and may
// be shared between goroutines.
type Format struct {
	ops     []op
	unknown []error // one for each name that nobody knows
}

// Unknown returns what is to be said of the names in the format that nobody knows.
// In a record they are what a request does not have.
func (f *Format) Unknown() []error { return f.unknown }

// op appends one part of a record.
type op struct {
	kind opKind
	text string // of a literal
	v    variable.Variable
}

type opKind uint8

const (
	literal    opKind = iota
	plain             // a value that needs no escaping, - if there is none
	jsonToken         // one as a string of JSON, null if there is none
	escaped           // a value as part of a text, - if there is none
	jsonString        // a value as a string of JSON, null if there is none
	jsonPart          // a value as part of a string of JSON, - if there is none
	jsonNumber        // a value as a number of JSON, null if there is none
)

// Compile compiles the format of a configured log: json_format if it is given,
// else log_format, else [DefaultFormat].
//
// In a record of text, a value that the request does not have is a dash. The
// bytes of a value that could forge or break a record are written as in \x0A:
// control characters, the quote, the backslash, and what is not printable UTF-8.
//
// In JSON, a field that is one variable and nothing else is null if the request
// does not have the value; numbers are numbers, and durations are numbers of
// milliseconds. Any other field is a string, made as in a text.
func Compile(c *config.AccessLog) (*Format, error) {
	if len(c.JSONFormat) > 0 {
		return compileJSON(c.JSONFormat)
	}
	format := c.Format
	if format == "" {
		format = DefaultFormat
	}
	pieces, unknown, err := variable.ParseFormat(format)
	if err != nil {
		return nil, fmt.Errorf("log_format: %w", err)
	}
	f := &Format{unknown: unknown}
	for _, p := range pieces {
		switch {
		case !p.IsVar:
			f.literal(p.Text)
		case p.Variable.Kind() == variable.Text:
			f.value(escaped, p.Variable)
		default:
			f.value(plain, p.Variable)
		}
	}
	f.literal("\n")
	return f, nil
}

func compileJSON(fields config.FormatFields) (*Format, error) {
	f := &Format{}
	seen := make(map[string]bool, len(fields))
	before := "{"
	for _, field := range fields {
		if seen[field.Name] {
			return nil, fmt.Errorf("json_format: the field %q is there twice", field.Name)
		}
		seen[field.Name] = true
		pieces, unknown, err := variable.ParseFormat(field.Format)
		if err != nil {
			return nil, fmt.Errorf("json_format: field %q: %w", field.Name, err)
		}
		for _, u := range unknown {
			f.unknown = append(f.unknown, fmt.Errorf("field %q: %w", field.Name, u))
		}
		f.literal(before + `"` + string(appendJSON(nil, []byte(field.Name))) + `":`)
		f.jsonValue(pieces)
		before = ","
	}
	f.literal("}\n")
	return f, nil
}

func (f *Format) jsonValue(pieces []variable.Piece) {
	if len(pieces) == 1 && pieces[0].IsVar {
		v := pieces[0].Variable
		switch v.Kind() {
		case variable.Text:
			f.value(jsonString, v)
		case variable.Token:
			f.value(jsonToken, v)
		case variable.Number, variable.Duration:
			f.value(jsonNumber, v)
		}
		return
	}
	f.literal(`"`)
	for _, p := range pieces {
		if p.IsVar {
			f.value(jsonPart, p.Variable)
		} else {
			f.literal(string(appendJSON(nil, []byte(p.Text))))
		}
	}
	f.literal(`"`)
}

func (f *Format) value(kind opKind, v variable.Variable) {
	f.ops = append(f.ops, op{kind: kind, v: v})
}

// literal adds a text, to the one before if there is one.
func (f *Format) literal(text string) {
	if n := len(f.ops); n > 0 && f.ops[n-1].kind == literal {
		f.ops[n-1].text += text
		return
	}
	f.ops = append(f.ops, op{kind: literal, text: text})
}

// append appends one record, with its line feed. scratch is memory that it may
// use and replace.
func (f *Format) append(dst []byte, scratch *[]byte, in *stream.Info) []byte {
	for i := range f.ops {
		o := &f.ops[i]
		var ok bool
		switch o.kind {
		case literal:
			dst = append(dst, o.text...)
		case plain:
			if dst, ok = o.v.Append(dst, in); !ok {
				dst = append(dst, '-')
			}
		case escaped, jsonPart:
			dst = o.appendPart(dst, scratch, in)
		case jsonNumber:
			if dst, ok = o.v.AppendNumber(dst, in); !ok {
				dst = append(dst, "null"...)
			}
		case jsonToken:
			n := len(dst)
			if dst, ok = o.v.Append(append(dst, '"'), in); !ok {
				dst = append(dst[:n], "null"...)
				break
			}
			dst = append(dst, '"')
		case jsonString:
			dst = o.appendString(dst, scratch, in)
		}
	}
	return dst
}

func (o *op) appendPart(dst []byte, scratch *[]byte, in *stream.Info) []byte {
	b, ok := o.fetch(scratch, in)
	switch {
	case !ok:
		return append(dst, '-')
	case o.kind == escaped:
		return appendText(dst, b)
	}
	return appendJSON(dst, b)
}

func (o *op) appendString(dst []byte, scratch *[]byte, in *stream.Info) []byte {
	b, ok := o.fetch(scratch, in)
	if !ok {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = appendJSON(dst, b)
	return append(dst, '"')
}

// fetch gets a value into the scratch memory, cut to maxValue.
func (o *op) fetch(scratch *[]byte, in *stream.Info) (b []byte, ok bool) {
	b, ok = o.v.Append((*scratch)[:0], in)
	*scratch = b
	if len(b) > maxValue {
		b = append(b[:maxValue], "..."...)
	}
	return b, ok
}
