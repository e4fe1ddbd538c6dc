package bolt

import (
	"strings"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// Options are what a peer may be told beyond what every bolt peer understands.
type Options struct {
	// GoAway announces a drain by a request of command 100, which sofa-bolt does
	// not know: a Java client closes the connection on it at once, and fails all
	// that is in flight. MOSN and weir understand it.
	GoAway bool
}

// Spec is bolt with the zero Options, but for listeners whose configuration says
// otherwise.
func Spec() xprotocol.Spec {
	return xprotocol.Spec{
		Name:     "bolt",
		Aliases:  []string{"boltv2"},
		Codec:    New(Options{}),
		Settings: func() xprotocol.OwnSettings { return new(ListenerSettings) },
		Match:    Match,
		Usage:    xprotocol.Multiplexed,
		IDBits:   32,
	}
}

// New returns a codec for both versions of bolt. It has all abilities that a codec
// can have.
func New(o Options) xprotocol.Codec { return codec{goAway: o.GoAway} }

type codec struct{ goAway bool }

var (
	_ xprotocol.Heartbeater = codec{}
	_ xprotocol.GoAwayer    = codec{}
	_ xprotocol.Sealer      = codec{}
	_ xprotocol.Timer       = codec{}
	_ xprotocol.Previewer   = codec{}
)

// Match tells bolt from the first 4 bytes (version 1) or 3 (version 2).
func Match(b []byte) protocol.Verdict {
	switch {
	case len(b) == 0:
		return protocol.More
	case b[0] == 1:
		return matchEach(b[1:], "\x00\x01\x02", "\x00", "\x00\x01\x02\x64") // type, command
	case b[0] == 2:
		return matchEach(b[1:], "\x01\x02", "\x00\x01\x02") // ver1, type
	}
	return protocol.No
}

// matchEach tells whether each byte is one of those that are possible in its place.
func matchEach(b []byte, possible ...string) protocol.Verdict {
	for i, set := range possible {
		if i == len(b) {
			return protocol.More
		}
		if strings.IndexByte(set, b[i]) < 0 {
			return protocol.No
		}
	}
	return protocol.Yes
}
