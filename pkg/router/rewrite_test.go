package router

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

func TestPathRewrite(t *testing.T) {
	regex := func(expr, substitution string) config.RouteAction {
		return config.RouteAction{RegexRewrite: &config.RegexRewrite{Pattern: config.RegexPattern{Regex: expr}, Substitution: substitution}}
	}
	prefix := func(s string) config.RouteAction { return config.RouteAction{PrefixRewrite: s} }
	tests := []struct {
		name   string
		match  config.RouteMatch
		action config.RouteAction
		path   string
		want   string // "" if the request is to be refused
	}{
		{"none", config.RouteMatch{Prefix: "/"}, config.RouteAction{}, "/a/../b?c", "/a/../b?c"},
		{"prefix", config.RouteMatch{Prefix: "/api"}, prefix("/v1"), "/api/x?q=/api", "/v1/x?q=/api"},
		{"prefix is bytes", config.RouteMatch{Prefix: "/api"}, prefix("/v1"), "/apix", "/v1x"},
		{"all of the path", config.RouteMatch{Prefix: "/api"}, prefix("/"), "/api?q", "/?q"},
		{"one slash where two would meet", config.RouteMatch{Prefix: "/api"}, prefix("/"), "/api/x", "/x"},
		{"prefix with slash", config.RouteMatch{Prefix: "/api/"}, prefix("/v1/"), "/api/x", "/v1/x"},
		{"no way up", config.RouteMatch{Prefix: "/files"}, prefix("/data/"), "/files../secret", ""},
		{"no way up, escaped", config.RouteMatch{Prefix: "/files"}, prefix("/data/"), "/files%2E./secret", ""},
		{"no dot", config.RouteMatch{Prefix: "/files"}, prefix("/data/"), "/files.", ""},
		{"three dots are a name", config.RouteMatch{Prefix: "/files"}, prefix("/data/"), "/files...", "/data/..."},
		{"whole path", config.RouteMatch{Path: "/Old"}, prefix("/new/x"), "/oLd?q", "/new/x?q"},
		{"regex", config.RouteMatch{Prefix: "/"}, regex(`/v(\d)/`, `/\1/v/`), "/v1/x/v2/y?/v3/", "/1/v/x/2/v/y?/v3/"},
		{"regex, dollar", config.RouteMatch{Prefix: "/"}, regex(`^/(\w+)/(\w+)`, `/${2}x/$1`), "/a/b/c", "/bx/a/c"},
		{"regex, escapes", config.RouteMatch{Prefix: "/"}, regex(`^/a`, `/\\\$`), "/a", `/\$`},
		{"regex route", config.RouteMatch{Regex: "/a.*"}, regex(`a`, `b`), "/aa?a", "/bb?a"},
		{"regex without match", config.RouteMatch{Prefix: "/"}, regex(`x`, `y`), "/a", "/a"},
		{"regex keeps a path a path", config.RouteMatch{Prefix: "/"}, regex(`^/a`, ``), "/ab?c", "/b?c"},
		{"regex, nothing left", config.RouteMatch{Prefix: "/"}, regex(`.*`, ``), "/ab?c", "/?c"},
		{"regex, no way up", config.RouteMatch{Prefix: "/"}, regex(`x`, `.`), "/a/x./b", ""},
		{"no path", config.RouteMatch{}, regex(`.*`, `/x`), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.action.ClusterName = "c1"
			table := compile(t, everyHost(config.Route{Match: tt.match, Route: &tt.action}))
			r := request("GET h" + tt.path)
			rt := table.Match(r)
			if rt == nil {
				t.Fatal("no route")
			}
			ok := rt.RewriteRequest(r)
			if got := string(r.Head.Path()); ok && got != tt.want || !ok && (got != tt.path || tt.want != "") {
				t.Errorf("path %q, %v; want %q", got, ok, tt.want)
			}
		})
	}
}

