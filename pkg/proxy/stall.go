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
func (d *deadlines) owesRequest() bool {
	x := d.x
	return !x.has(requestOver|tunnelling) && x.phase < responseChosen && x.call.kind != nativeCall &&
		x.pauses&pausesRequest == 0 && !x.req.Opaque
}

// keepsWaiting reports whether it is the client for whom the exchange waits.
func (d *deadlines) keepsWaiting() bool {
	x := d.x
	switch {
	case x.pauses&pauseDownstream != 0:
		return true
	case !d.owesRequest():
		return false
	}
	_, expects := x.req.GetID(stream.Expect)
	return !expects || x.info.BytesReceived > 0
}

// stalls reports whether the exchange is to be ended because its client keeps a place
// that others need.
func (d *deadlines) stalls(now int64) bool {
	x := d.x
	waited, cluster := time.Duration(0), x.target.cluster
	if d.looking() && x.target.counted && d.keepsWaiting() {
		waited = time.Duration(now - d.progress.since)
	}
	d.countStalled(waited >= stallLimitFull)
	if !d.stalling {
		return false
	}
	usage := cluster.Usage()
	if x.attempts.current.conn != nil && !x.attempts.protocol.Multiplexed && cluster.LacksConnections() {
		usage = 1
	}
	return usage >= crowded && waited >= stallLimit ||
		usage >= full && x.conn.stalled > max(1, cluster.RequestLimit()/shares)
}

// countStalled counts the exchange among those that their connection's client keeps
// waiting, or not.
func (d *deadlines) countStalled(is bool) {
	x := d.x
	switch {
	case is == d.stalling:
	case is:
		x.conn.stalled++
	default:
		x.conn.stalled--
	}
	d.stalling = is
}

// endStalled ends it.
func (d *deadlines) endStalled() {
	x := d.x
	x.info.Flags |= stream.ClientStalled
	x.target.cluster.Stats.RequestStalled++
	switch {
	case x.phase >= responseBegun:
		x.breakResponse()
	case d.owesRequest():
		x.attempts.cancel(stream.Reset{Reason: stream.TimedOut})
		x.filters.Reply(filter.Reply{Status: 408, Body: "the request did not arrive in time\n"})
	default:
		x.attempts.cancel(stream.Reset{Reason: stream.TimedOut})
		x.filters.Reply(filter.Reply{Status: 503, Body: "too many requests to the cluster\n"})
	}
}
