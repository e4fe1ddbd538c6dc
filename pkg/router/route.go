package router

import (
	"maps"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// Action is what is done with a request that a route takes.
type Action uint8

// The actions.
const (
	Forward Action = iota
	SendRedirect
	SendDirect
)

// Route is a compiled route. It is immutable, and shared by all workers: neither
// its fields nor what they refer to may be changed. Its methods run without
// allocating, except where they say so.
type Route struct {
	// ID is the route's place in [Table.Routes].
	ID int
	// Name is the route's own, "" if it has none; VirtualHost its virtual host's.
	Name, VirtualHost string
	Action            Action
	// Metadata are free labels.
	Metadata map[string]string

	// The fields below are for Forward only.

	// Timeout is for the response to begin, retries included; 0: none.
	Timeout time.Duration
	// TimeoutGiven tells that the configuration sets it: otherwise a request that
	// has a timeout of its own keeps to that.
	TimeoutGiven bool
	// Retry is nil if nothing is retried.
	Retry *RetryPolicy
	// Hedge is zero if no request is sent a second time before the first has failed.
	Hedge HedgePolicy
	// UpstreamProtocol is "" where the proxy's own setting counts.
	UpstreamProtocol string
	// AutoHost asks for [RewriteHost] with the hostname of each chosen host.
	AutoHost bool

	perFilter map[string]*config.Node
	edits     [3]edits // the route's, the virtual host's, the table's

	query     []queryCondition
	variables [][]variableCondition // nil: no condition

	target   target
	hash     []hashPolicy
	rewrite  rewrite
	matched  int // length of the prefix or whole path that the route asks for
	redirect *redirect
	direct   direct
}

type direct struct {
	status int
	body   []byte
}

// Direct returns the fixed response of a route with the action SendDirect. The
// body must not be written to.
func (rt *Route) Direct() (status int, body []byte) { return rt.direct.status, rt.direct.body }

// FilterConfig returns the settings of a stream filter for this route: its own,
// else those of its virtual host, else nil.
func (rt *Route) FilterConfig(filter string) *config.Node { return rt.perFilter[filter] }

// route compiles a route, apart from its conditions.
func (c *compiler) route(conf *config.Route, vh *virtualHost, id int) *Route {
	rt := &Route{
		ID:          id,
		Name:        conf.Name,
		VirtualHost: vh.name,
		Metadata:    conf.Metadata,
		perFilter:   merge(vh.perFilter, conf.PerFilterConfig),
	}
	rt.edits[1], rt.edits[2] = vh.edits[0], vh.edits[1]
	switch {
	case conf.Route != nil:
		c.action(rt, conf)
	case conf.Redirect != nil:
		rt.Action = SendRedirect
		rt.redirect = c.redirect(conf.Redirect)
	case conf.DirectResponse != nil:
		rt.Action = SendDirect
		rt.direct = direct{conf.DirectResponse.Status, []byte(conf.DirectResponse.Body)}
	default:
		c.errorf(conf.Node(), "there must be one of route, redirect and direct_response")
	}
	return rt
}

// defaultTimeout is for routes that do not set theirs.
const defaultTimeout = 60 * time.Second

// action compiles how a route forwards requests.
func (c *compiler) action(rt *Route, conf *config.Route) {
	a := conf.Route
	rt.Timeout, rt.TimeoutGiven = a.Timeout, a.Timeout > 0
	if !rt.TimeoutGiven {
		rt.Timeout = defaultTimeout
	}
	rt.UpstreamProtocol = a.UpstreamProtocol
	rt.edits[0] = c.edits(a.Source, a.HeaderEdits)
	rt.target = c.target(a)
	rt.Retry = retryPolicy(a.RetryPolicy)
	rt.Hedge = hedgePolicy(a.HedgePolicy)
	rt.hash = c.hashPolicies(a)
	rt.rewrite = c.rewrite(conf)
	rt.AutoHost = a.AutoHostRewrite && a.HostRewrite == "" && a.AutoHostRewriteHeader == ""
}

// merge returns the entries of both maps; where both have a key, that of over. It
// may return one of them.
func merge[M ~map[string]V, V any](under, over M) M {
	switch {
	case len(over) == 0:
		return under
	case len(under) == 0:
		return over
	}
	all := maps.Clone(under)
	maps.Copy(all, over)
	return all
}
