package fault_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
)

func TestProblems(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"unknown key", `{"aborts": {}}`,
			`1:2: aborts: unknown key (did you mean "abort"?)`},
		{"unknown key inside", "{\"delay\": {\n\"fixed_dealy\": \"1s\", \"percentage\": 1}}",
			"1:11: delay: fixed_delay is missing\n" +
				`2:1: delay.fixed_dealy: unknown key (did you mean "fixed_delay"?)`},
		{"percentages", `{"delay": {"fixed_delay": "1s", "percentage": 101}, "abort": {"status": 500, "percentage": 0.5}}`,
			"1:47: delay.percentage: warning: must be from 0 to 100, is 101: 100 is used\n" +
				"1:92: abort.percentage: must be a whole number, is 0.5"},
		{"status", `{"abort": {"status": 99, "percentage": 1}}`,
			"1:22: abort.status: must be from 200 to 599, is 99"},
		{"duration", `{"delay": {"fixed_delay": 5, "percentage": 1}}`,
			`1:27: delay.fixed_delay: a duration needs a unit (write "5s" for seconds)`},
		{"nothing to inject", `{"delay": {"percentage": 1}, "abort": {"percentage": 1}}`,
			"1:11: delay: fixed_delay is missing\n1:39: abort: status is missing"},
		{"how many", `{"abort": {"status": 500}}`,
			"1:11: abort: warning: percentage is missing: it is 0, and nothing is hit"},
		{"headers", `{"headers": [{"value": "a"}, {"name": "b", "value": "(", "regex": true}]}`,
			"1:14: headers[0]: name is missing\n" +
				"1:53: headers[1].value: \"(\" is not a regular expression: missing closing ): `(`"},
		{"not an object", `{"delay": 5}`, "1:11: delay: must be an object, is a number"},
		{"at the top", `[]`, "1:1: must be an object, is a list"},
		{"nothing wrong", `{"header_control": true, "delay": {"percentage": 7}, "max_delay": "1m"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := filtertest.TryMake(fault.Make, tt.config)
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
