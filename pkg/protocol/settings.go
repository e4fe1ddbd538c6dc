package protocol

import (
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// ListenerSettings are what a listener says about a protocol, over its defaults. They
// do not change once they are decoded.
type ListenerSettings interface {
	// Server returns the maker of codecs for the listener's connections.
	Server(l *Listener) ServerMaker
	// Timeouts returns the times that clients are given.
	Timeouts() Timeouts
}

// ClusterSettings are what a cluster says about a protocol, over its defaults. They do
// not change once they are decoded.
type ClusterSettings interface {
	// Client returns the maker of codecs for the connections to the cluster's hosts.
	Client() ClientMaker
}

// Listener is what the codecs of a listener's connections may have to know beyond the
// settings of their own protocol.
type Listener struct {
	// Settings are those of each protocol that the listener speaks, by its name.
	Settings map[string]ListenerSettings
	// HeartbeatStreams makes the heartbeats of clients streams: a filter sees them.
	HeartbeatStreams bool
}

// Timeouts are the times that clients are given.
type Timeouts struct {
	Header     time.Duration // for a request's head
	Request    time.Duration // for a whole request to arrive; 0: none
	StreamIdle time.Duration // in which something must move on a stream; 0: none
	Idle       time.Duration // of a connection between requests; 0: none
}

// Client makes a maker that has no settings the settings of a cluster.
func (m ClientMaker) Client() ClientMaker { return m }

// ListenerSettings returns the protocol's own among the settings that a configuration
// has for a listener; its defaults if they are not among them.
func (p *Protocol) ListenerSettings(all map[string]any) ListenerSettings {
	if s, ok := all[p.Name].(ListenerSettings); ok {
		return s
	}
	return p.Listener(nil, new(config.Report))
}

// ClusterSettings returns the protocol's own among the settings that a configuration
// has for a cluster; its defaults if they are not among them.
func (p *Protocol) ClusterSettings(all map[string]any) ClusterSettings {
	if s, ok := all[p.Name].(ClusterSettings); ok {
		return s
	}
	return p.Cluster(nil, nil, new(config.Report))
}

// ForConfig returns what the configuration's loader has to know of the protocols.
func (r Registry) ForConfig() []config.Protocol {
	var ps []config.Protocol
	for i := range r {
		p := &r[i]
		ps = append(ps, config.Protocol{
			Name:    p.Name,
			Aliases: p.Aliases,
			RPC:     p.RPC,
			Listener: func(n *config.Node, r *config.Report) any {
				return p.Listener(n, r)
			},
			Cluster: func(n *config.Node, listeners []any, r *config.Report) any {
				own := make([]ListenerSettings, len(listeners))
				for i, s := range listeners {
					own[i], _ = s.(ListenerSettings)
				}
				return p.Cluster(n, own, r)
			},
		})
	}
	return ps
}