func TestHostRewrite(t *testing.T) {
	tests := []struct {
		name   string
		action config.RouteAction
		header string
		want   string
	}{
		{"none", config.RouteAction{}, "x: y", "h"},
		{"host", config.RouteAction{HostRewrite: "new:81", AutoHostRewriteHeader: "x", AutoHostRewrite: true}, "x: y", "new:81"},
		{"header", config.RouteAction{AutoHostRewriteHeader: "X", AutoHostRewrite: true}, "x: y:1", "y:1"},
		{"header, IPv6", config.RouteAction{AutoHostRewriteHeader: "X"}, "x: [::1]:1", "[::1]:1"},
		{"no header", config.RouteAction{AutoHostRewriteHeader: "X"}, "z: y", "h"},
		{"header that is no host", config.RouteAction{AutoHostRewriteHeader: "X"}, "x: a@b", "h"},
		{"header with a path", config.RouteAction{AutoHostRewriteHeader: "X"}, "x: a/b", "h"},
		{"header of nothing", config.RouteAction{AutoHostRewriteHeader: "X"}, "x: :80", "h"},
		{"chosen host", config.RouteAction{AutoHostRewrite: true}, "x: y", "upstream.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt := compile(t, everyHost(action(tt.action))).Routes()[0]
			r := request("GET h/", tt.header)
			rt.RewriteRequest(r)
			if rt.AutoHost {
				RewriteHost(r, "") // a host without a name
				if got := string(r.Head.Authority()); got != "h" {
					t.Errorf("authority %q", got)
				}
				RewriteHost(r, "upstream.example")
			}
			if host, _ := r.Head.Get("host"); string(host) != tt.want || string(r.Head.Authority()) != tt.want {
				t.Errorf("Host %q, authority %q, want %q", host, r.Head.Authority(), tt.want)
			}
		})
	}
}

func edit3(prefix string, appends bool) config.HeaderEdits {
	add := func(name, value string, appends bool) config.HeaderOption {
		return config.HeaderOption{Header: config.HeaderValue{Key: name, Value: value}, Append: appends}
	}
	return config.HeaderEdits{
		RequestHeadersToAdd:     []config.HeaderOption{add("X-All", prefix, true), add("X-Last", prefix, appends)},
		RequestHeadersToRemove:  []string{"x-" + prefix, "X-Last"},
		ResponseHeadersToAdd:    []config.HeaderOption{add("X-All", prefix, true), add("Server", prefix, false)},
		ResponseHeadersToRemove: []string{"x-" + prefix},
	}
}

// Route, virtual host, table; at each first what is added.
func TestHeaderEdits(t *testing.T) {
	vh := everyHost(action(config.RouteAction{HeaderEdits: edit3("route", true)}))
	vh.HeaderEdits = edit3("vhost", false)
	rc := &config.RouterConfig{VirtualHosts: []config.VirtualHost{vh}, HeaderEdits: edit3("table", true)}
	rt := compileConfig(t, rc).Routes()[0]
	r := request("GET h/", "X-All: client", "X-Last: client", "X-Route: 1", "X-Vhost: 1", "X-Table: 1", "X-Keep: 1")
	if !rt.RewriteRequest(r) {
		t.Fatal("refused")
	}
	want := "Host: h|X-All: client,route,vhost,table|X-Keep: 1"
	if diff := cmp.Diff(want, fields(&r.Head.Header)); diff != "" {
		t.Errorf("request: %s", diff)
	}
	response := &stream.Head{Status: 200}
	response.Add("Server", "s")
	response.Add("X-Route", "1")
	response.Add("X-Last", "kept")
	rt.RewriteResponse(response, r)
	want = "Server: table|X-Last: kept|X-All: route,vhost,table"
	if diff := cmp.Diff(want, fields(&response.Header)); diff != "" {
		t.Errorf("response: %s", diff)
	}
}

