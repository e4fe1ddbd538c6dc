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
	literal string         // isLiteral
	re      *regexp.Regexp // isRegexp
}

type patternKind uint8

const (
	isAny patternKind = iota
	isLiteral
	isRegexp
)

func (p *pattern) holds(value []byte) bool {
	switch p.kind {
	case isLiteral:
		return string(value) == p.literal
	case isRegexp:
		return p.re.Match(value)
	}
	return true
}

// pattern compiles a value as conditions give it: the value itself, empty for any
// value, or a regular expression that the whole value matches. One that stands
// for any value, or for one value only, becomes a pattern of that kind, which is
// faster and can be indexed.
func (c *compiler) pattern(n *config.Node, value string, isExpr bool) pattern {
	switch {
	case value == "":
		return pattern{}
	case !isExpr:
		return pattern{kind: isLiteral, literal: value}
	}
	re, tree := c.regexp(n, `\A(?:`, value, `)\z`)
	if re == nil {
		return pattern{}
	}
	if plain, complete := literalPrefix(tree); complete {
		return pattern{kind: isLiteral, literal: plain}
	}
	if matchesAny(tree) {
		return pattern{}
	}
	return pattern{kind: isRegexp, re: re}
}

// regexp compiles a regular expression between two pieces of syntax, and returns
// the tree of the expression alone. It reports one that is wrong, and returns nil.
func (c *compiler) regexp(n *config.Node, before, expr, after string) (*regexp.Regexp, *syntax.Regexp) {
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
	re, err := regexp.Compile(before + expr + after)
	if err != nil {
		c.errorf(n, "%q is not a regular expression: %s", expr, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil, nil
	}
	return re, tree
}

// literalPrefix returns the text that every match of the whole value starts with,
// and whether it is all of it.
func literalPrefix(t *syntax.Regexp) (prefix string, complete bool) {
	parts := []*syntax.Regexp{t}
	if t.Op == syntax.OpConcat {
		parts = t.Sub
	}
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	}
	if len(parts) == 0 || parts[0].Op != syntax.OpLiteral || parts[0].Flags&syntax.FoldCase != 0 {
		return "", false
	}
	prefix, parts = string(parts[0].Rune), parts[1:]
	if len(parts) > 0 && parts[0].Op == syntax.OpEndText {
		parts = parts[1:]
	}
	return prefix, len(parts) == 0
}

// matchesAny tells whether an expression is meant to match every value. The line
// feed, which a dot does not match, can only be in a query parameter, where
// nobody who writes .* wants to exclude it.
func matchesAny(t *syntax.Regexp) bool {
	if t.Op == syntax.OpConcat && len(t.Sub) > 0 && t.Sub[0].Op == syntax.OpBeginText {
		rest := *t
		rest.Sub = rest.Sub[1:]
		return matchesAny(&rest)
	}
	if t.Op == syntax.OpConcat && len(t.Sub) > 0 {
		last := len(t.Sub) - 1
		if last == 1 && t.Sub[last].Op == syntax.OpEndText {
			last--
		}
		return last == 0 && matchesAny(t.Sub[0])
	}
	return t.Op == syntax.OpStar && (t.Sub[0].Op == syntax.OpAnyCharNotNL || t.Sub[0].Op == syntax.OpAnyChar)
}
