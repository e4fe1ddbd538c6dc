package router

import "bytes"

// Of some requests not all could be read that routes ask for ([stream.RPC].Unread):
// what is missing may be there. Which route such a request would take if it had been
// read is often sure all the same, because no condition of that route, or of one before
// it, depends on what is missing. If it is not, the request takes the first route that
// takes every request, whatever it is for, and otherwise none: it never takes one for
// which something would have to be true that nobody knows.

// truth is whether a condition holds.
type truth uint8

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// candidate is a route with all its conditions, apart from the index.
type candidate struct {
	route *Route
	match
	takesAll bool // it takes every RPC request
}

func newCandidate(rt *Route, m match) candidate {
	c := candidate{route: rt, match: m}
	c.takesAll = m.everyPath() && len(rt.query) == 0 && len(rt.variables) == 0
	for i := range m.headers {
		c.takesAll = c.takesAll && m.headers[i].always()
	}
	return c
}

// findUnread returns the route of a request of which not all could be read.
func (vh *virtualHost) findUnread(r *Request) *Route {
	sure := true
	for i := range vh.candidates {
		c := &vh.candidates[i]
		if c.takesAll {
			return c.route
		}
		if !sure {
			continue
		}
		switch c.holds(r) {
		case yes:
			return c.route
		case unknown:
			sure = false
		}
	}
	return nil
}

func (c *candidate) holds(r *Request) truth {
	all := c.holdsPath(r)
	for i := range c.headers {
		all = min(all, c.headers[i].truth(r))
	}
	for i := range c.route.query {
		q := &c.route.query[i]
		value, ok := r.param(q.name)
		all = min(all, truthOf(ok && q.holds(value)))
	}
	if c.route.variables != nil {
		all = min(all, c.holdsVariables(r))
	}
	return all
}

// everyPath reports whether every RPC request has a path that the conditions want: a
// path is made of service and method, behind a slash each.
func (m *match) everyPath() bool {
	if m.pattern != nil {
		return m.anyPath
	}
	return m.path == "" && (m.prefix == "" || m.prefix == "/")
}

func (c *candidate) holdsPath(r *Request) truth {
	path, _ := r.target()
	switch {
	case c.everyPath():
		return yes
	case len(path) == 0:
		return unknown
	case c.pattern != nil:
		return truthOf(c.pattern.holds(path))
	case c.path != "":
		r.lower = appendLower(r.lower[:0], path)
		return truthOf(string(r.lower) == c.path)
	}
	return truthOf(bytes.HasPrefix(path, []byte(c.prefix)))
}

// always reports whether every RPC request fulfils the condition: each has a service and
// a method.
func (h *headerCondition) always() bool {
	return h.kind == isAny && (h.method || h.name == "service")
}

func (h *headerCondition) truth(r *Request) truth {
	value, ok := h.get(r)
	switch {
	case h.always():
		return yes
	case !ok, h.method && len(value) == 0:
		return unknown
	}
	return truthOf(h.pattern.holds(value))
}

func (c *candidate) holdsVariables(r *Request) truth {
	some := no
	for _, conditions := range c.route.variables {
		all := yes
		for i := range conditions {
			x := &conditions[i]
			value, ok := r.variable(x.variable)
			switch {
			case ok && x.holds(value):
			case ok && len(value) > 0:
				all = no
			default:
				all = min(all, unknown)
			}
		}
		some = max(some, all)
	}
	return some
}
