package router

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// headerVariable is a variable that has the value of a header.
type headerVariable string

func (v headerVariable) Append(dst []byte, in *stream.Info) ([]byte, bool) {
	value, ok := in.Request.Get(string(v))
	return append(dst, value...), ok
}

// testOptions knows the clusters c0 to c9, a variable x.name for each header, and
// services that requests may name.
func testOptions() Options {
	return Options{
		Cluster: func(name string) (int, bool) {
			if len(name) == 2 && name[0] == 'c' && name[1] >= '0' && name[1] <= '9' {
				return int(name[1] - '0'), true
			}
			return 0, false
		},
		Variable: func(name string) (Variable, error) {
			if header, ok := strings.CutPrefix(name, "x."); ok {
				return headerVariable(header), nil
			}
			return nil, errors.New("there is no variable " + name)
		},
		OnDemand: &config.OnDemand{Services: []string{"shop", "com.example.*", "*.internal", "a*b*c"}},
	}
}

// compile compiles a table that must be free of errors.
func compile(t testing.TB, hosts ...config.VirtualHost) *Table {
	t.Helper()
	return compileConfig(t, &config.RouterConfig{Name: "r", VirtualHosts: hosts})
}

func compileConfig(t testing.TB, rc *config.RouterConfig) *Table {
	t.Helper()
	var report config.Report
	table := Compile(rc, testOptions(), &report)
	if err := report.Err(); err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return table
}

// forward is a route named after its cluster's place in the test.
func forward(name string, m config.RouteMatch) config.Route {
	a := config.Default[config.RouteAction]()
	a.ClusterName = "c1"
	return config.Route{Name: name, Match: m, Route: &a}
}

// action is a route for every path with an action.
func action(a config.RouteAction) config.Route {
	if a.ClusterName == "" && a.ClusterHeader == "" && a.ClusterVariable == "" && a.WeightedClusters == nil {
		a.ClusterName = "c1"
	}
	return config.Route{Name: "a", Match: config.RouteMatch{Prefix: "/"}, Route: &a}
}

// everyHost is a virtual host for all hosts.
func everyHost(routes ...config.Route) config.VirtualHost {
	return config.VirtualHost{Name: "all", Domains: []string{"*"}, Routes: routes}
}

// request makes a request of "GET host/path" and "name: value" lines; a line
// "call: service method" makes it one for a service.
func request(line string, headers ...string) *Request {
	h := &stream.Head{}
	method, target, _ := strings.Cut(line, " ")
	h.SetMethod([]byte(method))
	h.SetScheme("http")
	host, path := target, ""
	if i := strings.IndexByte(target, '/'); i >= 0 {
		host, path = target[:i], target[i:]
	}
	h.Add("Host", host)
	h.SetAuthority([]byte(host))
	h.SetPath([]byte(path))
	for _, field := range headers {
		name, value, _ := strings.Cut(field, ": ")
		if name == "call" { // what an RPC request or a gRPC call is for: SERVICE METHOD
			service, method, _ := strings.Cut(value, " ")
			h.Describe([]byte(service), []byte(method), nil, nil)
			continue
		}
		h.Add(name, value)
	}
	r := new(Request)
	r.Reset(h, &stream.Info{Request: h})
	return r
}

func nameOf(rt *Route) string {
	if rt == nil {
		return "-"
	}
	return rt.Name
}

