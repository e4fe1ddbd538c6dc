package protocol

import (
	"slices"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// Auto is the name that stands for whichever protocol a connection speaks.
const Auto = "Auto"

// ServerMaker makes the codec of a downstream connection.
type ServerMaker func(link stream.Link, a stream.Acceptor, heads *stream.Pool) stream.ServerCodec

// ClientMaker makes the codec of an upstream connection.
type ClientMaker func(link stream.Link, heads *stream.Pool) stream.ClientCodec

// Protocol is one protocol that connections may speak.
type Protocol struct {
	// Name as configurations spell it.
	Name string
	// Aliases are further names of it.
	Aliases []string
	// ALPN is what handshakes of transports call it (RFC 7301); "": nothing.
	ALPN string
	// Listener decodes what a listener says about the protocol, which is nil if it says
	// nothing. What is wrong with it goes to the report, and the result does not matter
	// then. It returns a pointer to a struct, whose fields the reference documents.
	Listener func(n *config.Node, r *config.Report) ListenerSettings
	// Cluster decodes what a cluster says about the protocol, in the same way. It sees
	// what all listeners say, for limits that are not given.
	Cluster func(n *config.Node, listeners []ListenerSettings, r *config.Report) ClusterSettings
	// Match tells whether a connection that begins with some bytes speaks the
	// protocol, for detection; see [Detector]. A protocol without it is only spoken
	// where it is named.
	Match Match
	// RPC tells that messages are whole frames of an RPC protocol.
	RPC bool
	// Multiplexed tells that an upstream connection carries many streams at a time.
	Multiplexed bool
}

// Registry is the protocols of a build of weir.
type Registry []Protocol

// Find returns the protocol of a name, without regard to case.
func (r Registry) Find(name string) (*Protocol, bool) {
	for i := range r {
		if r[i].named(name) {
			return &r[i], true
		}
	}
	return nil, false
}

func (p *Protocol) named(name string) bool {
	return strings.EqualFold(p.Name, name) ||
		slices.ContainsFunc(p.Aliases, func(a string) bool { return strings.EqualFold(a, name) })
}

// Select returns the protocols for connections of a proxy that lists some names,
// in that order and each once; for Auto all that can be detected. Names of
// protocols that there are not have no effect.
func (r Registry) Select(names []string) []*Protocol {
	var ps []*Protocol
	for _, name := range names {
		if name == Auto {
			for i := range r {
				if r[i].Match != nil {
					ps = append(ps, &r[i])
				}
			}
			continue
		}
		if p, ok := r.Find(name); ok && !slices.Contains(ps, p) {
			ps = append(ps, p)
		}
	}
	return ps
}
