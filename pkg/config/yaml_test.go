package config

import (
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
		{"a: &x 1", "a.yaml:1:4: anchors, aliases and merge keys are not accepted"},
		{"<<: {a: 1}", "a.yaml:1:1: anchors, aliases and merge keys are not accepted"},
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
	for _, text := range []string{"a: 1\na: 2", "a: 'x", "a: [1", "a: 1\n b: 2", "\ta: 1", "? [a]\n: b"} {
		var r Report
		if n := parseTree("a.yaml", []byte(text), &r); n != nil {
			t.Errorf("%q was accepted", text)
		} else if p := r.Problems()[0]; p.Line < 1 || p.Column < 1 || p.Message == "" {
			t.Errorf("%q: %+v", text, p)
		}
	}
}