func TestVirtualHostPrecedence(t *testing.T) {
	domains := []string{
		"a.example:8080", "a.example:*", "a.example", "b.example", "B.example:81", "*.example:8080", "*.example:*", "*.example",
		"*.sub.example", "*:9090", "[2001:db8::1]", "[2001:db8::2]:80", "*", "c.example:*", "*.only:7",
	}
	var hosts []config.VirtualHost
	for _, domain := range domains {
		hosts = append(hosts, config.VirtualHost{
			Name: domain, Domains: []string{domain}, Routes: []config.Route{forward(domain, config.RouteMatch{Prefix: "/"})},
		})
	}
	table := compile(t, hosts...)
	tests := []struct{ host, want string }{
		{"a.example:8080", "a.example:8080"},
		{"a.example:8081", "a.example:*"},
		{"a.example", "a.example"},
		{"a.example:", "a.example"},
		{"A.Example:8080", "a.example:8080"},
		{"b.example", "b.example"},
		{"b.example:80", "b.example"},
		{"b.example:81", "B.example:81"},
		{"c.example", "c.example:*"},
		{"x.example:8080", "*.example:8080"},
		{"x.example:8081", "*.example:*"},
		{"x.example", "*.example"},
		{"x.sub.example", "*.sub.example"},
		{"x.sub.example:1", "*.sub.example"},
		{"x.sub.example:8080", "*.example:8080"}, // a port that is named comes before a longer suffix
		{".example", "*"},                        // * stands for something
		{"example", "*"},
		{"other:9090", "*:9090"},
		{"other:9091", "*"},
		{"[2001:db8::1]", "[2001:db8::1]"},
		{"[2001:DB8::1]:443", "[2001:db8::1]"},
		{"2001:db8::1", "[2001:db8::1]"},
		{"[2001:db8::2]:80", "[2001:db8::2]:80"},
		{"[2001:db8::2]", "*"},
		{"x.only:7", "*.only:7"},
		{"x.only:8", "*"},
		{"a.example:99999", "*"},
		{"a.example:x", "*"},
		{"[a.example", "*"},
		{"[::1].a.example", "*"},
		{"a:b:c.example", "*"},
		{"b:c.example", "*"},
		{"", "*"},
	}
	for _, tt := range tests {
		if got := nameOf(table.Match(request("GET " + tt.host + "/"))); got != tt.want {
			t.Errorf("host %q: virtual host %s, want %s", tt.host, got, tt.want)
		}
	}
}

func TestNoVirtualHost(t *testing.T) {
	table := compile(t, config.VirtualHost{Domains: []string{"a.example"}, Routes: []config.Route{forward("x", config.RouteMatch{Prefix: "/"})}})
	if rt := table.Match(request("GET b.example/")); rt != nil {
		t.Errorf("route %s for a host that is no domain's", rt.Name)
	}
	if rt := compile(t).Match(request("GET b.example/")); rt != nil {
		t.Errorf("route %s in an empty table", rt.Name)
	}
}

