package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestJSONPositions(t *testing.T) {
	const text = "{\r\n\t\"ünï\": [\"ö\", 1.5e3, {\"x\": null}],\n  \"last\":true}\n"
	root := mustParse(t, "a.json", text)
	want := map[string][2]int{
		"": {1, 1}, "ünï": {2, 9}, "ünï[0]": {2, 10}, "ünï[1]": {2, 15}, "ünï[2]": {2, 22}, "ünï[2].x": {2, 28}, "last": {3, 10},
	}
	walk(root, func(n *Node) {
		_, line, column := n.Position()
		if got := [2]int{line, column}; got != want[n.Path()] {
			t.Errorf("%q is at %v, want %v", n.Path(), got, want[n.Path()])
		}
		delete(want, n.Path())
	})
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if m := root.Members()[1]; m.Line != 3 || m.Column != 3 {
		t.Errorf("the key %q is at %d:%d", m.Key, m.Line, m.Column)
	}
}

func TestJSONRefuses(t *testing.T) {
	tests := []struct{ text, want string }{
		{``, `1:1: unexpected end of the text, want a value`},
		{`{} {}`, `1:4: unexpected text after the end of the value`},
		{`{"a" 1}`, `1:6: unexpected '1', want ':' after the key`},
		{`{"a": 1 "b"}`, `1:9: unexpected '"', want ',' or '}'`},
		{`{a: 1}`, `1:2: unexpected 'a', want a key in quotes`},
		{`[1,]`, `1:4: unexpected ']', want a value`},
		{`[1`, `1:3: unexpected end of the text, want ',' or ']'`},
		{`nul`, `1:1: unexpected 'n', want a value`},
		{`01`, `1:2: unexpected text after the end of the value`},
		{`-`, `1:2: unexpected end of the text, want a digit`},
		{`1.`, `1:3: unexpected end of the text, want a digit`},
		{`1e+`, `1:4: unexpected end of the text, want a digit`},
		{`"a`, `1:3: unexpected end of the text, want '"' at the end of the string`},
		{`"\`, `1:3: unexpected end of the text, want '"' at the end of the string`},
		{`"\x"`, `1:1: the string has an escape that JSON does not know`},
		{"\"a\nb\"", `1:3: a string must not contain the control character '\n'`},
		{"[\n\"\xff\"]", `2:2: the text is not UTF-8`},
		{"\ufeff{}", `1:1: unexpected '\ufeff', want a value`},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var r Report
			if n := parseTree("a.json", []byte(tt.text), &r); n != nil {
				t.Fatal("accepted")
			}
			if got := r.Err().Error(); got != "a.json:"+tt.want {
				t.Errorf("got  %s\nwant a.json:%s", got, tt.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	tests := []struct {
		name, file, text, want string
	}{
		{"json depth", "a.json", nested(maxDepth + 2), "nested deeper than 64"},
		{"json unclosed", "a.json", strings.Repeat(`{"a":`, 1<<20), "nested deeper than 64"},
		{"yaml flow depth", "a.yaml", nested(maxDepth + 1), "nested deeper than 64"},
		{"yaml unclosed", "a.yaml", strings.Repeat(`[`, 1<<16), "nested deeper than 64"},
		{"yaml list in list", "a.yaml", strings.Repeat(`- `, 1<<16) + "x", "nested too deep"},
		{"yaml blocks", "a.yaml", strings.Repeat("- ", 100) + "x", "nested deeper than 64"},
		{"yaml size", "a.yaml", strings.Repeat("#", maxYAMLSize+1), "too big"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Report
			if parseTree(tt.file, []byte(tt.text), &r) != nil {
				t.Fatal("accepted")
			}
			if got := r.Err().Error(); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q in it", got, tt.want)
			}
		})
	}
	mustParse(t, "a.json", nested(maxDepth))
	mustParse(t, "a.yaml", nested(maxDepth))
}

// TestManyKeys: a key given twice is found however many there are.
func TestManyKeys(t *testing.T) {
	for _, count := range []int{1, 15, 16, 17, 18, 100} {
		for _, again := range []int{0, count - 1} {
			var b strings.Builder
			for i := range count {
				fmt.Fprintf(&b, `"k%d": 1, `, i)
			}
			if n := mustParse(t, "a.json", "{"+b.String()+`"last": 1}`); len(n.Members()) != count+1 {
				t.Errorf("%d keys became %d", count+1, len(n.Members()))
			}
			var r Report
			n := parseTree("a.json", fmt.Appendf(nil, `{%s"k%d": 2}`, b.String(), again), &r)
			if len(r.Problems()) != 1 || len(n.Members()) != count || n.Get(fmt.Sprintf("k%d", again)).Text() != "2" {
				t.Errorf("key %d of %d, given twice: %v", again, count, r.Problems())
			}
		}
	}
}

// FuzzJSON: never a panic; what is accepted is JSON, and what is refused is not, or is one of the two things that weir refuses.
func FuzzJSON(f *testing.F) {
	seedFuzz(f, ".json")
	for _, s := range []string{
		`{"a":[1,-0.5e+9,"\u00e9\n\ud83d\ude00",true,false,null,{}]}`, `{"a":1,"a":2}`, `"\ud800"`, `[[[[`, "\"\xff\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := parseJSON("fuzz.json", data, new(Report))
		if (n == nil) == (err == nil) {
			t.Fatal("want a value or an error")
		}
		if err == nil {
			if !json.Valid(data) {
				t.Fatalf("accepted what is not JSON: %q", data)
			}
			Parse("fuzz.json", data, testOptions())
			return
		}
		if err.line < 1 || err.column < 1 {
			t.Fatalf("an error without a place: %+v", err)
		}
		ours := strings.Contains(err.message, "deeper than")
		if json.Valid(data) && utf8.Valid(data) && !ours {
			t.Fatalf("refused JSON: %s: %q", err.message, data)
		}
	})
}

// FuzzYAML: never a panic, and every value has a place in the text.
func FuzzYAML(f *testing.F) {
	seedFuzz(f, ".yaml")
	for _, s := range []string{
		"a: &x [1]\nb: *x", "? a\n: b", "a: |\n  x\n y: z", "- - - a", "{a: b, c: [d]}", "!!map {}", "%YAML 1.2\n---\na: 1\n...\n", "a: .inf", "<<: {}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := parseYAML("fuzz.yaml", data, new(Report))
		if (n == nil) == (err == nil) {
			t.Fatal("want a value or an error")
		}
		if err != nil {
			if err.line < 1 || err.column < 1 {
				t.Fatalf("an error without a place: %+v", err)
			}
			return
		}
		walk(n, func(n *Node) {
			if _, line, column := n.Position(); line < 1 || column < 1 {
				t.Fatalf("%q is at %d:%d", n.Path(), line, column)
			}
		})
		Parse("fuzz.yaml", data, testOptions())
	})
}
