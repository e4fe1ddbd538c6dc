package stream

import (
	"net/netip"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// Info is what is known of one request while it lives, for routing by variables,
// access logs and statistics. The proxy fills it; everybody else reads it, on the
// request's worker. Its strings belong to the configuration and live on; slices
// and heads are valid as long as the request.
type Info struct {
	Request  *Head // as it will be, or was, sent upstream
	Response *Head // as it was sent downstream; nil before
	// PathOriginal is the path and query as the client sent them, before they were
	// normalised or rewritten; empty: that is the Request's, which is never changed.
	PathOriginal []byte

	Protocol         string // of the downstream, as configurations spell it: Http1
	UpstreamProtocol string

	Downstream Conn // nil: there is none
	Upstream   Conn // of the last try; nil: it had none

	Listener     string
	VirtualHost  string
	Route        string
	Cluster      string
	UpstreamHost string // address of the host of the last try
	Failure      string // why the last try failed, in words

	Start time.Time // when the request's first byte was seen
	// How long after Start: the request was received completely, the first byte of
	// the response was received, the request was over. Zero: it has not happened.
	RequestReceived  time.Duration
	ResponseReceived time.Duration
	Duration         time.Duration

	BytesReceived uint64 // of the request's body
	BytesSent     uint64 // of the response's body
	Status        int    // as sent downstream; 0: none was
	Tries         int    // times that the request was sent, or tried to be
	Flags         Flags
}

// Conn is what is known of a connection; also when it is closed.
type Conn interface {
	// ID numbers the connection, uniquely in the process, from 1.
	ID() uint64
	// RemoteAddr returns the peer's address, not valid if it has none of IP.
	RemoteAddr() netip.AddrPort
	// LocalAddr returns weir's own.
	LocalAddr() netip.AddrPort
	// Session returns what the transport, such as TLS, knows of the peer and what was
	// agreed on; nil if the connection is plain.
	Session() *eventloop.Session
}

// DownstreamRemote returns the client's address, if it is known.
func (i *Info) DownstreamRemote() netip.AddrPort {
	if i.Downstream == nil {
		return netip.AddrPort{}
	}
	return i.Downstream.RemoteAddr()
}

// DownstreamLocal returns the address that the client connected to, if it is known.
func (i *Info) DownstreamLocal() netip.AddrPort {
	if i.Downstream == nil {
		return netip.AddrPort{}
	}
	return i.Downstream.LocalAddr()
}

// UpstreamLocal returns weir's own address towards the host, if there is one.
func (i *Info) UpstreamLocal() netip.AddrPort {
	if i.Upstream == nil {
		return netip.AddrPort{}
	}
	return i.Upstream.LocalAddr()
}

// ConnectionID returns the number of the downstream connection, 0 without one.
func (i *Info) ConnectionID() uint64 {
	if i.Downstream == nil {
		return 0
	}
	return i.Downstream.ID()
}

// UpstreamConnectionID returns the number of the upstream connection, 0 without
// one.
func (i *Info) UpstreamConnectionID() uint64 {
	if i.Upstream == nil {
		return 0
	}
	return i.Upstream.ID()
}

// Flags say what weir itself had to do with a response.
type Flags uint32

// The response flags, with their letters in access logs.
const (
	NoHealthyUpstream       Flags = 1 << iota // UH: no host could be chosen
	UpstreamTimeout                           // UT: the response did not come in time
	UpstreamRemoteReset                       // UR: the upstream reset the stream
	LocalReset                                // LR: weir reset the stream
	UpstreamConnectFailure                    // UF: no connection to the host
	UpstreamConnectionLost                    // UC: the connection ended under the request
	UpstreamOverflow                          // UO: a limit of the cluster was reached
	NoRouteFound                              // NR: no route matches
	DelayInjected                             // DI: by the fault filter
	FaultInjected                             // FI: by the fault filter
	RateLimited                               // RL: by a limit on requests
	DownstreamLost                            // DC: the client went away
	DownstreamProtocolError                   // DPE: the client's bytes break its protocol
	UpstreamProtocolError                     // UPE: the upstream's bytes break its protocol
	RetriesExhausted                          // URX: the last permitted try failed
	StreamIdleTimeout                         // SI: nothing moved for too long
	Draining                                  // DT: given up at the end of a drain
	RequestTooLarge                           // RTL: it was too large to be kept for the other try that it might have had
	ClientStalled                             // CS: the client took or sent nothing while others needed its place
)

var flagNames = [...]string{"UH", "UT", "UR", "LR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "DC", "DPE", "UPE", "URX", "SI", "DT", "RTL", "CS"}

// AppendTo appends the flags' letters, separated by commas, to dst; "-" if there
// are none.
func (f Flags) AppendTo(dst []byte) []byte {
	if f == 0 {
		return append(dst, '-')
	}
	first := true
	for i, name := range flagNames {
		if f&(1<<i) == 0 {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		dst = append(dst, name...)
		first = false
	}
	return dst
}

// String returns the flags' letters, separated by commas.
func (f Flags) String() string {
	return string(f.AppendTo(nil))
}
