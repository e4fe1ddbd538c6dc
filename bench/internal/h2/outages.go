package h2

import "sync/atomic"

// Outages tell callers what is done to the servers behind a proxy, so that they can tell which failures nobody can help. It is safe
// for concurrent use.
type Outages struct{ kills, settling, down atomic.Int32 }

// Kill says that some servers are about to be killed, and Settled that this was long enough ago for the proxy to have noticed.
func (o *Outages) Kill(servers int) {
	o.settling.Add(1)
	o.kills.Add(1)
	o.down.Add(int32(servers))
}

// Settled ends what Kill began, but for the servers' being down.
func (o *Outages) Settled() { o.settling.Add(-1) }

// Stop says that a server is about to be told to finish what it has and to end.
func (o *Outages) Stop() { o.down.Add(1) }

// Back says that some servers answer again.
func (o *Outages) Back(servers int) { o.down.Add(-int32(servers)) }

// Cause is what may have made a request fail.
type Cause uint8

// The causes.
const (
	// Unforced is none that is known: the proxy could have had the request answered, by another server if need be. It may be moved to
	// another one as long as no server can have seen it.
	Unforced Cause = iota
	// Killed is that a server was killed meanwhile: perhaps the one that was executing the request.
	Killed
	// Down is that several servers were down when the request began, so that it may have met only those.
	Down
	causes
)

// since is the state of the servers when a request begins.
type since struct {
	kills   int32
	settled bool
	several bool
}

func (o *Outages) begin() since {
	if o == nil {
		return since{settled: true}
	}
	return since{o.kills.Load(), o.settling.Load() == 0, o.down.Load() > 1}
}

// cause tells why a request that began then fails now.
func (o *Outages) cause(s since) Cause {
	switch {
	case o == nil:
		return Unforced
	case !s.settled || s.kills != o.kills.Load():
		return Killed
	case s.several:
		return Down
	}
	return Unforced
}
