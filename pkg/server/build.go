package server

import (
	"cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream"
	"github.com/weirproxy/weir/pkg/variable"
)

// builder builds one snapshot.
type builder struct {
	registry Registry
	config   *config.Config
	report   *config.Report
	clusters *upstream.Snapshot
	tables   map[string]*router.Table
	wants    map[*proxy.Listener]transaction.Socket
}

// build builds everything that is put into force of the configuration. before is the one
// in force, or nil.
func (b *builder) build(before *transaction.Configuration, workers int) *transaction.Next {
	next := &transaction.Next{Configuration: &transaction.Configuration{Config: b.config}}
	b.clusters, next.Members = upstream.Build(b.config, before.Clusters(), workers, b.report)
	next.Checks, next.OnDemandCheck = b.checks()
	b.tables, b.wants = make(map[string]*router.Table), make(map[*proxy.Listener]transaction.Socket)
	s := &proxy.Snapshot{Clusters: b.clusters}
	for i := range b.config.Servers {
		server := &b.config.Servers[i]
		for j := range server.Routers {
			rc := &server.Routers[j]
			b.tables[rc.Name] = router.Compile(rc, router.Options{Cluster: b.clusters.Index, Variable: parseVariable, OnDemand: b.config.ClusterManager.OnDemand}, b.report)
		}
		for j := range server.Listeners {
			logs := b.accessLogs(&server.Listeners[j], server.LogRoller)
			if l := b.listener(&server.Listeners[j]); l != nil {
				l.Logs = logs
				s.Listeners = append(s.Listeners, l)
			}
		}
	}
	next.Snapshot, next.Sockets = s, b.sockets(s.Listeners, before)
	return next
}

func parseVariable(name string) (router.Variable, error) { return variable.Parse(name) }

// listener builds one listener, nil if it is not to be opened: it has no socket,
// or speaks no protocol that there is. What is wrong with it is told all the same.
func (b *builder) listener(c *config.Listener) *proxy.Listener {
	chain := b.filters(c)
	p := c.Proxy
	if p == nil && c.TCP != nil && c.BindPort {
		return b.rawListener(c)
	}
	if p == nil || !c.BindPort {
		return nil
	}
	table := b.tables[p.RouterConfigName]
	protos := b.registry.Protocols.Select(p.Protocols)
	if table == nil || len(protos) == 0 {
		return nil
	}
	l := &proxy.Listener{
		Name:           c.Name,
		DetectTimeout:  p.DetectTimeout,
		Router:         p.RouterConfigName,
		Routes:         table,
		Default:        chain,
		CallMaker:      chain.CallMaker(),
		Clusters:       b.clusters,
		Forwarded:      p.XForwardedFor,
		RequestID:      p.RequestID,
		Bound:          p.UpstreamConnections == config.ConnectionsBound,
		TimeoutHeaders: p.TimeoutHeaders,
		Path:           proxy.PathRules{KeepSlashes: !p.MergeSlashes, RejectEscapedSlashes: p.RejectEscapedSlashes},
		MaxConnections: c.MaxConnections,
		BufferLimit:    c.PerConnectionBufferLimit,
		RetryBuffer:    p.RetryBufferLimit,
		Other:          b.timeouts(c, &b.registry.Protocols[0]),
	}
	b.protocols(l, c, protos, chain.SeesHeartbeats())
	if p.FallbackForUnknownProtocol {
		l.TCP = c.TCP
	}
	if len(protos) > 1 || p.Protocols[0] == protocol.Auto || l.TCP != nil {
		l.Detector = protocol.NewDetector(protos)
	}
	b.socket(l, c)
	b.chains(l)
	b.upstreams(l, p)
	return l
}

// protocols sets what a listener speaks, with the makers of codecs.
func (b *builder) protocols(l *proxy.Listener, c *config.Listener, protos []*protocol.Protocol, heartbeats bool) {
	env := &protocol.Listener{Settings: make(map[string]protocol.ListenerSettings), HeartbeatStreams: heartbeats}
	for _, proto := range protos {
		env.Settings[proto.Name] = proto.ListenerSettings(c.Proxy.Settings)
	}
	for _, proto := range protos {
		l.Protocols = append(l.Protocols, proxy.ListenerProtocol{
			Protocol: proto,
			NewCodec: env.Settings[proto.Name].Server(env),
			Timeouts: b.timeouts(c, proto),
		})
	}
}

// timeouts returns the times that clients of a listener are given that speak a protocol.
func (b *builder) timeouts(c *config.Listener, proto *protocol.Protocol) protocol.Timeouts {
	t := proto.ListenerSettings(c.Proxy.Settings).Timeouts()
	t.Idle = cmp.Or(t.Idle, c.ConnectionIdleTimeout)
	return t
}

// upstreams decides, for each route, what hosts are spoken to: what a filter says,
// else the route, else the proxy.
func (b *builder) upstreams(l *proxy.Listener, p *config.ProxyConfig) {
	for _, r := range l.Routes.Routes() {
		name := cmp.Or(l.Chains[r.ID].Converts(), r.UpstreamProtocol, p.UpstreamProtocol)
		proto, ok := b.registry.Protocols.Find(name)
		if !ok || proto.RPC {
			proto = nil
		}
		l.Upstreams = append(l.Upstreams, proto)
	}
}

// rawListener builds a listener that only has a tcp_proxy.
func (b *builder) rawListener(c *config.Listener) *proxy.Listener {
	l := &proxy.Listener{
		Name:           c.Name,
		Clusters:       b.clusters,
		TCP:            c.TCP,
		MaxConnections: c.MaxConnections,
		BufferLimit:    c.PerConnectionBufferLimit,
	}
	b.socket(l, c)
	return l
}

// filters makes a listener's stream filters.
func (b *builder) filters(c *config.Listener) (chain filter.Chain) {
	for i := range c.StreamFilters {
		f := &c.StreamFilters[i]
		if newFilter, ok := b.registry.Filters[f.Type]; ok {
			chain = append(chain, filter.NewLink(f.Type, newFilter(f.Config, b.report)))
		}
	}
	return chain
}

// chains makes, for each route, the filters that it has instead of the listener's.
// Routes without settings of their own share one chain.
func (b *builder) chains(l *proxy.Listener) {
	made := make(map[*config.Node]filter.Filter)
	for _, r := range l.Routes.Routes() {
		l.Chains = append(l.Chains, l.Default.Replace(b.overrides(r, l.Default, made)))
	}
}

// overrides makes the filters that a route has its own settings for.
func (b *builder) overrides(r *router.Route, chain filter.Chain, made map[*config.Node]filter.Filter) map[string]filter.Filter {
	var by map[string]filter.Filter
	for _, link := range chain {
		node := r.FilterConfig(link.Name)
		if node == nil {
			continue
		}
		f, ok := made[node]
		if !ok {
			f = b.registry.Filters[link.Name](node, b.report)
			made[node] = f
		}
		if by == nil {
			by = make(map[string]filter.Filter)
		}
		by[link.Name] = f
	}
	return by
}
