package router

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// rpcRequest is a request for a service and a method, with names and values of fields;
// an empty service makes it one of which not even the name was read.
func rpcRequest(unread bool, service, method, group string, fields ...string) *Request {
	h := &stream.Head{}
	h.Clear()
	h.RPC.Kind, h.RPC.Unread = stream.KindRequest, unread
	if service != "" {
		h.SetAttribute(stream.Service, []byte(service))
		h.SetAttribute(stream.Method, []byte(method))
		h.SetPath([]byte("/" + service + "/" + method))
	}
	if group != "" {
		h.SetAttribute(stream.Group, []byte(group))
	}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	r := &Request{}
	r.Reset(h, &stream.Info{Request: h})
	return r
}

// header is a condition on a header; an expression if it is marked so.
func onHeader(name, value string, regex ...bool) config.RouteMatch {
	return config.RouteMatch{Headers: []config.HeaderMatcher{{Name: name, Value: value, Regex: len(regex) > 0}}}
}

// TestUnreadNames: who cannot be read takes the routes that take everybody.
func TestUnreadNames(t *testing.T) {
	takes := map[string]config.RouteMatch{
		"no condition":          {},
		"prefix /":              {Prefix: "/"},
		"any path":              {Regex: ".*"},
		"any path with a slash": {Regex: "/.*"},
		"any but no empty path": {Regex: "^/.+$"},
		"service .*":            onHeader("service", ".*"),
		"service .* as regex":   onHeader("service", ".*", true),
		"any service":           onHeader("Service", "", true),
		"any method":            onHeader("method", ".*", true),
	}
	refuses := map[string]config.RouteMatch{
		"a service":          onHeader("service", "a.B"),
		"no service":         onHeader("service", ""),
		"the path / alone":   {Regex: "^/$"},
		"services":           onHeader("service", "a[.].*", true),
		"a method":           onHeader("method", "m"),
		"any group":          onHeader("group", ".*", true),
		"any version":        onHeader("version", ""),
		"a field":            onHeader("x", "1"),
		"a longer prefix":    {Prefix: "/a"},
		"a path":             {Path: "/a.B/m"},
		"the path /":         {Path: "/"},
		"paths":              {Regex: "^/[a-z]*$"},
		"a query":            {QueryParameters: []config.QueryMatcher{{Name: "q"}}},
		"a variable":         {Variables: []config.VariableMatcher{{Name: "x.x", Value: "1", Model: "and"}}},
		"service and more":   {Headers: []config.HeaderMatcher{{Name: "service", Value: ".*", Regex: true}, {Name: "x", Value: "1"}}},
		"service and a path": {Prefix: "/a", Headers: []config.HeaderMatcher{{Name: "service", Value: ".*"}}},
	}
	match := func(m config.RouteMatch) string {
		table := compile(t, config.VirtualHost{Domains: []string{"*"}, Routes: []config.Route{forward("r", m)}})
		return nameOf(table.Match(rpcRequest(true, "", "", "")))
	}
	for name, m := range takes {
		if match(m) != "r" {
			t.Errorf("%s: not taken", name)
		}
	}
	for name, m := range refuses {
		if match(m) != "-" {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestUnreadAttachments: of a request whose service was read, and whose group and fields
// were not, only routes that do not depend on them are sure.
func TestUnreadAttachments(t *testing.T) {
	canary := forward("canary", config.RouteMatch{Headers: []config.HeaderMatcher{{Name: "service", Value: "a.B"}, {Name: "group", Value: "canary"}}})
	other := forward("other", onHeader("service", "x.Y"))
	service := forward("service", onHeader("service", "a.B"))
	all := forward("all", onHeader("service", ".*"))
	tests := []struct {
		name   string
		routes []config.Route
		want   string
	}{
		{"its service alone", []config.Route{other, service, canary, all}, "service"},
		{"what is before it is another's", []config.Route{other, all}, "all"},
		{"it may be the canary", []config.Route{canary, service, all}, "all"},
		{"it may be the canary, and nobody takes all", []config.Route{canary, service}, "-"},
		{"all are taken before", []config.Route{all, canary}, "all"},
		{"by its path", []config.Route{forward("path", config.RouteMatch{Prefix: "/a.B"})}, "path"},
		{"by its whole path", []config.Route{forward("path", config.RouteMatch{Path: "/A.b/m"})}, "path"},
		{"by an expression", []config.Route{forward("path", config.RouteMatch{Regex: "/a[.]B/[a-z]"})}, "path"},
		{"another's path", []config.Route{forward("path", config.RouteMatch{Prefix: "/x"}), service}, "service"},
		{"nobody's", []config.Route{other}, "-"},
	}
	for _, tt := range tests {
		table := compile(t, config.VirtualHost{Domains: []string{"*"}, Routes: tt.routes})
		if got := nameOf(table.Match(rpcRequest(true, "a.B", "m", ""))); got != tt.want {
			t.Errorf("%s: route %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := nameOf(compile(t, config.VirtualHost{Domains: []string{"*"}, Routes: []config.Route{canary, service}}).Match(rpcRequest(false, "a.B", "m", ""))); got != "service" {
		t.Errorf("read, it takes %s", got)
	}
}

func genUnreadMatch(t *rapid.T) config.RouteMatch {
	var m config.RouteMatch
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		m.Prefix = rapid.SampledFrom([]string{"/", "/a", "/a/m"}).Draw(t, "prefix")
	case 1:
		m.Path = rapid.SampledFrom([]string{"/", "/a/m", "/A/n"}).Draw(t, "path")
	case 2:
		m.Regex = rapid.SampledFrom([]string{"/.*", ".*", "/[ab]/.*", "/a.*", ".*n"}).Draw(t, "regex")
	}
	for range rapid.IntRange(0, 2).Draw(t, "headers") {
		m.Headers = append(m.Headers, config.HeaderMatcher{
			Name:  rapid.SampledFrom([]string{"service", "method", "group", "x"}).Draw(t, "name"),
			Value: rapid.SampledFrom([]string{"a", "b", "m", "1", ".*", "[ab]"}).Draw(t, "value"),
			Regex: rapid.Bool().Draw(t, "regex"),
		})
	}
	if rapid.IntRange(0, 4).Draw(t, "variables") == 0 {
		for range rapid.IntRange(1, 3).Draw(t, "count") {
			m.Variables = append(m.Variables, config.VariableMatcher{
				Name:  rapid.SampledFrom([]string{"x.x", "x.service"}).Draw(t, "name"),
				Value: rapid.SampledFrom([]string{"1", "a"}).Draw(t, "value"),
				Model: rapid.SampledFrom([]config.VariableModel{"and", "or"}).Draw(t, "model"),
			})
		}
	}
	return m
}

// TestUnreadIsNeverAnothers: a route is one that the request would take if it were read,
// whatever else there is in it, or takes all.
func TestUnreadIsNeverAnothers(t *testing.T) {
	sure, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		vh := config.VirtualHost{Domains: []string{"*"}}
		for i := range rapid.IntRange(1, 12).Draw(t, "routes") {
			vh.Routes = append(vh.Routes, forward(string(rune('A'+i)), genUnreadMatch(t)))
		}
		var report config.Report
		table := Compile(&config.RouterConfig{VirtualHosts: []config.VirtualHost{vh}}, testOptions(), &report)
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			all++
			if unreadIsSure(t, table) {
				sure++
			}
		}
	})
	if sure*20 < all {
		t.Errorf("of %d requests only %d took a route that does not take all: the test says little", all, sure)
	}
}

// unreadIsSure draws a request, and reports whether it takes a route that does not take
// all; then it must take that whatever there is that was not read.
func unreadIsSure(t *rapid.T, table *Table) bool {
	service := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "service")
	method := rapid.SampledFrom([]string{"m", "n"}).Draw(t, "method")
	got := table.Match(rpcRequest(true, service, method, ""))
	if got == nil || table.hosts.all.candidates[got.ID].takesAll {
		return false
	}
	services := []string{service}
	if service == "" {
		services = []string{"a", "b", "c"}
	}
	for _, s := range services {
		for _, group := range []string{"", "a", "1"} {
			for _, x := range [][]string{nil, {"x", "1"}, {"x", "a"}, {"x", ""}} {
				if want := table.Match(rpcRequest(false, s, method, group, x...)); want != got {
					t.Fatalf("unread it takes %s, but %s/%s of group %q with %q takes %s", got.Name, s, method, group, x, nameOf(want))
				}
			}
		}
	}
	return true
}
