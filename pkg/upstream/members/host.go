package members

import (
	"net/netip"

	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Host is one host of a cluster. It is immutable; when what a source says of it
// changes, another Host takes its slot.
type Host struct {
	Address  string // as configured or discovered
	Hostname string
	Zone     string
	Metadata map[string]string
	// Addr is where it is, with a name resolved; invalid if it is a unix socket, whose
	// path is in Address.
	Addr     netip.AddrPort
	Weight   uint32
	Priority uint32
	// Slot is the host's place in the sets that it is in, the same in all of them. When
	// the host is gone, another one gets it.
	Slot int32
	// Counters are what ejection counts; nil if the cluster ejects no host.
	Counters *outlier.Counters
}

// Same tells whether two are the same host, if perhaps with another weight or other
// labels: what is known of one, and the connections to it, are the other's too.
func (h *Host) Same(o *Host) bool { return h.Address == o.Address && h.Addr == o.Addr }

// State is how a host is.
type State uint8

const (
	// Healthy hosts take requests.
	Healthy State = iota
	// Degraded ones take them when the healthy ones of all priorities are not enough.
	Degraded
	// Unhealthy ones are not well, as their source or a check says.
	Unhealthy
	// Ejected ones failed too often.
	Ejected
	// Draining ones are about to go.
	Draining
)

// String names the state.
func (s State) String() string {
	return [...]string{"healthy", "degraded", "unhealthy", "ejected", "draining"}[s]
}

// Takes tells whether a host takes requests in this state.
func (s State) Takes() bool { return s <= Degraded }
