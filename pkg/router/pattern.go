package router

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

// maxProgram bounds the instructions of a compiled regular expression: matching
// takes time in proportion to it times the length of the value.
const maxProgram = 5000

// pattern is a test of a value. The zero pattern holds for every value.
type pattern struct {
	kind    patternKind
	literal string         // of the kinds but isAny and isRegexp
	re      *regexp.Regexp // isRegexp
}

type patternKind uint8

const (
	isAny patternKind = iota
	isLiteral
	isPrefix
	isSuffix
	isRegexp
)

func (p *pattern) holds(value []byte) bool {
	switch p.kind {
	case isLiteral:
		return string(value) == p.literal
	case isPrefix:
		return len(value) >= len(p.literal) && string(value[:len(p.literal)]) == p.literal
	case isSuffix:
		return len(value) >= len(p.literal) && string(value[len(value)-len(p.literal):]) == p.literal
	case isRegexp:
		return p.re.Match(value)
	}
	return true
}

// literalPattern is the pattern of one value.
func literalPattern(value string) pattern { return pattern{kind: isLiteral, literal: value} }

// expression compiles a regular expression, which has to match some part of a
// value: it is for the expression to say ^ and $. One that is a plain text, but for
// these and for .* at its ends, becomes a pattern of that kind, which is faster, and
// if it stands for one value can be indexed. start is the text that every value that
// it matches starts with.
func (c *compiler) expression(n *config.Node, expr string) (p pattern, start string) {
	re, tree := c.regexp(n, expr)
	if re == nil {
		return pattern{}, ""
	}
	s := shapeOf(tree)
	text, plain := s.text()
	if s.begin {
		start = text
	}
	switch {
	case s.any():
		return pattern{}, ""
	case plain && s.begin && s.end:
		return literalPattern(text), start
	case plain && s.begin:
		return pattern{kind: isPrefix, literal: text}, start
	case plain && s.end:
		return pattern{kind: isSuffix, literal: text}, ""
	}
	return pattern{kind: isRegexp, re: re}, start
}

// regexp compiles a regular expression, and returns its tree as well. It reports
// one that is wrong, and returns nil.
func (c *compiler) regexp(n *config.Node, expr string) (*regexp.Regexp, *syntax.Regexp) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		c.errorf(n, "%q is not a regular expression: %s", expr, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil, nil
	}
	tree = tree.Simplify()
	prog, err := syntax.Compile(tree)
	if err != nil || len(prog.Inst) > maxProgram {
		c.errorf(n, "the regular expression is too large: it compiles to more than %d instructions", maxProgram)
		return nil, nil
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		c.errorf(n, "%q is not a regular expression: %s", expr, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil, nil
	}
	return re, tree
}

// shape is how an expression is made: what is between its ends, and whether these
// are those of the value.
type shape struct {
	begin, end bool
	parts      []*syntax.Regexp
}

// shapeOf takes the anchors off an expression, and the .* where there is none: it
// may stand for nothing, and the rest may be anywhere.
func shapeOf(t *syntax.Regexp) shape {
	s := shape{parts: []*syntax.Regexp{t}}
	switch t.Op {
	case syntax.OpConcat:
		s.parts = t.Sub
	case syntax.OpEmptyMatch:
		s.parts = nil
	}
	if len(s.parts) > 0 && s.parts[0].Op == syntax.OpBeginText {
		s.begin, s.parts = true, s.parts[1:]
	}
	if n := len(s.parts); n > 0 && s.parts[n-1].Op == syntax.OpEndText {
		s.end, s.parts = true, s.parts[:n-1]
	}
	for !s.begin && len(s.parts) > 0 && isDotStar(s.parts[0]) {
		s.parts = s.parts[1:]
	}
	for n := len(s.parts); !s.end && n > 0 && isDotStar(s.parts[n-1]); n-- {
		s.parts = s.parts[:n-1]
	}
	return s
}

// text returns the literal that the expression begins with between its anchors, and
// whether that is all of it.
func (s *shape) text() (text string, plain bool) {
	if len(s.parts) == 0 {
		return "", true
	}
	first := s.parts[0]
	if first.Op != syntax.OpLiteral || first.Flags&syntax.FoldCase != 0 {
		return "", false
	}
	return string(first.Rune), len(s.parts) == 1
}

// any reports whether an expression is meant to match every value: ^.*$ as well. The
// line feed, which a dot does not match, can only be in a query parameter or an
// attachment, where nobody who writes .* wants to exclude it.
func (s *shape) any() bool {
	if len(s.parts) == 0 {
		return !s.begin || !s.end
	}
	return len(s.parts) == 1 && isDotStar(s.parts[0])
}

func isDotStar(t *syntax.Regexp) bool {
	return t.Op == syntax.OpStar && (t.Sub[0].Op == syntax.OpAnyCharNotNL || t.Sub[0].Op == syntax.OpAnyChar)
}
