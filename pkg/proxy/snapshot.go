package proxy

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/upstream"
)

// Snapshot is everything that workers need of one configuration. It is immutable
// and shared.
type Snapshot struct {
	Listeners []*Listener
	Clusters  *upstream.Snapshot
}

// Listener is what a snapshot says about one listener's connections.
type Listener struct {
	Name   string
	Shared *Shared // outlives snapshots

	// Transport stands below all protocols; nil: connections are plain.
	Transport *Transport
	// Protocols are what connections may speak, and their codecs' makers. Detector
	// tells which; it is nil if there is nothing to tell. TCP takes the connections
	// that speak none of them, which are all if there are no protocols; it may be nil.
	Protocols     []ListenerProtocol
	Detector      *protocol.Detector
	DetectTimeout time.Duration
	TCP           *config.TCPProxyConfig
	Router        string // name of the route table
	Routes        *router.Table
	Clusters      *upstream.Snapshot // that the routes refer to
	// Chains are the stream filters of each route, by its ID; Default those of a
	// request that no route takes.
	Chains  []filter.Chain
	Default filter.Chain
	// CallMaker is the filter that makes calls of gRPC of other requests; nil: none does.
	CallMaker filter.CallMaker
	Logs      []*accesslog.Log

	Forwarded      config.ForwardedMode
	RequestID      config.RequestIDMode
	Bound          bool // RPC connections to hosts are of one downstream connection each
	TimeoutHeaders bool // requests may shorten their own timeouts
	Path           PathRules
	MaxConnections int
	BufferLimit    int
	// RetryBuffer is how many bytes of large requests each worker keeps, for other tries.
	RetryBuffer int

	// Upstreams are the protocols that hosts are spoken to, by the route's ID; nil is
	// the request's own. A request of an RPC protocol keeps its own in any case.
	Upstreams []*protocol.Protocol
	// Other are the times for clients whose protocol is not known yet, or none of
	// Protocols any more.
	Other protocol.Timeouts
}

// ListenerProtocol is a protocol on the connections of a listener.
type ListenerProtocol struct {
	*protocol.Protocol
	NewCodec protocol.ServerMaker
	protocol.Timeouts
}

// timeouts returns the times for clients that speak a protocol, nil if it is not
// known.
func (l *Listener) timeouts(p *protocol.Protocol) *protocol.Timeouts {
	for i := range l.Protocols {
		if s := &l.Protocols[i]; s.Protocol == p {
			return &s.Timeouts
		}
	}
	return &l.Other
}

// Shared is what all workers, and all snapshots, of a listener's socket have in
// common; which socket it is, too.
type Shared struct {
	Connections atomic.Int64
	// Local is the address that is listened on. It is set once, before connections come.
	Local netip.AddrPort
}

// Find returns the listener of a name, or nil.
func (s *Snapshot) Find(name string) *Listener {
	for _, l := range s.Listeners {
		if l.Name == name {
			return l
		}
	}
	return nil
}
