package healthcheck_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/filter/healthcheck"
)

func TestProblems(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"none", "", ""},
		{"nothing wrong", `{"pass_through": false, "endpoint": "/health", "fail_on_drain": true}`, ""},
		{"unknown key", `{"pass_trough": true}`, `1:2: pass_trough: unknown key (did you mean "pass_through"?)`},
		{"MOSN's spelling", `{"passthrough": true, "fail_on_drain": true}`,
			"1:40: fail_on_drain: warning: without effect: with pass_through weir answers nothing itself"},
		{"kinds", `{"pass_through": "yes", "endpoint": 5}`,
			"1:18: pass_through: must be a boolean, is a string\n1:37: endpoint: must be a string, is a number (put it in quotes)"},
		{"no path", `{"endpoint": "health"}`, `1:14: endpoint: "health" is not a path: it does not begin with a slash`},
		{"with a query", `{"endpoint": "/health?full"}`, `1:14: endpoint: "/health?full" is more than a path: requests are compared without their query`},
		{"not there yet", `{"cache_time": "5s", "cluster_min_healthy_percentages": {"up": 50.5}}`,
			"1:2: cache_time: warning: not there yet: answers of hosts are not kept\n" +
				"1:22: cluster_min_healthy_percentages: warning: not there yet: the health of clusters"},
		{"no answer to fail", `{"pass_through": true, "fail_on_drain": true}`,
			"1:41: fail_on_drain: warning: without effect: with pass_through weir answers nothing itself"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := filtertest.TryMake(healthcheck.Make, tt.config)
			var lines []string
			for _, p := range problems {
				lines = append(lines, p.String())
			}
			if diff := cmp.Diff(tt.want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
