package proxy

import (
	"errors"
	"time"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// An attempt that was given to a host ends with exactly one outcome, by which balancers
// and the ejection of hosts judge it; or with none, if it says nothing of the host:
//
//   - the client, or the other of two attempts, made it pointless before there was an
//     answer; an answer in time counts, whoever ends the rest of it;
//   - weir itself had no room for it, cannot say it in the host's protocol, has a limit
//     that it or its answer exceeds, or is being stopped;
//   - the request was one-way, and sent: there is no answer to judge;
//   - its time was over before the client had sent all of it, most of it because the
//     client was slow;
//   - the host did nothing for it, and it was moved to another connection: the one it
//     was sent on had been idle and was gone, or the host had no room on it.
//
// The time of an attempt is that from the last part of the request that the host was given,
// until the head of its answer: how long a request takes to come is the client's
// matter, and how long the rest of an answer takes is a matter of its size, or of how
// long a call is meant to last.

// note tells the host how the attempt went, if nothing was said yet.
func (t *attempt) note(o outlier.Outcome) {
	if t.noted || t.host == nil {
		return
	}
	t.noted = true
	at := t.answered
	if at == 0 {
		at = t.x.w.Loop.Now()
	}
	t.host.Done(time.Duration(at-t.start), o)
}

// noteFailure tells the host that the attempt failed, if it is the host that failed it.
func (t *attempt) noteFailure(r stream.Reset) {
	if errors.Is(r.Err, eventloop.ErrStopped) {
		return
	}
	if r.Reason.Local() {
		return
	}
	switch r.Reason {
	case stream.Cancelled:
	case stream.ConnectFailed: // noted once for all requests that waited for the connection
	case stream.TimedOut:
		if t.state >= attemptSending && t.answered == 0 { // otherwise there was no connection in time, which may be due to a limit
			t.note(outlier.TimedOut)
		}
	default:
		t.note(outlier.Reset)
	}
}

// clientLate reports whether an attempt's time is over because the client is slow with its
// request: it is not complete, no one keeps the client from sending, and for most of
// the time it was the client that was waited for. Of a client that is silent, as one
// may be that calls with a stream of messages, the host was waited for.
func (t *attempt) clientLate() bool {
	x := t.x
	if x.has(requestOver) || x.pauses&pausesRequest != 0 {
		return false
	}
	now := x.w.Loop.Now()
	return 2*(now-t.start) < now-t.began
}

// outcomeOf is what an answer's status says of the host.
func outcomeOf(status int) outlier.Outcome {
	switch {
	case 502 <= status && status <= 504:
		return outlier.GatewayError
	case status >= 500:
		return outlier.ServerError
	case status >= 400:
		return outlier.ClientError
	}
	return outlier.Success
}

// callOutcome is what a call's status says of the host. Unknown is what servers
// answer with when a method fails without saying why.
func callOutcome(c grpc.Code) outlier.Outcome {
	switch c {
	case grpc.OK:
		return outlier.Success
	case grpc.Unavailable, grpc.DeadlineExceeded:
		return outlier.GatewayError
	case grpc.Internal, grpc.Unknown, grpc.DataLoss:
		return outlier.ServerError
	}
	return outlier.ClientError
}
