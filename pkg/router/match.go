package router

import (
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// match is the compiled form of a route's conditions: at most one of a prefix, a
// whole path and a pattern of the path, and the others, which all must hold.
type match struct {
	prefix  string
	path    string // in lower case
	pattern *pattern
	// start is the text that every path the pattern matches starts with.
	start   string
	headers []headerCondition
	// never says that there are conditions which cannot be evaluated.
	never bool
	// anyPath: every path of an RPC request matches the pattern.
	anyPath bool
}

// headerName names a header, or the request's method.
type headerName struct {
	name   string // in lower case
	id     stream.ID
	method bool
}

type headerCondition struct {
	headerName
	pattern
}

// get returns the first value of the header.
func (h *headerName) get(r *Request) ([]byte, bool) {
	switch {
	case h.method:
		return r.Head.Method(), true
	case h.id != stream.Other:
		return r.Head.GetID(h.id)
	}
	return r.Head.Get(h.name)
}

func (h *headerCondition) holds(r *Request) bool {
	value, ok := h.get(r)
	return ok && h.pattern.holds(value)
}

type queryCondition struct {
	name string
	pattern
}

type variableCondition struct {
	variable Variable
	pattern
}

// match compiles the conditions of a route. Those that the index has no use for
// become part of the route itself.
func (c *compiler) match(conf *config.RouteMatch, rt *Route) match {
	m := match{headers: c.headerConditions(conf), never: len(conf.DSLExpressions.Items()) > 0}
	switch {
	case conf.Prefix != "":
		m.prefix = conf.Prefix
	case conf.Path != "":
		m.path = string(appendLower(nil, conf.Path))
	case conf.Regex != "":
		c.pathPattern(conf, &m)
	}
	rt.matched = len(m.prefix) + len(m.path)
	for i := range conf.QueryParameters {
		q := &conf.QueryParameters[i]
		rt.query = append(rt.query, queryCondition{q.Name, c.queryPattern(q)})
	}
	rt.variables = c.variableConditions(conf)
	return m
}

func (c *compiler) pathPattern(conf *config.RouteMatch, m *match) {
	p, start := c.expression(conf.At("regex"), conf.Regex)
	if p.kind != isAny {
		m.pattern, m.start = &p, start
		m.anyPath = anyPath(conf.Regex)
	}
}

// anyPath reports whether an expression says of a path no more than that there is one.
func anyPath(expr string) bool {
	expr = strings.TrimPrefix(expr, "^")
	switch strings.TrimSuffix(expr, "$") {
	case "/.*", "/.+":
		return true
	}
	return expr == "/"
}

func (c *compiler) queryPattern(conf *config.QueryMatcher) pattern {
	switch {
	case conf.Value == "":
		return pattern{}
	case conf.Regex:
		p, _ := c.expression(conf.At("value"), conf.Value)
		return p
	}
	return literalPattern(conf.Value)
}

func (c *compiler) headerConditions(conf *config.RouteMatch) []headerCondition {
	all := make([]headerCondition, 0, len(conf.Headers))
	for i := range conf.Headers {
		h := &conf.Headers[i]
		condition := headerCondition{headerNameOf(h.Name), literalPattern(h.Value)}
		switch {
		case h.Regex:
			condition.pattern, _ = c.expression(h.At("value"), h.Value)
		case h.Value == ".*" && len(conf.Headers) == 1 && strings.EqualFold(h.Name, "service"):
			condition.pattern = pattern{} // the form in which configurations for RPC say "every service"
		}
		all = append(all, condition)
	}
	return all
}

func headerNameOf(name string) headerName {
	return headerName{
		name:   string(appendLower(nil, name)),
		id:     stream.IDOf(name),
		method: strings.EqualFold(name, "method"),
	}
}

// variableConditions compiles the conditions on variables: alternatives, in each
// of which all conditions must hold.
func (c *compiler) variableConditions(conf *config.RouteMatch) [][]variableCondition {
	var all [][]variableCondition
	join := config.ModelOr
	for i := range conf.Variables {
		x := &conf.Variables[i]
		if join == config.ModelOr {
			all = append(all, nil)
		}
		if condition, ok := c.variableCondition(x); ok {
			all[len(all)-1] = append(all[len(all)-1], condition)
		}
		join = x.Model
	}
	return all
}

func (c *compiler) variableCondition(x *config.VariableMatcher) (variableCondition, bool) {
	v := c.variable(x.At("name"), x.Name)
	p := literalPattern(x.Value)
	switch {
	case x.Regex != "":
		p, _ = c.expression(x.At("regex"), x.Regex)
		if x.Value != "" {
			c.report.Warnf(x.At("value"), "regex is given, so value does not count")
		}
	case x.Value == "":
		c.errorf(x.At("value"), "there must be a value or a regex")
	}
	return variableCondition{v, p}, v != nil
}

// variable returns the variable of a name; if there is none it says so, and
// returns nil.
func (c *compiler) variable(n *config.Node, name string) Variable {
	if c.Variable == nil {
		c.errorf(n, "there is no variable %q", name)
		return nil
	}
	v, err := c.Variable(name)
	if err != nil {
		c.errorf(n, "%s", err)
		return nil
	}
	return v
}

// matches tells whether the conditions hold that the index does not know.
func (rt *Route) matches(r *Request) bool {
	for i := range rt.query {
		q := &rt.query[i]
		if value, ok := r.param(q.name); !ok || !q.holds(value) {
			return false
		}
	}
	return rt.variables == nil || anyHolds(rt.variables, r)
}

func anyHolds(alternatives [][]variableCondition, r *Request) bool {
	for _, conditions := range alternatives {
		if allHold(conditions, r) {
			return true
		}
	}
	return false
}

func allHold(conditions []variableCondition, r *Request) bool {
	for i := range conditions {
		x := &conditions[i]
		if value, ok := r.variable(x.variable); !ok || !x.holds(value) {
			return false
		}
	}
	return true
}
