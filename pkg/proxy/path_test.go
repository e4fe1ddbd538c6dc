package proxy

import (
	"bytes"
	"strings"
	"testing"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct {
		in, want string
		rules    PathRules
	}{
		{in: "/", want: "/"},
		{in: "/a/b", want: "/a/b"},
		{in: "*", want: "*"},
		{in: "/a/./b", want: "/a/b"},
		{in: "/a/../b", want: "/b"},
		{in: "/a/..", want: "/"},
		{in: "/a/.", want: "/a/"},
		{in: "/..", want: "/"},
		{in: "/../../x", want: "/x"},
		{in: "/a/b/../../c/", want: "/c/"},
		{in: "//a///b//", want: "/a/b/"},
		{in: "//a///b", want: "//a///b", rules: PathRules{KeepSlashes: true}},
		{in: "/a//../b", want: "/b"},
		{in: "/a//../b", want: "/a/b", rules: PathRules{KeepSlashes: true}},
		{in: "/%61dmin", want: "/admin"},
		{in: "/%2e%2E/x", want: "/x"},
		{in: "/a/%2e%2e/b", want: "/b"},
		{in: "/a%2fb", want: "/a%2Fb"},
		{in: "/%e4%bd%a0", want: "/%E4%BD%A0"},
		{in: "/a;v=1/b", want: "/a;v=1/b"},
		{in: "/.well-known/x", want: "/.well-known/x"},
		{in: "/a.b/c..d/...", want: "/a.b/c..d/..."},
		{in: "/a/..?b=/../c//d", want: "/?b=/../c//d"},
		{in: "/a%3Fb?c", want: "/a%3Fb?c"},
		{in: "/x?", want: "/x?"},
	} {
		got, ok := c.rules.normalise(nil, []byte(c.in))
		if !ok || string(got) != c.want {
			t.Errorf("normalise(%q) with %+v = %q, %v, want %q", c.in, c.rules, got, ok, c.want)
		}
	}
}

func TestNormaliseRefuses(t *testing.T) {
	strict := PathRules{RejectEscapedSlashes: true}
	for in, rules := range map[string]PathRules{
		"/%":      {},
		"/%2":     {},
		"/%zz":    {},
		"/a%00b":  {},
		"/%0d%0a": {},
		"/%7f":    {},
		"/a%2Fb":  strict,
		"/a%5cb":  strict,
	} {
		if got, ok := rules.normalise(nil, []byte(in)); ok {
			t.Errorf("normalise(%q) with %+v = %q, want it refused", in, rules, got)
		}
	}
}

// FuzzNormalise checks that a normal form is one: it is its own, it has nothing
// left to resolve, and the quick look at a path is right about it.
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "//x/.%2e/y?q=/../z", "/%41%2f", "*", "/a/./", "/...", "/.a", "/?/.."} {
		f.Add([]byte(s), false, false)
		f.Add([]byte(s), true, true)
	}
	f.Fuzz(func(t *testing.T, in []byte, keep, reject bool) {
		r := PathRules{KeepSlashes: keep, RejectEscapedSlashes: reject}
		if len(in) > 0 && in[0] == '/' && plain(in) {
			if got, ok := r.normalise(nil, in); !ok || !bytes.Equal(got, in) {
				t.Fatalf("%q looks plain, but its normal form is %q, %v", in, got, ok)
			}
		}
		prefix := []byte("kept")
		got, ok := r.normalise(bytes.Clone(prefix), in)
		if !ok {
			return
		}
		if !bytes.HasPrefix(got, prefix) {
			t.Fatalf("normalise(%q) spoilt what was before it: %q", in, got)
		}
		got = got[len(prefix):]
		again, ok := r.normalise(nil, got)
		if !ok || !bytes.Equal(again, got) {
			t.Fatalf("normalise(%q) = %q, whose own is %q, %v", in, got, again, ok)
		}
		if len(in) == 0 || in[0] != '/' {
			return
		}
		path, _, _ := strings.Cut(string(got), "?")
		if path == "" || path[0] != '/' {
			t.Fatalf("normalise(%q) = %q, which does not begin with a slash", in, got)
		}
		for _, segment := range strings.Split(path[1:], "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("normalise(%q) = %q has a dot segment", in, got)
			}
		}
		if !keep && strings.Contains(path, "//") {
			t.Fatalf("normalise(%q) = %q has two slashes in a row", in, got)
		}
	})
}
