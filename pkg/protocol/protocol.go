package protocol

import (
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
	// Server returns the maker of codecs for the downstream connections of a proxy.
	Server func(c *config.ProxyConfig) ServerMaker
	// Client makes the codec of an upstream connection.
	Client ClientMaker
	// Match tells whether a connection that begins with some bytes speaks the
	// protocol, for detection; see [Detector]. A protocol without it is only spoken
	// where it is named.
	Match Match
	// Multiplexed tells that an upstream connection carries many streams at a time.
	Multiplexed bool
}

// Registry is the protocols of a build of weir.
type Registry []Protocol

// Find returns the protocol of a name, without regard to case.
func (r Registry) Find(name string) (*Protocol, bool) {
	for i := range r {
		if strings.EqualFold(r[i].Name, name) {
			return &r[i], true
		}
	}
	return nil, false
}

// Select returns the protocol for connections of a proxy that lists some names:
// the first that there is. Auto stands for the first of all.
func (r Registry) Select(names []string) (*Protocol, bool) {
	for _, name := range names {
		if name == Auto && len(r) > 0 {
			return &r[0], true
		}
		if p, ok := r.Find(name); ok {
			return p, true
		}
	}
	return nil, false
}