// TestHeadersToAdd: what is added is joined with what is there, and may be a variable.
func TestHeadersToAdd(t *testing.T) {
	add := func(name, value string) []config.HeaderOption {
		return []config.HeaderOption{{Header: config.HeaderValue{Key: name, Value: value}, Append: true}}
	}
	tests := []struct {
		name, header string
		add          []config.HeaderOption
		remove       []string
		want         string
	}{
		{"to nothing", "A: 0", add("X", "2"), nil, "A: 0|X: 2"},
		{"to a value", "x: 0", add("X", "2"), nil, "x: 0,2"},
		{"to an empty value", "x: ", add("X", "2"), nil, "x: ,2"},
		{"to the last of several", "x: 0|x: 1", add("X", "2"), nil, "x: 0|x: 1,2"},
		{"to a header with an id", "via: 0", add("Via", "2"), nil, "via: 0,2"},
		{"to cookies", "Cookie: a=1", add("cookie", "b=2"), nil, "Cookie: a=1; b=2"},
		{"to cookies that are set", "Set-Cookie: a=1", add("set-cookie", "b=2"), nil, "Set-Cookie: a=1|Set-Cookie: b=2"},
		{"added, then removed", "A: 0", add("X", "2"), []string{"x"}, "A: 0"},
		{"a variable", "A: 0", add("X", "%x.a%"), nil, "A: 0|X: 0"},
		{"a variable behind a value", "A: 0|X: 1", add("X", "%x.a%"), nil, "A: 0|X: 1,0"},
		{"a variable without a value", "A: 0", add("X", "%x.b%"), nil, "A: 0"},
		{"a variable with a line feed", "A: 0\r\nB: 1", add("X", "%x.a%"), nil, "A: 0\r\nB: 1"},
		{"no variable", "A: 0", add("X", "%y%"), nil, "A: 0|X: %y%"},
		{"not all of it a variable", "A: 0", add("X", "v%x.a%"), nil, "A: 0|X: v%x.a%"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := config.RouteAction{HeaderEdits: config.HeaderEdits{
				RequestHeadersToAdd: tt.add, RequestHeadersToRemove: tt.remove, ResponseHeadersToAdd: tt.add, ResponseHeadersToRemove: tt.remove,
			}}
			rt := compile(t, everyHost(action(a))).Routes()[0]
			r := request("GET h/", strings.Split(tt.header, "|")...)
			response := &stream.Head{}
			response.CopyFrom(r.Head)
			rt.RewriteResponse(response, r)
			if got := fields(&response.Header); got != "Host: h|"+tt.want {
				t.Errorf("response: %s, want %s", got, tt.want)
			}
			rt.RewriteRequest(r)
			if got := fields(&r.Head.Header); got != "Host: h|"+tt.want {
				t.Errorf("request: %s, want %s", got, tt.want)
			}
		})
	}
}

// TestOriginalPath: a host is told of a path that was rewritten, whatever the client
// says; not where there was nothing to rewrite.
func TestOriginalPath(t *testing.T) {
	for _, tt := range []struct {
		action config.RouteAction
		want   string
	}{
		{config.RouteAction{PrefixRewrite: "/new/"}, "/a/b"},
		{config.RouteAction{RegexRewrite: &config.RegexRewrite{Pattern: config.RegexPattern{Regex: "a"}, Substitution: "b"}}, "/a/b"},
		{config.RouteAction{}, "mine"},
		{config.RouteAction{RegexRewrite: &config.RegexRewrite{Pattern: config.RegexPattern{Regex: "x"}, Substitution: "b"}}, "mine"},
	} {
		r := request("GET h/a/b?c", "X-Mosn-Original-Path: mine")
		rt := compile(t, everyHost(action(tt.action))).Routes()[0]
		if !rt.RewriteRequest(r) {
			t.Fatal("refused")
		}
		if got, _ := r.Head.Get("x-mosn-original-path"); string(got) != tt.want {
			t.Errorf("%+v: %q, want %q", tt.action, got, tt.want)
		}
	}
	r := request("GET h/service/method")
	r.Head.RPC.Kind = stream.KindRequest
	compile(t, everyHost(action(config.RouteAction{PrefixRewrite: "/new/"}))).Routes()[0].RewriteRequest(r)
	if got, ok := r.Head.Get("x-mosn-original-path"); ok {
		t.Errorf("an RPC request gets the header, %q", got)
	}
}

