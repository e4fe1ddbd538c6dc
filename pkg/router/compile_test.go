package router

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

// problems compiles one virtual host of a file and returns what was reported, each
// with its line. known is what had been reported before.
func problems(t *testing.T, virtualHost string, known func(*config.RouterConfig, *config.Report)) []string {
	t.Helper()
	file := fmt.Sprintf(`{"servers":[{"listeners":[],"routers":[{"router_config_name":"r","virtual_hosts":[
%s
]}]}]}`, virtualHost)
	var all []string
	check := func(c *config.Config, _ *config.Report) {
		var report config.Report
		rc := &c.Servers[0].Routers[0]
		if known != nil {
			known(rc, &report)
		}
		Compile(rc, testOptions(), &report)
		for _, p := range report.Problems() {
			all = append(all, fmt.Sprintf("%d: %s %s: %s", p.Line, p.Severity, p.Path, p.Message))
		}
	}
	config.Parse("weir.json", []byte(file), config.Options{Checks: []func(*config.Config, *config.Report){check}})
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "servers[0].routers[0].virtual_hosts[0].", "")
	}
	return all
}

func TestProblems(t *testing.T) {
	route := func(match, action string) string {
		return `{"name":"v","domains":["*"],"routers":[{"match":{` + match + "},\n" + action + "}]}"
	}
	to := func(rest string) string { return `"route":{"cluster_name":"c1",` + rest + `}` }
	tests := []struct{ name, virtualHost, want string }{
		{"path regex", route(`"regex":"/a("`, to(`"timeout":"1s"`)), "2: error routers[0].match.regex: \"/a(\" is not a regular expression"},
		{"header regex", route(`"headers":[{"name":"a","value":"[","regex":true}]`, to(`"timeout":"1s"`)), "2: error routers[0].match.headers[0].value: \"[\" is not"},
		{"expression that escapes its group", route(`"regex":"a)|(b"`, to(`"timeout":"1s"`)), `2: error routers[0].match.regex: "a)|(b" is not a regular expression`},
		{"large regex", route(`"regex":"a{999}b{999}c{999}d{999}e{999}f{999}"`, to(`"timeout":"1s"`)), "2: error routers[0].match.regex: the regular expression is too large"},
		{"variable", route(`"variables":[{"name":"nope","value":"1"}]`, to(`"timeout":"1s"`)), "2: error routers[0].match.variables[0].name: there is no variable nope"},
		{"variable without value", route(`"variables":[{"name":"x.a"}]`, to(`"timeout":"1s"`)), "2: error routers[0].match.variables[0]: there must be a value or a regex"},
		{"variable with both", route(`"variables":[{"name":"x.a","value":"1","regex":"1"}]`, to(`"timeout":"1s"`)), "2: warning routers[0].match.variables[0].value: regex is given"},
		{"cluster", route(`"prefix":"/"`, `"route":{"cluster_name":"nope"}`), `3: error routers[0].route.cluster_name: there is no cluster "nope"`},
		{"cluster on demand", route(`"prefix":"/"`, `"route":{"cluster_name":"consul:a/b"}`), `3: error routers[0].route.cluster_name: "a/b" is not a service's name`},
		{"weighted cluster", route(`"prefix":"/"`, `"route":{"weighted_clusters":[{"cluster":{"name":"nope","weight":1}}]}`),
			`3: error routers[0].route.weighted_clusters[0].cluster.name: there is no cluster "nope"`},
		{"weights", route(`"prefix":"/"`, `"route":{"weighted_clusters":[{"cluster":{"name":"c1","weight":0}}]}`), `3: error routers[0].route.weighted_clusters: no cluster takes requests`},
		{"prefix_rewrite", route(`"prefix":"/a"`, to(`"prefix_rewrite":"/b?c"`)), "3: error routers[0].route.prefix_rewrite: \"/b?c\" is not a path"},
		{"regex_rewrite", route(`"prefix":"/a"`, to(`"regex_rewrite":{"pattern":{"regex":"("},"substitution":"x"}`)), "3: error routers[0].route.regex_rewrite.pattern.regex: "},
		{"group", route(`"prefix":"/a"`, to(`"regex_rewrite":{"pattern":{"regex":"(a)"},"substitution":"\\2"}`)), `3: error routers[0].route.regex_rewrite.substitution: \2: the expression has no such group`},
		{"substitution", route(`"prefix":"/a"`, to(`"regex_rewrite":{"pattern":{"regex":"(a)"},"substitution":"a b"}`)), `3: error routers[0].route.regex_rewrite.substitution: "a b" cannot be part of a path`},
		{"host_rewrite", route(`"prefix":"/a"`, to(`"host_rewrite":"a/b"`)), `3: error routers[0].route.host_rewrite: "a/b" is not a host`},
		{"cookie path", route(`"prefix":"/a"`, to(`"hash_policy":[{"cookie":{"name":"a","path":"/;x"}}]`)), `3: error routers[0].route.hash_policy[0].cookie.path: "/;x" is not a cookie's path`},
		{"framing", route(`"prefix":"/a"`, to(`"request_headers_to_add":[{"header":{"key":"transfer-encoding","value":"chunked"}}]`)),
			`3: error routers[0].route.request_headers_to_add[0].header.key: transfer-encoding cannot be added`},
		{"framing removed", route(`"prefix":"/a"`, to(`"response_headers_to_remove":["x","Content-Length"]`)), `3: error routers[0].route.response_headers_to_remove[1]: Content-Length cannot be removed`},
		{"host removed", route(`"prefix":"/a"`, to(`"request_headers_to_remove":["host"]`)), `3: error routers[0].route.request_headers_to_remove[0]: Host cannot be removed`},
		{"line feed", route(`"prefix":"/a"`, to(`"request_headers_to_add":[{"header":{"key":"a","value":"b\nc"}}]`)), `3: error routers[0].route.request_headers_to_add[0].header.value: "b\nc" has a control character`},
		{"variable in a header", route(`"prefix":"/a"`, to(`"request_headers_to_add":[{"header":{"key":"a","value":"%x%"}}]`)), `3: warning routers[0].route.request_headers_to_add[0].header.value: "%x%" is added as it is`},
		{"redirect to another host", route(`"prefix":"/a"`, `"redirect":{"path_redirect":"//evil.example"}`), `3: error routers[0].redirect.path_redirect: "//evil.example" would lead to another host`},
		{"redirect, backslash", route(`"prefix":"/a"`, `"redirect":{"path_redirect":"/\\evil.example"}`), `3: error routers[0].redirect.path_redirect: "/\\evil.example" would lead to another host`},
		{"redirect status", route(`"prefix":"/a"`, `"redirect":{"path_redirect":"/b","response_code":200}`), `3: error routers[0].redirect.response_code: must be 301`},
		{"redirect scheme", route(`"prefix":"/a"`, `"redirect":{"scheme_redirect":"javascript"}`), `3: error routers[0].redirect.scheme_redirect: must be http or https`},
		{"redirect host", route(`"prefix":"/a"`, `"redirect":{"host_redirect":"a b"}`), `3: error routers[0].redirect.host_redirect: "a b" is not a host`},
		{"redirect path", route(`"prefix":"/a"`, `"redirect":{"path_redirect":"/a b"}`), `3: error routers[0].redirect.path_redirect: "/a b" is not a path`},
		{"redirect to itself", route(`"prefix":"/a"`, `"redirect":{"response_code":302}`), `3: warning routers[0].redirect: the redirect leads to where`},
		{"no action", route(`"prefix":"/a"`, `"name":"x"`), `2: error routers[0]: there must be one of`},
		{"domain", `{"name":"v","domains":["a.*.b"]}`, `2: error domains[0]: the domain "a.*.b" is malformed`},
		{"domain twice", `{"name":"v","domains":["[::1]","::1"]}`, `2: error domains[1]: the domain "::1" is that of another`},
		{"default twice", `{"name":"v","domains":["*","*:*"]}`, `2: error domains[1]: the domain "*:*" is that of another`},
		{"port twice", `{"name":"v","domains":["a:80","A:080"]}`, `2: error domains[1]: the domain "A:080" is that of another`},
		{"port", `{"name":"v","domains":["a:66000"]}`, `2: error domains[0]: the domain "a:66000" is malformed`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := problems(t, tt.virtualHost, nil)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("reported %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNoProblemTwice(t *testing.T) {
	host := `{"name":"v","domains":["*"],"routers":[{"match":{"regex":"("},"route":{"cluster_name":"nope"}}]}`
	got := problems(t, host, func(rc *config.RouterConfig, r *config.Report) {
		r.Errorf(rc.VirtualHosts[0].Routes[0].Match.At("regex"), "known")
	})
	want := []string{`2: error routers[0].match.regex: known`, `2: error routers[0].route.cluster_name: there is no cluster "nope"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
