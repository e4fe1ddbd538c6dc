package config

import (
	"fmt"
	"strings"
	"testing"
)

// walk calls f for every value of a tree.
func walk(n *Node, f func(*Node)) {
	f(n)
	for _, m := range n.Members() {
		walk(m.Value, f)
	}
	for _, item := range n.Items() {
		walk(item, f)
	}
}

func mustParse(t *testing.T, name, text string) *Node {
	t.Helper()
	var r Report
	n := parseTree(name, []byte(text), &r)
	if n == nil {
		t.Fatalf("%s: %v", name, r.Err())
	}
	return n
}

// TestYAMLPositions checks that every scalar and key of a text stands where its position says.
func TestYAMLPositions(t *testing.T) {
	const text = `# a comment
first: one
"quoted": "two" # another
'single': 'it''s'
list:
  - a
  -   b: c
      d: [e, "f", {g: h, "i": 'j'}, k]
  - - l
    - m
flow: {n: "with \" escape", o: p, q: [r, "s"]} # after
ünï: {ü: ö, x: y}
flag: true
number: 1024
last: z
`
	lines := strings.Split(text, "\n")
	at := func(line, column int) string {
		if line > len(lines) || column > len([]rune(lines[line-1])) {
			return ""
		}
		return strings.TrimLeft(string([]rune(lines[line-1])[column-1:]), `"'`)
	}
	root := mustParse(t, "a.yaml", text)
	walk(root, func(n *Node) {
		if n.Kind() == String || n.Kind() == Bool || n.Kind() == Number {
			_, line, column := n.Position()
			if want := n.Text()[:1]; !strings.HasPrefix(at(line, column), want) {
				t.Errorf("%s: %q is not at %d:%d, there is %q", n.Path(), n.Text(), line, column, at(line, column))
			}
		}
		for _, m := range n.Members() {
			if !strings.HasPrefix(at(m.Line, m.Column), m.Key) {
				t.Errorf("%s: the key %q is not at %d:%d, there is %q", n.Path(), m.Key, m.Line, m.Column, at(m.Line, m.Column))
			}
		}
	})
}

// TestYAMLIsJSON: the same values come of both formats.
func TestYAMLIsJSON(t *testing.T) {
	tests := []struct{ yaml, json string }{
		{"", `null`},
		{"# nothing\n", `null`},
		{"a:", `{"a": null}`},
		{"a: ~\nb: null\nc: true\nd: no\ne: False", `{"a": null, "b": null, "c": true, "d": "no", "e": false}`},
		{"a: 12\nb: -3\nc: 0x10\nd: 0o17\ne: 1.5", `{"a": 12, "b": -3, "c": 16, "d": 15, "e": 1.5}`},
		{"a: '12'\nb: 5s\nc: 127.0.0.1:80\nd: \"*\"", `{"a": "12", "b": "5s", "c": "127.0.0.1:80", "d": "*"}`},
		{"a: |\n  one\n  two\nb: >-\n  one\n  two", `{"a": "one\ntwo\n", "b": "one two"}`},
		{"1: a\ntrue: b", `{"1": "a", "true": "b"}`},
		{"- a\n- - b\n  - {c: [d]}", `["a", ["b", {"c": ["d"]}]]`},
		{"---\na: 1\n...\n", `{"a": 1}`},
		{"a: &x 1\nb: *x", `{"a": 1, "b": 1}`},
		{"a: &x [1, {b: 2}]\nc: *x\nd: [*x]", `{"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": [[1, {"b": 2}]]}`},
		{"a: &x\n  b: 1\n  c: 2\nd:\n  <<: *x\n  c: 3", `{"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}`},
		{"a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  f: 4\n  <<: [*x, *y]", `{"a": {"b": 1}, "c": {"b": 2, "d": 3}, "e": {"b": 1, "d": 3, "f": 4}}`},
		{"a: &x 1\nb: &y [*x]\nc: &x 2\nd: *y\ne: *x", `{"a": 1, "b": [1], "c": 2, "d": [1], "e": 2}`},
		{"a: &x\nb: *x", `{"a": null, "b": null}`},
		{"a: &x\n  - 1\n  - 2\nb: *x", `{"a": [1, 2], "b": [1, 2]}`},
		{"- &x\n  a: 1\n- <<: *x", `[{"a": 1}, {"a": 1}]`},
		{"a: 1\nb: 2\na: 3", `{"a": 3, "b": 2}`},
	}
	for _, tt := range tests {
		y, j := mustParse(t, "a.yaml", tt.yaml), mustParse(t, "a.json", tt.json)
		if !y.Equal(j) {
			t.Errorf("%q is not %s", tt.yaml, tt.json)
		}
	}
}

func TestYAMLRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{"a: *x", `a.yaml:1:4: there is no anchor "x" before this alias`},
		{"a: *x\nb: &x 1", `a.yaml:1:4: there is no anchor "x" before this alias`},
		{"a: &x [1, *x]", `a.yaml:1:11: there is no anchor "x" before this alias`},
		{"a: &x 1\nb: {<<: *x}", "a.yaml:2:5: a merge key takes an object, or a list of objects"},
		{"a: !!str 1", "a.yaml:1:4: tags are not accepted"},
		{"a: .inf", "a.yaml:1:4: a number must be finite"},
		{"a: .nan", "a.yaml:1:4: a number must be finite"},
		{"a: 1\n---\nb: 2", "a.yaml:3:2: the text has a second document"},
		{"a: \xff", "a.yaml:1:1: the text is not UTF-8"},
	}
	for _, tt := range tests {
		var r Report
		if n := parseTree("a.yaml", []byte(tt.text), &r); n != nil {
			t.Errorf("%q was accepted", tt.text)
		} else if got := r.Err().Error(); got != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.text, got, tt.want)
		}
	}
	for _, text := range []string{"a: 'x", "a: [1", "a: 1\n b: 2", "\ta: 1", "? [a]\n: b"} {
		var r Report
		if n := parseTree("a.yaml", []byte(text), &r); n != nil {
			t.Errorf("%q was accepted", text)
		} else if p := r.Problems()[0]; p.Line < 1 || p.Column < 1 || p.Message == "" {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

// TestYAMLAliasPaths: what an alias stands for has the path of the alias, and the position of the value.
func TestYAMLAliasPaths(t *testing.T) {
	root := mustParse(t, "a.yaml", "a: &x\n  b: [1]\nc:\n  <<: *x\nd: *x\n")
	for path, n := range map[string]*Node{"c.b[0]": root.Get("c").Get("b").Items()[0], "d.b[0]": root.Get("d").Get("b").Items()[0]} {
		if _, line, column := n.Position(); n.Path() != path || line != 2 || column != 7 {
			t.Errorf("%s is %s at %d:%d", path, n.Path(), line, column)
		}
	}
}

// TestYAMLAliasesAreBounded: a small text cannot become a big tree, or a deep one.
func TestYAMLAliasesAreBounded(t *testing.T) {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	deep := "a0: &a0 [x]\n"
	for i := range 70 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
		deep += fmt.Sprintf("a%d: &a%d [*a%d]\n", i+1, i+1, i)
	}
	merged := "a0: &a0 {k: v}\n"
	for i := range 20 {
		merged += fmt.Sprintf("a%d: &a%d {k%d: [%s*a%d]}\n", i+1, i+1, i, strings.Repeat(fmt.Sprintf("{<<: *a%d}, ", i), 9), i)
	}
	for text, want := range map[string]string{laughs: "stand for more than 100000 values", deep: "nested deeper than 64", merged: "stand for more than 100000 values"} {
		var r Report
		if parseTree("a.yaml", []byte(text), &r) != nil || !strings.Contains(r.Err().Error(), want) {
			t.Errorf("want %q, got %v", want, r.Err())
		}
	}
}

// TestRepeatedKeys: of a key given twice the last counts, in both formats, and one warning tells of all of them.
func TestRepeatedKeys(t *testing.T) {
	for name, text := range map[string]string{"a.json": `{"a": 1, "b": {"c": [1]},
 "a": 2, "b": 3}`, "a.yaml": "a: 1\nb: {c: [1]}\na: 2\nb: 3"} {
		var r Report
		n := parseTree(name, []byte(text), &r)
		if n.Get("a").Text() != "2" || n.Get("b").Text() != "3" || len(n.Members()) != 2 {
			t.Errorf("%s: %v", name, n.Members())
		}
		ps := r.Problems()
		if len(ps) != 1 || ps[0].Severity != Warning || !strings.Contains(ps[0].Message, `the key "a" is given twice: this counts, and not that in line 1; 1 more places`) {
			t.Errorf("%s: %v", name, ps)
		}
	}
}