func TestConditions(t *testing.T) {
	headers := func(h ...config.HeaderMatcher) config.RouteMatch { return config.RouteMatch{Headers: h} }
	header := func(name, value string, regex bool) config.HeaderMatcher {
		return config.HeaderMatcher{Name: name, Value: value, Regex: regex}
	}
	params := func(q ...config.QueryMatcher) config.RouteMatch { return config.RouteMatch{QueryParameters: q} }
	tests := []struct {
		name  string
		match config.RouteMatch
		yes   []string // request line, then headers, separated by |
		no    []string
	}{
		{"prefix is bytes, with regard to case", config.RouteMatch{Prefix: "/Api"},
			[]string{"GET h/Api", "GET h/Apix", "GET h/Api/x?y"}, []string{"GET h/api", "GET h/Ap", "GET h/x/Api", "GET h/?/Api"}},
		{"path is whole, without regard to case", config.RouteMatch{Path: "/Api/X"},
			[]string{"GET h/api/x", "GET h/API/X?q=1"}, []string{"GET h/api/x/", "GET h/api", "GET h/api/y"}},
		{"path regex matches a part, without query", config.RouteMatch{Regex: `/v\d+/x|/y`},
			[]string{"GET h/v12/x", "GET h/y?z", "GET h/v1/x?", "GET h/v12/xx", "GET h/a/v1/x", "GET h/yy"}, []string{"GET h/v/x", "GET h/z?/y"}},
		{"path regex from the start", config.RouteMatch{Regex: `^/v\d`},
			[]string{"GET h/v12", "GET h/v1?x"}, []string{"GET h/a/v1", "GET h/v"}},
		{"path regex at the end", config.RouteMatch{Regex: `\.png$`},
			[]string{"GET h/a.png", "GET h/.png?x"}, []string{"GET h/a.png/", "GET h/apng"}},
		{"path regex of one path", config.RouteMatch{Regex: `^/a\.b$`},
			[]string{"GET h/a.b", "GET h/a.b?x"}, []string{"GET h/axb", "GET h/A.b", "GET h/a.bc"}},
		{"path regex with anchors of its own", config.RouteMatch{Regex: `^/v\d$`},
			[]string{"GET h/v1"}, []string{"GET h/v12", "GET h/"}},
		{"path regex without regard to case", config.RouteMatch{Regex: `(?i)/ab.*`},
			[]string{"GET h/AB", "GET h/aBc"}, []string{"GET h/b"}},
		{"prefix counts before path and regex", config.RouteMatch{Prefix: "/p", Path: "/q", Regex: "/r"},
			[]string{"GET h/p"}, []string{"GET h/q", "GET h/r"}},
		{"path counts before regex", config.RouteMatch{Path: "/q", Regex: "/r"},
			[]string{"GET h/q"}, []string{"GET h/r"}},
		{"no condition", config.RouteMatch{}, []string{"GET h/", "CONNECT h"}, nil},
		{"header value", headers(header("X-Env", "gray", false)),
			[]string{"GET h/|x-env: gray", "GET h/|X-ENV: gray|X-Env: blue"}, []string{"GET h/", "GET h/|X-Env: Gray", "GET h/|X-Env: blue|X-Env: gray"}},
		{"well-known header", headers(header("user-agent", "me", false)), []string{"GET h/|User-Agent: me"}, []string{"GET h/"}},
		{"the empty header value", headers(header("X-Env", "", false)), []string{"GET h/|x-env: "}, []string{"GET h/", "GET h/|x-env: gray"}},
		{"any header value", headers(header("X-Env", "", true)), []string{"GET h/|x-env: gray", "GET h/|x-env: "}, []string{"GET h/"}},
		{"header regex matches a part", headers(header("X-Env", "a+|b", true)),
			[]string{"GET h/|x-env: aaa", "GET h/|x-env: b", "GET h/|x-env: xa"}, []string{"GET h/", "GET h/|x-env: x", "GET h/|x-env: A"}},
		{"header regex of a text", headers(header("X-Env", "com.x.Echo", true)),
			[]string{"GET h/|x-env: com.x.Echo:1.0", "GET h/|x-env: a.com.x.Echo"}, []string{"GET h/", "GET h/|x-env: com.x"}},
		{"header regex from the start", headers(header("X-Env", "^com", true)), []string{"GET h/|x-env: com.x"}, []string{"GET h/|x-env: x.com", "GET h/|x-env: co"}},
		{"header regex from the start on", headers(header("X-Env", "^com.*", true)), []string{"GET h/|x-env: com.x"}, []string{"GET h/|x-env: x.com", "GET h/|x-env: co"}},
		{"header regex at the end", headers(header("X-Env", ".*com$", true)), []string{"GET h/|x-env: x.com"}, []string{"GET h/|x-env: com.x", "GET h/|x-env: co"}},
		{"header regex of the empty value", headers(header("X-Env", "^$", true)), []string{"GET h/|x-env: "}, []string{"GET h/", "GET h/|x-env: x"}},
		{"header regex for any value", headers(header("X-Env", "^.*$", true)), []string{"GET h/|x-env: "}, []string{"GET h/"}},
		{"header regex for one value", headers(header("X-Env", `^a\.b$`, true)), []string{"GET h/|x-env: a.b"}, []string{"GET h/|x-env: axb"}},
		{"method", headers(header("Method", "POST", false)), []string{"POST h/"}, []string{"GET h/", "GET h/|method: POST"}},
		{"service", headers(header("service", "com.a", false)), []string{"GET h/|service: com.a"}, []string{"GET h/|service: com.b"}},
		{"any service", headers(header("service", ".*", false)), []string{"GET h/|service: com.a"}, []string{"GET h/"}},
		{".* without regex elsewhere is a value", headers(header("x", ".*", false)), []string{"GET h/|x: .*"}, []string{"GET h/|x: y"}},
		{"all headers", headers(header("a", "1", false), header("b", "2", false)),
			[]string{"GET h/|a: 1|b: 2"}, []string{"GET h/|a: 1", "GET h/|b: 2", "GET h/|a: 1|b: 1"}},
		{"query value", params(config.QueryMatcher{Name: "a b", Value: "c&d"}),
			[]string{"GET h/?a+b=c%26d", "GET h/?x&a%20b=c%26d&a+b=x"}, []string{"GET h/", "GET h/?a+b=c&d", "GET h/?a%20b", "GET h/?a+b=x&a+b=c%26d"}},
		{"any query value", params(config.QueryMatcher{Name: "a"}), []string{"GET h/?a", "GET h/?b&a=", "GET h/?a=1"}, []string{"GET h/?b", "GET h/?A", "GET h/?a%"}},
		{"query regex matches a part", params(config.QueryMatcher{Name: "a", Value: `\d+`, Regex: true}), []string{"GET h/?a=12", "GET h/?a=x12x"}, []string{"GET h/?a=x", "GET h/?a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := compile(t, everyHost(forward("it", tt.match), forward("else", config.RouteMatch{})))
			check := func(lines []string, want string) {
				for _, line := range lines {
					parts := strings.Split(line, "|")
					if got := nameOf(table.Match(request(parts[0], parts[1:]...))); got != want {
						t.Errorf("%s: route %s, want %s", line, got, want)
					}
				}
			}
			check(tt.yes, "it")
			check(tt.no, "else")
		})
	}
}

