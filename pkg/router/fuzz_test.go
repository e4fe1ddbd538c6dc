package router

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
)

// The query parser finds what net/url finds.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"", "?", "?a=b", "a=b&a=c", "?a+b=%26&c", "?%", "?a=%4", "?%zz=1&x", "?;a=1&b=2;", "?=&&=x", "?a==b", "?a=%00%ff"} {
		f.Add(s)
	}
	var q query
	f.Fuzz(func(t *testing.T, s string) {
		want, _ := url.ParseQuery(strings.TrimPrefix(s, "?"))
		q.parse([]byte(s))
		for _, p := range q.pairs {
			name := string(q.text[p.name:p.value])
			if got, _ := q.get(name); !want.Has(name) || string(got) != want.Get(name) {
				t.Fatalf("%q: %q is %q, want %q", s, name, got, want[name])
			}
		}
		pairs := 0
		for name, values := range want {
			if _, ok := q.get(name); !ok {
				t.Fatalf("%q: there is no %q", s, name)
			}
			pairs += len(values)
		}
		if pairs != len(q.pairs) {
			t.Fatalf("%q: %d pairs, want %d", s, len(q.pairs), pairs)
		}
	})
}

// Where net/url finds a host and a port in an authority, so does weir; and what
// weir takes for one fits into a URL unchanged.
func FuzzAuthority(f *testing.F) {
	for _, s := range []string{"", "a", "a:80", "a:", "[::1]", "[::1]:80", "[::1", "::1", "a:b", "a:65536", "a@b", "[a]b:1", "[]:1", ":1", "a:00080", "%41:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		host, port := splitAuthority([]byte(s))
		u, err := url.Parse("http://" + s)
		if !isAuthority(s) {
			return
		}
		if _, parseErr := netip.ParseAddr(string(host)); s[0] == '[' && parseErr != nil {
			return // net/url refuses what is no address; weir has no domain for it
		}
		if err != nil || u.Host != s || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
			t.Fatalf("%q is an authority, but not in a URL: %+v, %v", s, u, err)
		}
		wantPort := noPort
		if u.Port() != "" {
			wantPort, _ = strconv.Atoi(u.Port())
		}
		if string(host) != u.Hostname() || port != wantPort {
			t.Fatalf("%q: host %q, port %d; want %q, %s", s, host, port, u.Hostname(), u.Port())
		}
	})
}

// A redirect leads to the request's host or stays a path, whatever the request is.
func FuzzLocation(f *testing.F) {
	f.Add("h", "/a?b")
	f.Add("", "//evil.example")
	f.Add("h\r\nx: y", "/\\evil\r\n")
	f.Add("a@b", "*")
	redirect := config.Redirect{ResponseCode: 301, SchemeRedirect: "https"}
	rt := compile(f, everyHost(config.Route{Redirect: &redirect})).Routes()[0]
	f.Fuzz(func(t *testing.T, host, path string) {
		r := request("GET h/")
		r.Head.SetAuthority([]byte(host))
		r.Head.SetPath([]byte(path))
		r.Reset(r.Head, r.Info)
		location := string(rt.AppendLocation(nil, r))
		for _, c := range []byte(location) {
			if c <= ' ' || c >= 0x7f || c == '\\' {
				t.Fatalf("host %q, path %q: %q has a byte %#x", host, path, location, c)
			}
		}
		rest, absolute := strings.CutPrefix(location, "https://")
		switch {
		case !absolute && (!strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//")):
			t.Fatalf("host %q, path %q: %q leads elsewhere", host, path, location)
		case absolute:
			to, _, _ := strings.Cut(rest, "/")
			name, _ := splitAuthority([]byte(to))
			want, _ := splitAuthority([]byte(host))
			if string(name) != string(want) {
				t.Fatalf("host %q, path %q: %q leads to %q", host, path, location, to)
			}
		}
	})
}
