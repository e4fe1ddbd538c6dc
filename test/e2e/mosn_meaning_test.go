package e2e_test

import (
	"fmt"
	"testing"
)

// matching is a route with a match, to the cluster "up".
func matching(match string) string {
	return fmt.Sprintf(`{"match": {%s}, "route": {"cluster_name": "up"}}`, match)
}

// TestMOSNMatches: what the conditions of a route mean is what they mean in MOSN.
func TestMOSNMatches(t *testing.T) {
	up := named(t, "up")
	c := client(t)
	for _, tt := range []struct {
		name, match string
		yes, no     []string // a path, then name and value of a header
	}{
		{"an expression matches a part of the path", `"regex": "/foo/[0-9]"`, []string{"/a/foo/12/b"}, []string{"/foo/x"}},
		{"an expression with anchors", `"regex": "^/foo/[0-9]$"`, []string{"/foo/1"}, []string{"/foo/12"}},
		{"an expression matches a part of a header", `"headers": [{"name": "user-agent", "value": "curl", "regex": true}]`,
			[]string{"/", "User-Agent", "my-curl/7"}, []string{"/", "User-Agent", "wget"}},
		{"an expression matches a part of a variable", `"variables": [{"name": "x-mosn-path", "regex": "[0-9]"}]`,
			[]string{"/a1b"}, []string{"/ab"}},
		{"an empty value is an empty value", `"headers": [{"name": "x-a", "value": ""}]`, []string{"/", "X-A", ""}, []string{"/", "X-A", "b"}},
		{"any value", `"headers": [{"name": "x-a", "value": ".*", "regex": true}]`, []string{"/", "X-A", "b"}, []string{"/", "X-B", "b"}},
		{"conditions in CEL never hold", `"dsl_expressions": [{"expression": "true"}]`, nil, []string{"/"}},
		{"nor do they beside others", `"prefix": "/", "dsl_expressions": [{"expression": "true"}]`, nil, []string{"/"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := start(t, setup{up: up.addr(), routes: matching(tt.match)})
			if tt.yes != nil {
				get(t, c, w.url(tt.yes[0]), tt.yes[1:]...).expect(t, 200, "up")
			}
			get(t, c, w.url(tt.no[0]), tt.no[1:]...).expect(t, 404, "no route\n")
			c.CloseIdleConnections()
		})
	}
}