func TestVariables(t *testing.T) {
	type v = config.VariableMatcher
	const and, or = config.ModelAnd, config.ModelOr
	tests := []struct {
		conditions []v
		headers    string
		want       bool
	}{
		{[]v{{Name: "x.a", Value: "1", Model: and}}, "a: 1", true},
		{[]v{{Name: "x.a", Value: "1", Model: and}}, "a: 2", false},
		{[]v{{Name: "x.a", Regex: "1+", Model: and}}, "a: 11", true},
		{[]v{{Name: "x.a", Regex: "1+", Model: and}}, "a: 112", true},
		{[]v{{Name: "x.a", Regex: "^1+$", Model: and}}, "a: 112", false},
		{[]v{{Name: "x.a", Regex: ".*", Model: and}}, "b: 1", false}, // there is none
		{[]v{{Name: "x.a", Value: "1", Regex: "2", Model: and}}, "a: 2", true},
		{[]v{{Name: "x.a", Value: "1", Model: and}, {Name: "x.b", Value: "1", Model: and}}, "a: 1|b: 1", true},
		{[]v{{Name: "x.a", Value: "1", Model: and}, {Name: "x.b", Value: "1", Model: and}}, "b: 1", false},
		{[]v{{Name: "x.a", Value: "1", Model: or}, {Name: "x.b", Value: "1", Model: and}}, "a: 1", true},
		{[]v{{Name: "x.a", Value: "1", Model: or}, {Name: "x.b", Value: "1", Model: and}}, "b: 1", true},
		{[]v{{Name: "x.a", Value: "1", Model: or}, {Name: "x.b", Value: "1", Model: and}}, "c: 1", false},
		// a and b or c
		{[]v{{Name: "x.a", Value: "1", Model: and}, {Name: "x.b", Value: "1", Model: or}, {Name: "x.c", Value: "1", Model: and}}, "c: 1", true},
		{[]v{{Name: "x.a", Value: "1", Model: and}, {Name: "x.b", Value: "1", Model: or}, {Name: "x.c", Value: "1", Model: and}}, "a: 1", false},
		// a or b and c: true as soon as a is
		{[]v{{Name: "x.a", Value: "1", Model: or}, {Name: "x.b", Value: "1", Model: and}, {Name: "x.c", Value: "1", Model: and}}, "a: 1", true},
		{[]v{{Name: "x.a", Value: "1", Model: or}, {Name: "x.b", Value: "1", Model: and}, {Name: "x.c", Value: "1", Model: and}}, "c: 1", false},
		{[]v{{Name: "x.a", Value: "1", Model: or}, {Name: "x.b", Value: "1", Model: and}, {Name: "x.c", Value: "1", Model: or}}, "b: 1|c: 1", true},
	}
	for _, tt := range tests {
		table := compile(t, everyHost(forward("it", config.RouteMatch{Variables: tt.conditions})))
		got := table.Match(request("GET h/", strings.Split(tt.headers, "|")...)) != nil
		if got != tt.want {
			t.Errorf("%+v with %s: %v, want %v", tt.conditions, tt.headers, got, tt.want)
		}
	}
}

// The first route in the order of the configuration wins, however it is indexed.
func TestOrder(t *testing.T) {
	prefix := config.RouteMatch{Prefix: "/a"}
	path := config.RouteMatch{Path: "/a/b"}
	regex := config.RouteMatch{Regex: "/a/.*"}
	longer := config.RouteMatch{Prefix: "/a/b"}
	header := config.RouteMatch{Headers: []config.HeaderMatcher{{Name: "h", Value: "1"}}}
	all := map[string]config.RouteMatch{"prefix": prefix, "path": path, "regex": regex, "longer": longer, "header": header}
	for first, m := range all {
		for second, n := range all {
			if first == second {
				continue
			}
			table := compile(t, everyHost(forward(first, m), forward(second, n)))
			if got := nameOf(table.Match(request("GET h/a/b", "h: 1"))); got != first {
				t.Errorf("%s before %s: got %s", first, second, got)
			}
		}
	}
}

