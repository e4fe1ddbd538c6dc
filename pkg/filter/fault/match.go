package fault

import (
	"regexp"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// condition is a header that a request must have, as routes ask for headers: the
// first field of the name counts, and a pattern has to match some part of it.
type condition struct {
	name    string
	method  bool
	value   string
	pattern *regexp.Regexp // in place of value, if not nil
}

// compile makes the conditions, and reports those that cannot hold.
func compile(ms []config.HeaderMatcher, r *config.Report) []condition {
	all := make([]condition, 0, len(ms))
	for i := range ms {
		m := &ms[i]
		if m.Name == "" {
			r.Errorf(m.At("name"), "name is missing")
		}
		c := condition{name: m.Name, method: strings.EqualFold(m.Name, "method"), value: m.Value}
		if m.Regex {
			re, err := regexp.Compile(m.Value)
			if err != nil {
				r.Errorf(m.At("value"), "%q is not a regular expression: %s", m.Value, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
				continue
			}
			c.pattern = re
		}
		all = append(all, c)
	}
	return all
}

func (c *condition) holds(h *stream.Head) bool {
	value, ok := h.Method(), true
	if !c.method {
		value, ok = h.Get(c.name)
	}
	switch {
	case !ok:
		return false
	case c.pattern != nil:
		return c.pattern.Match(value)
	}
	return string(value) == c.value
}
