package stream

// ServerFeatures is what a ServerCodec can do that not all can. What it cannot do is
// nil.
type ServerFeatures struct {
	DrainNotifier DrainNotifier
	StallResetter StallResetter
	// Acceptor opens streams to the client, for the requests of hosts on connections
	// that are bound to this one.
	Acceptor Acceptor
}

// ClientFeatures is what a ClientCodec can do that not all can. What it cannot do is
// nil.
type ClientFeatures struct {
	Pinger        Pinger
	Leaver        Leaver
	StreamLimiter StreamLimiter
	OrphanCounter OrphanCounter
	Binder        Binder
	Former        Former
}

// DrainNotifier is a ServerCodec whose protocol can tell a client that it should send
// no more requests on the connection. Those that it sends all the same are served.
type DrainNotifier interface {
	// NotifyDrain tells it, once, when a drain begins.
	NotifyDrain()
}

// StallResetter is a ServerCodec on which responses may wait for a client that does not
// take them, after their streams are over for who gave them.
type StallResetter interface {
	// Stalled reports whether there are any.
	Stalled() bool
	// ResetStalled gives up those with which the client has not come any further since a
	// time on the loop's clock. It is called now and then, as long as there are any.
	ResetStalled(since int64, t Taken)
}

// Taken is what is known of how much a client has taken of what is sent to it, as times
// on the loop's clock.
type Taken struct {
	// Moved is when it was last seen to have taken something.
	Moved int64
	// Until is until when all that was sent has been taken.
	Until int64
}

// Pinger is a ClientCodec whose protocol has heartbeats.
type Pinger interface {
	// Ping sends a heartbeat. It returns false if the protocol has none after all.
	Ping() bool
	// Answered reports whether the last heartbeat was answered.
	Answered() bool
	// Received returns how many frames, of whatever kind, have come from the peer.
	Received() uint64
}

// Leaver is a ClientCodec whose protocol lets a host say that it is about to go.
type Leaver interface {
	// Leaving reports whether the host has said on this connection that it takes no
	// more requests, and not because of anything that is wrong with the connection.
	Leaving() bool
}

// StreamLimiter is a ClientCodec whose peer says how many streams a connection takes.
type StreamLimiter interface {
	// Limit returns how many, 0 as long as the peer has not said so.
	Limit() int
	// SetMaxStreams sets how many are opened until it has.
	SetMaxStreams(n int)
}

// OrphanCounter is a codec that drops messages that nobody waits for.
type OrphanCounter interface {
	// Orphans returns how many it has dropped.
	Orphans() uint64
}

// Binder is a ClientCodec whose protocol lets a host send requests, which a
// connection of one client's own passes on to it.
type Binder interface {
	// Bind gives the connection the acceptor of the host's requests, before any.
	Bind(a Acceptor)
}

// Former is a ClientCodec whose protocol has forms that a host may not mix on one
// connection; see Call.Form.
type Former interface {
	// SetForm says in which form the requests will be, before any is sent.
	SetForm(form uint8)
}