// What a route asks of headers divides a group; the order must survive it.
func TestManyRoutesOfOnePath(t *testing.T) {
	var routes []config.Route
	for i := range 40 {
		m := config.RouteMatch{Prefix: "/", Headers: []config.HeaderMatcher{
			{Name: "service", Value: fmt.Sprint("s", i%4)}, {Name: "version", Value: fmt.Sprint("v", i/4)},
		}}
		routes = append(routes, forward(fmt.Sprint("s", i%4, "v", i/4), m))
	}
	routes = append(routes,
		forward("any version", config.RouteMatch{Headers: []config.HeaderMatcher{{Name: "service", Value: "s1"}, {Name: "version", Value: ".*", Regex: true}}}),
		forward("service", config.RouteMatch{Headers: []config.HeaderMatcher{{Name: "service", Value: "s1"}}}),
		forward("odd", config.RouteMatch{Headers: []config.HeaderMatcher{{Name: "version", Value: "v[13579]", Regex: true}}}),
		forward("present", config.RouteMatch{Headers: []config.HeaderMatcher{{Name: "service", Value: ".*"}}}))
	table := compile(t, everyHost(routes...))
	tests := []struct{ headers, want string }{
		{"service: s0|version: v0", "s0v0"},
		{"service: s3|version: v9", "s3v9"},
		{"service: s1|version: other", "any version"},
		{"service: s1", "service"},
		{"service: s9|version: v3", "odd"},
		{"version: v7", "odd"},
		{"service: s9|version: v2", "present"},
		{"version: v2", "-"},
	}
	for _, tt := range tests {
		if got := nameOf(table.Match(request("GET h/", strings.Split(tt.headers, "|")...))); got != tt.want {
			t.Errorf("%s: route %s, want %s", tt.headers, got, tt.want)
		}
	}
}

func TestRouteFacts(t *testing.T) {
	own, hosts := &config.Node{}, &config.Node{}
	a := config.Default[config.RouteAction]()
	a.ClusterName, a.UpstreamProtocol, a.AutoHostRewrite = "c3", "Http2", true
	a.HedgePolicy = &config.HedgePolicy{Delay: time.Second, Idempotent: true}
	vh := everyHost(
		config.Route{Name: "first", Route: &a, Metadata: config.Metadata{"k": "v"},
			PerFilterConfig: map[string]*config.Node{"fault": own}},
		config.Route{DirectResponse: &config.DirectResponse{Status: 404, Body: "no"}},
		config.Route{Redirect: &config.Redirect{ResponseCode: 302, PathRedirect: "/x"}},
		forward("last", config.RouteMatch{}),
	)
	vh.PerFilterConfig = map[string]*config.Node{"fault": hosts, "gzip": hosts}
	table := compile(t, everyHostNamed(vh, "v"))
	rt := table.Routes()[0]
	if rt.FilterConfig("fault") != own || rt.FilterConfig("gzip") != hosts || rt.FilterConfig("x") != nil {
		t.Error("a route's filter settings do not come before its virtual host's")
	}
	if rt.Timeout != defaultTimeout || rt.TimeoutGiven || rt.UpstreamProtocol != "Http2" || !rt.AutoHost || rt.Retry != nil {
		t.Errorf("route: %+v", rt)
	}
	if rt.Hedge != (HedgePolicy{Delay: time.Second, Idempotent: true}) || table.Routes()[3].Hedge != (HedgePolicy{}) {
		t.Errorf("hedging: %+v, %+v", rt.Hedge, table.Routes()[3].Hedge)
	}
	if diff := cmp.Diff(map[string]string{"k": "v"}, rt.Metadata); diff != "" {
		t.Error(diff)
	}
	direct, redirect := table.Routes()[1], table.Routes()[2]
	if status, body := direct.Direct(); direct.Action != SendDirect || status != 404 || string(body) != "no" {
		t.Errorf("direct response: %d %q", status, body)
	}
	if redirect.Action != SendRedirect || redirect.RedirectStatus() != 302 {
		t.Errorf("redirect: %d", redirect.RedirectStatus())
	}
	for i, rt := range table.Routes() {
		if rt.ID != i || rt.VirtualHost != "v" {
			t.Errorf("route %d: ID %d, virtual host %q", i, rt.ID, rt.VirtualHost)
		}
	}
}

func everyHostNamed(vh config.VirtualHost, name string) config.VirtualHost {
	vh.Name = name
	return vh
}