func TestHostAmongHeadersToAdd(t *testing.T) {
	a := config.RouteAction{HeaderEdits: config.HeaderEdits{RequestHeadersToAdd: []config.HeaderOption{
		{Header: config.HeaderValue{Key: "host", Value: "new"}, Append: true},
	}}}
	r := request("GET h/")
	compile(t, everyHost(action(a))).Routes()[0].RewriteRequest(r)
	if got := fields(&r.Head.Header); got != "Host: new" || string(r.Head.Authority()) != "new" {
		t.Errorf("%s, authority %s", got, r.Head.Authority())
	}
}

func fields(h *stream.Header) string {
	var all []string
	for i := range h.Len() {
		name, value := h.At(i)
		all = append(all, string(name)+": "+string(value))
	}
	return strings.Join(all, "|")
}

func TestLocation(t *testing.T) {
	tests := []struct {
		name     string
		redirect config.Redirect
		host     string
		path     string
		want     string
	}{
		{"path", config.Redirect{PathRedirect: "/new"}, "h:8080", "/a?b=c", "http://h:8080/new?b=c"},
		{"path with query", config.Redirect{PathRedirect: "/new?x=y"}, "h", "/a?b=c", "http://h/new?x=y"},
		{"host", config.Redirect{HostRedirect: "n.example:81"}, "h:80", "/a?b", "http://n.example:81/a?b"},
		{"scheme", config.Redirect{SchemeRedirect: "HTTPS"}, "h", "/a", "https://h/a"},
		{"scheme, default port", config.Redirect{SchemeRedirect: "https"}, "h:80", "/a", "https://h/a"},
		{"scheme, its default port", config.Redirect{SchemeRedirect: "https"}, "[::1]:443", "/a", "https://[::1]/a"},
		{"scheme, odd port", config.Redirect{SchemeRedirect: "https"}, "h:8080", "/a", "https://h:8080/a"},
		{"same scheme", config.Redirect{SchemeRedirect: "http"}, "h:80", "/a", "http://h:80/a"},
		{"everything", config.Redirect{SchemeRedirect: "https", HostRedirect: "n", PathRedirect: "/"}, "h:80", "/a?b", "https://n/?b"},
		{"no host", config.Redirect{SchemeRedirect: "https"}, "", "/a?b", "/a?b"},
		{"no host, two slashes", config.Redirect{SchemeRedirect: "https"}, "", "//evil.example/x?b", "/evil.example/x?b"},
		{"no host, backslash", config.Redirect{SchemeRedirect: "https"}, "", `/\/evil.example`, "/evil.example"},
		{"two slashes behind a host", config.Redirect{SchemeRedirect: "https"}, "h", "//evil.example", "https://h//evil.example"},
		{"host with a user", config.Redirect{SchemeRedirect: "https"}, "h@evil.example", "/a", "/a"},
		{"host with a line feed", config.Redirect{SchemeRedirect: "https"}, "h\r\nx: y", "/a", "/a"},
		{"path with a line feed", config.Redirect{SchemeRedirect: "https"}, "h", "/a\r\nx:\x00é\\?\n", `https://h/a%0D%0Ax:%00%C3%A9%5C?%0A`},
		{"no path", config.Redirect{SchemeRedirect: "https"}, "h", "", "https://h/"},
		{"star", config.Redirect{SchemeRedirect: "https"}, "h", "*", "https://h/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.redirect.ResponseCode = 301
			rt := compile(t, everyHost(config.Route{Redirect: &tt.redirect})).Routes()[0]
			r := request("GET h/")
			r.Head.SetAuthority([]byte(tt.host))
			r.Head.SetPath([]byte(tt.path))
			r.Reset(r.Head, r.Info)
			if got := string(rt.AppendLocation([]byte("> "), r)); got != "> "+tt.want {
				t.Errorf("Location %q, want %q", got, tt.want)
			}
		})
	}
}
