package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// A client that takes nothing of its response, or sends nothing more of its request,
// keeps its place among the requests that a cluster may have. As long as there is room
// for others, it may do so until the stream is idle for too long. When the room is
// nearly used up, its stream is ended: those of each client that has kept weir waiting
// for some seconds, and when there is no room at all, the streams of connections that
// have more of such than their share, sooner. Each worker judges its own streams, by
// what all of them have under way.

const (
	// stallLimit is how long a client may keep a stream waiting of a cluster that has
	// crowded of its requests; stallLimitFull that of a connection with more than its
	// share of such streams, of one that has full of them.
	stallLimit     = 5 * time.Second
	stallLimitFull = time.Second
	crowded        = 3.0 / 4
	full           = 15.0 / 16
	// shares is among how many the requests that a cluster may have are shared out.
	shares = 64
	// leastProgress is how many bytes a client must move in stallLimit. A few now and
	// then keep a place as nothing does.
	leastProgress = 1 << 10
)

// owesRequest reports whether it is for the client to go on sending its request. Of a
// call of gRPC that is not known: it may be waiting for the response.
func (s *activeStream) owesRequest() bool {
	const not = requestOver | responseOver | committed | tunnelling
	return s.flags&not == 0 && s.flags&(isGRPC|isBridged) != isGRPC && s.pauses&pausesRequest == 0 && !s.req.Opaque
}

// keepsWaiting reports whether it is the client for whom the stream waits.
func (s *activeStream) keepsWaiting() bool {
	switch {
	case s.pauses&pauseDownstream != 0:
		return true
	case !s.owesRequest():
		return false
	}
	_, expects := s.req.GetID(stream.Expect)
	return !expects || s.info.BytesReceived > 0
}

// stalls reports whether the stream is to be ended because its client keeps a place
// that others need.
func (s *activeStream) stalls(now int64) bool {
	waited := time.Duration(0)
	if s.looks.next != 0 && s.has(counted) && s.keepsWaiting() {
		waited = time.Duration(now - s.looks.since)
	}
	s.countStalled(waited >= stallLimitFull)
	if !s.has(stalling) {
		return false
	}
	usage := s.cluster.Usage()
	if t := s.try; t.conn != nil && !s.speaks.Multiplexed && s.cluster.LacksConnections() {
		usage = 1
	}
	return usage >= crowded && waited >= stallLimit ||
		usage >= full && s.conn.stalled > max(1, s.cluster.RequestLimit()/shares)
}

// countStalled counts the stream among those that their connection's client keeps
// waiting, or not.
func (s *activeStream) countStalled(is bool) {
	switch {
	case is == s.has(stalling):
	case is:
		s.flags |= stalling
		s.conn.stalled++
	default:
		s.flags &^= stalling
		s.conn.stalled--
	}
}

// endStalled ends it.
func (s *activeStream) endStalled() {
	s.info.Flags |= stream.ClientStalled
	s.cluster.Stats.RequestStalled++
	switch {
	case s.has(responseBegun):
		s.breakResponse()
	case s.owesRequest():
		s.cancelTries(stream.Reset{Reason: stream.TimedOut})
		s.filters.Reply(filter.Reply{Status: 408, Body: "the request did not arrive in time\n"})
	default:
		s.cancelTries(stream.Reset{Reason: stream.TimedOut})
		s.filters.Reply(filter.Reply{Status: 503, Body: "too many requests to the cluster\n"})
	}
}
