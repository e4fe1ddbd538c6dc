package router

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// Variable is a piece of information about a request. Append appends its value
// to dst; false means that the request has no such value. It runs on the worker
// of the request, and allocates nothing but what dst needs to grow.
type Variable interface {
	Append(dst []byte, in *stream.Info) ([]byte, bool)
}

// Options are what the names in a configuration refer to.
type Options struct {
	// Cluster returns the index of a cluster, by which a Target names it.
	Cluster func(name string) (index int, ok bool)
	// Variable returns the variable of a name. Nil: there are none.
	Variable func(name string) (Variable, error)
	// OnDemand is what the configuration says of clusters that are made on demand:
	// which services requests may name. Nil: there are no such clusters.
	OnDemand *config.OnDemand
}

// Table is a compiled router configuration. It is immutable.
type Table struct {
	hosts  hostIndex
	routes []*Route
}

// Compile turns a configuration into a Table and reports what is wrong with it;
// a problem is not reported where the report has an error at the same place
// already. If it has errors afterwards, the Table must not be used for traffic.
//
// The configuration may not be changed afterwards: routes refer to parts of it.
func Compile(rc *config.RouterConfig, o Options, report *config.Report) *Table {
	c := newCompiler(o, report)
	t := &Table{}
	global := c.edits(rc.Source, rc.HeaderEdits)
	for i := range rc.VirtualHosts {
		conf := &rc.VirtualHosts[i]
		vh := &virtualHost{name: conf.Name, perFilter: conf.PerFilterConfig}
		vh.edits[0], vh.edits[1] = c.edits(conf.Source, conf.HeaderEdits), global
		var b indexBuilder
		for j := range conf.Routes {
			rt := c.route(&conf.Routes[j], vh, len(t.routes))
			t.routes = append(t.routes, rt)
			m := c.match(&conf.Routes[j].Match, rt)
			b.add(rt, m)
			if !m.never {
				vh.candidates = append(vh.candidates, newCandidate(rt, m))
			}
		}
		vh.index = b.build()
		c.domains(&t.hosts, conf, vh)
	}
	return t
}

// Match returns the route of a request, nil if there is none.
func (t *Table) Match(r *Request) *Route {
	vh := t.hosts.find(r)
	if vh == nil {
		return nil
	}
	if r.Head.RPC.Unread {
		return vh.findUnread(r)
	}
	return vh.index.find(r)
}

// Routes returns all routes in the order of the configuration: the route with ID
// i is at place i. The slice belongs to the table.
func (t *Table) Routes() []*Route { return t.routes }

// virtualHost is a virtual host and the index of its routes.
type virtualHost struct {
	name      string
	perFilter map[string]*config.Node
	edits     [2]edits // its own, the table's
	index     routeIndex

	candidates []candidate // all routes in their order, for requests that are not read
}

// compiler compiles one table.
type compiler struct {
	Options
	services *services // nil: requests may name none
	report   *config.Report
	said     map[place]bool // where there are errors already
}

type place struct {
	file         string
	line, column int
}

func newCompiler(o Options, report *config.Report) *compiler {
	c := &compiler{Options: o, services: newServices(o.OnDemand), report: report, said: make(map[place]bool)}
	for _, p := range report.Problems() {
		if p.Severity == config.Error {
			c.said[place{p.File, p.Line, p.Column}] = true
		}
	}
	return c
}

// errorf reports an error, unless its place has one.
func (c *compiler) errorf(n *config.Node, format string, args ...any) {
	var at place
	at.file, at.line, at.column = n.Position()
	if at.line > 0 {
		if c.said[at] {
			return
		}
		c.said[at] = true
	}
	c.report.Errorf(n, format, args...)
}
