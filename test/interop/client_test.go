//go:build interop

package interop_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

// run runs a client through a topology, and judges what it says.
func (p *peers) run(t *testing.T, c call, through topology) {
	p.need(t, c.example)
	for _, name := range c.servers {
		p.serve(t, name)
	}
	begin := make([]int, len(through.weirs))
	for i, w := range through.weirs {
		begin[i] = w.log.len()
	}
	args := strings.Split(strings.ReplaceAll(strings.Join(c.args, " "), "ADDR", through.weirs[0].addresses[c.at]), " ")
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	out, err := script(ctx, c.example, args...).CombinedOutput()
	passed, problem := judge(string(out), err, c.unbound)
	t.Logf("%s: %d checks are ok", t.Name(), passed)
	if problem == "" {
		return
	}
	t.Errorf("%s\n%s %s said:\n%s", problem, c.example, strings.Join(args, " "), out)
	for i, w := range through.weirs {
		t.Logf("meanwhile, %s logged:\n%s", w.name, w.log.from(begin[i]))
	}
	for _, name := range c.servers {
		t.Logf("the server %s said:\n%s", name, p.servers[name].log.from(0))
	}
}

// verdict is a line that a client prints for a check.
var verdict = regexp.MustCompile(`(?m)^(ok|FAIL) ([^:\n]+)`)

// judge counts the checks that passed, and says what is wrong with the rest. A failure of the check may is none.
func judge(out string, exit error, may string) (passed int, problem string) {
	excused := false
	var failed []string
	for _, m := range verdict.FindAllStringSubmatch(out, -1) {
		switch {
		case m[1] == "ok":
			passed++
		case m[2] == may:
			excused = true
		default:
			failed = append(failed, m[2])
		}
	}
	switch {
	case len(failed) > 0:
		return passed, "failed: " + strings.Join(failed, ", ")
	case passed == 0:
		return passed, "no check passed"
	case exit != nil && !excused:
		return passed, "no check failed, but the client ended with " + exit.Error()
	}
	return passed, ""
}
