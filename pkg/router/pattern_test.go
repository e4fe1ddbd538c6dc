package router

import (
	"testing"

	"github.com/weirproxy/weir/pkg/config"
)

// TestExpressions: what can be compared as text is, and what a value must start with
// is known.
func TestExpressions(t *testing.T) {
	tests := []struct {
		expr    string
		kind    patternKind
		literal string
		start   string
	}{
		{`^/a\.b$`, isLiteral, "/a.b", "/a.b"},
		{`\A/a\z`, isLiteral, "/a", "/a"},
		{`^$`, isLiteral, "", ""},
		{`^/a`, isPrefix, "/a", "/a"},
		{`^/a.*`, isPrefix, "/a", "/a"},
		{`^/a.*?`, isPrefix, "/a", "/a"},
		{`b$`, isSuffix, "b", ""},
		{`.*b$`, isSuffix, "b", ""},
		{`.*`, isAny, "", ""},
		{`^.*$`, isAny, "", ""},
		{`^(?s:.*)$`, isAny, "", ""},
		{`^`, isAny, "", ""},
		{`$`, isAny, "", ""},
		{``, isAny, "", ""},
		{`^/v\d+$`, isRegexp, "", "/v"},
		{`^/v\d`, isRegexp, "", "/v"},
		{`/v\d`, isRegexp, "", ""},
		{`a`, isRegexp, "", ""},
		{`^a|b$`, isRegexp, "", ""},
		{`^/a.*b$`, isRegexp, "", "/a"},
		{`^/a.*$`, isRegexp, "", "/a"}, // a line feed in the value
		{`^(?i)ab$`, isRegexp, "", ""},
		{`(?m)^ab$`, isRegexp, "", ""},
		{`^a?$`, isRegexp, "", ""},
		{`.+`, isRegexp, "", ""},
	}
	for _, tt := range tests {
		var report config.Report
		p, start := newCompiler(testOptions(), &report).expression(nil, tt.expr)
		if p.kind != tt.kind || p.literal != tt.literal || start != tt.start || (p.re != nil) != (tt.kind == isRegexp) {
			t.Errorf("%s: kind %d of %q, starts with %q; want %d of %q, %q", tt.expr, p.kind, p.literal, start, tt.kind, tt.literal, tt.start)
		}
		if err := report.Err(); err != nil {
			t.Errorf("%s: %v", tt.expr, err)
		}
	}
}
