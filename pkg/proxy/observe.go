package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// Event is something that happens to a request.
type Event uint8

const (
	// RequestBegun: its head has come, and was not looked at yet.
	RequestBegun Event = iota + 1
	// RequestRouted: it has a route, and mostly a cluster.
	RequestRouted
	// AttemptBegun: it is about to be sent to a host.
	AttemptBegun
	// AttemptEnded: the host has answered, or the attempt has failed or was given up.
	AttemptEnded
	// ResponseBegun: the head of the response is about to be sent to the client.
	ResponseBegun
	// RequestEnded: request and response are over. It comes once for each request, for
	// one whose head never came as well, and nothing comes after it.
	RequestEnded
)

// Observer looks on at what happens to the requests of a listener on one worker, such
// as to write access logs. It runs on the worker, and neither blocks nor changes
// anything. What it is given is valid during the call.
type Observer interface {
	// Observe tells of an event. a is the attempt that AttemptBegun and AttemptEnded are
	// about, otherwise nil.
	Observe(e Event, i *stream.Info, a *Attempt)
}

// Attempt is what observers learn of an attempt to have a request answered.
type Attempt struct {
	Host         *upstream.Host
	Retry, Hedge bool          // it is a retry by policy; it was made beside another one
	Took         time.Duration // AttemptEnded: how long it did
	Reset        stream.Reset  // AttemptEnded: why there is no answer; zero: there is one
}

// tell tells all observers.
func (r *recorder) tell(e Event, a *Attempt) {
	for _, o := range r.l.observers {
		o.Observe(e, &r.info, a)
	}
}

// accessLogs writes the access logs of a listener.
type accessLogs listener

// Observe writes a request that is over. Heartbeats are none.
func (l *accessLogs) Observe(e Event, i *stream.Info, _ *Attempt) {
	if e != RequestEnded || i.Request.RPC.Kind == stream.KindHeartbeat {
		return
	}
	for _, log := range l.logs {
		log.Append(i)
	}
	if w := l.worker; !w.logTick.Set() {
		w.Loop.Schedule(&w.logTick, logInterval, w)
	}
}
