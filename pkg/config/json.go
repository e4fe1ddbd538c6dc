package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// parseJSON parses a JSON text (RFC 8259). It accepts what encoding/json accepts, less: text that is not UTF-8, and values deeper than
// maxDepth. Keys given twice in one object are warned about: the last one counts.
func parseJSON(name string, data []byte, r *Report) (*Node, *syntaxError) {
	p := &jsonParser{data: data, file: &name, line: 1, column: 1}
	p.space()
	root := p.value(0)
	if p.err == nil {
		if p.space(); p.pos < len(data) {
			p.fail("unexpected text after the end of the value")
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	p.twice.report(r)
	return root, nil
}

// jsonParser reads one text, front to back. After the first error every method returns at once.
type jsonParser struct {
	data []byte
	pos  int
	file *string
	err  *syntaxError

	twice repeatedKeys

	// The position of data[mark]. It only moves forward, so that finding positions costs one pass over the text.
	mark, line, column int
}

// position returns the line and column of data[at]; at must not decrease between calls.
func (p *jsonParser) position(at int) (line, column int) {
	for _, b := range p.data[p.mark:at] {
		if b == '\n' {
			p.line, p.column = p.line+1, 1
		} else if utf8.RuneStart(b) {
			p.column++
		}
	}
	p.mark = at
	return p.line, p.column
}

// fail notes the first error, at the current position.
func (p *jsonParser) fail(format string, args ...any) {
	if p.err == nil {
		line, column := p.position(p.pos)
		p.err = &syntaxError{line: line, column: column, message: fmt.Sprintf(format, args...)}
	}
}

// unexpected notes that something else should be at the current position.
func (p *jsonParser) unexpected(want string) {
	if p.pos >= len(p.data) {
		p.fail("unexpected end of the text, want %s", want)
		return
	}
	c, _ := utf8.DecodeRune(p.data[p.pos:])
	p.fail("unexpected %q, want %s", c, want)
}

// space skips white space.
func (p *jsonParser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

// peek returns the byte at the current position, or 0 at the end, which no JSON token starts with.
func (p *jsonParser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

// value parses one value. It returns nil on error.
func (p *jsonParser) value(depth int) *Node {
	if depth > maxDepth {
		p.fail("lists and objects are nested deeper than %d", maxDepth)
		return nil
	}
	line, column := p.position(p.pos)
	n := &Node{file: p.file, line: int32(line), column: int32(column)}
	switch c := p.peek(); {
	case c == '{':
		p.object(n, depth)
	case c == '[':
		p.list(n, depth)
	case c == '"':
		n.kind, n.text = String, p.text()
	case c == 't':
		n.kind, n.text = Bool, p.word("true")
	case c == 'f':
		n.kind, n.text = Bool, p.word("false")
	case c == 'n':
		p.word("null")
	case c == '-' || isDigit(c):
		n.kind, n.text = Number, p.number()
	default:
		p.unexpected("a value")
	}
	if p.err != nil {
		return nil
	}
	return n
}

// object parses an object into n.
func (p *jsonParser) object(n *Node, depth int) {
	n.kind = Object
	var keys memberSet
	p.pos++
	if p.space(); p.peek() == '}' {
		p.pos++
		return
	}
	for {
		p.member(n, &keys, depth)
		if p.err != nil || p.endOrComma('}') {
			return
		}
	}
}

// member parses one key and its value into n.
func (p *jsonParser) member(n *Node, keys *memberSet, depth int) {
	if p.space(); p.peek() != '"' {
		p.unexpected("a key in quotes")
		return
	}
	line, column := p.position(p.pos)
	key := p.text()
	if p.err != nil {
		return
	}
	if p.space(); p.peek() != ':' {
		p.unexpected("':' after the key")
		return
	}
	p.pos++
	p.space()
	if v := p.value(depth + 1); v != nil {
		n.setMember(keys, Member{Key: key, Line: line, Column: column, Value: v}, &p.twice)
	}
}

// list parses a list into n.
func (p *jsonParser) list(n *Node, depth int) {
	n.kind = List
	p.pos++
	if p.space(); p.peek() == ']' {
		p.pos++
		return
	}
	for {
		p.space()
		v := p.value(depth + 1)
		if v == nil {
			return
		}
		v.parent, v.index = n, int32(len(n.items))
		n.items = append(n.items, v)
		if p.endOrComma(']') {
			return
		}
	}
}

// endOrComma parses what follows an element, and reports whether that was the end (or an error).
func (p *jsonParser) endOrComma(end byte) bool {
	p.space()
	switch p.peek() {
	case ',':
		p.pos++
		return false
	case end:
		p.pos++
		return true
	}
	p.unexpected(fmt.Sprintf("',' or %q", end))
	return true
}

// word parses a fixed word.
func (p *jsonParser) word(w string) string {
	if !bytes.HasPrefix(p.data[p.pos:], []byte(w)) {
		p.unexpected("a value")
		return ""
	}
	p.pos += len(w)
	return w
}

// number parses a number and returns its literal.
func (p *jsonParser) number() string {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else {
		p.digits()
	}
	if p.peek() == '.' {
		p.pos++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		p.digits()
	}
	return string(p.data[start:p.pos])
}

// digits parses one or more digits.
func (p *jsonParser) digits() {
	if !isDigit(p.peek()) {
		p.unexpected("a digit")
	}
	for isDigit(p.peek()) {
		p.pos++
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// text parses a string and returns its value.
func (p *jsonParser) text() string {
	start, escaped := p.pos, false
	p.pos++
	for {
		switch c := p.peek(); {
		case p.pos >= len(p.data):
			p.unexpected(`'"' at the end of the string`)
			return ""
		case c == '"':
			p.pos++
			return p.unquote(start, escaped)
		case c < ' ':
			p.fail("a string must not contain the control character %q", c)
			return ""
		case c == '\\':
			escaped = true
			p.pos += min(2, len(p.data)-p.pos)
		case c < utf8.RuneSelf:
			p.pos++
		default:
			r, size := utf8.DecodeRune(p.data[p.pos:])
			if r == utf8.RuneError && size == 1 {
				p.fail("the text is not UTF-8")
				return ""
			}
			p.pos += size
		}
	}
}

// unquote returns the value of the string literal from start to the current position.
func (p *jsonParser) unquote(start int, escaped bool) string {
	literal := p.data[start:p.pos]
	if !escaped {
		return string(literal[1 : len(literal)-1])
	}
	var s string
	if err := json.Unmarshal(literal, &s); err != nil {
		p.pos = max(start, p.mark)
		p.fail("the string has an escape that JSON does not know")
	}
	return s
}
