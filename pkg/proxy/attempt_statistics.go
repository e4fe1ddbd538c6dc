package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// attemptRecorder is an attempt as what looks on: it counts what becomes of it, for the
// host and its cluster.
type attemptRecorder attempt

func (t *attempt) recorder() *attemptRecorder { return (*attemptRecorder)(t) }

// stats are the counters of the host and its cluster.
func (t *attemptRecorder) stats() [2]*metrics.Upstream {
	return [2]*metrics.Upstream{&t.host.Stats.Upstream, &t.x.target.cluster.Stats.Upstream}
}

// countBegun counts an attempt that a host is given.
func (t *attemptRecorder) countBegun() {
	for _, st := range t.stats() {
		st.RequestTotal++
		st.RequestActive++
	}
	t.tell(AttemptBegun, 0, stream.Reset{})
}

// countEnded counts the end of an attempt that took some time. heard reports whether the
// host has been asked at all, and r is why there is no answer.
func (t *attemptRecorder) countEnded(took time.Duration, heard bool, r stream.Reset) {
	for _, st := range t.stats() {
		st.RequestActive--
		if heard {
			st.Latency.Record(took)
		} else {
			st.RequestTotal--
		}
	}
	t.tell(AttemptEnded, took, r)
}

// tell tells observers of the attempt.
func (t *attemptRecorder) tell(e Event, took time.Duration, r stream.Reset) {
	if len(t.x.l.observers) == 0 {
		return
	}
	(*recorder)(t.x).tell(e, &Attempt{Host: t.host, Retry: t.retry, Hedge: t.hedge, Took: took, Reset: r})
}

// countAnswer counts the response of the attempt's host by its head, if that tells what
// became of the request.
func (t *attemptRecorder) countAnswer(h *stream.Head, end bool) {
	if t.x.req.RPC.Kind != stream.KindOneWay {
		t.answered = t.x.w.Loop.Now()
	}
	switch {
	case h.RPC.Exception:
		t.countException()
	case t.x.call.kind == bridgedCall && !grpc.IsResponse(h):
		t.x.call.plain = true
		t.x.call.code = grpc.FromHTTP(h.Status)
		t.countResponse(h.Status)
	case !t.x.call.is() || h.Status != 200:
		t.countResponse(h.Status)
	case end:
		t.countCall(&h.Header)
	}
}

// countResponse counts a response of the attempt's host.
func (t *attemptRecorder) countResponse(status int) {
	h, c := t.host.Stats, t.x.target.cluster.Stats
	t.outcome = outcomeOf(status)
	if status >= 500 {
		h.ResponseFailed++
		c.ResponseFailed++
		return
	}
	h.ResponseSuccess++
	c.ResponseSuccess++
}

// countException counts a response by which the method throws an exception: the host
// did what it was asked to. It is no failure, unless the cluster wants it to be one.
func (t *attemptRecorder) countException() {
	h, c := t.host.Stats, t.x.target.cluster
	h.ResponseException++
	c.Stats.ResponseException++
	t.countResponse(200)
	if c.Outlier != nil && c.Outlier.Exceptions {
		t.outcome = outlier.ServerError
	}
}

// countFailure counts an attempt that brought no response.
func (t *attemptRecorder) countFailure(r stream.Reset) {
	if t.host == nil {
		return
	}
	h, c := t.host.Stats, t.x.target.cluster.Stats
	switch r.Reason {
	case stream.Overflow:
		c.RequestPendingOverflow++
		return
	case stream.Panicked:
		h.RequestLocalReset++
		c.RequestLocalReset++
		return
	case stream.Unsendable, stream.TooLarge:
		t.countLocal(r)
		return
	case stream.TimedOut:
		h.RequestTimeout++
		c.RequestTimeout++
	case stream.ConnectFailed:
	default:
		h.RequestRemoteReset++
		c.RequestRemoteReset++
	}
	h.ResponseFailed++
	c.ResponseFailed++
}

// countLocal counts an attempt that failed because of what weir cannot send, or does not
// take.
func (t *attemptRecorder) countLocal(r stream.Reset) {
	c := t.x.target.cluster.Stats
	if r.Reason == stream.Unsendable {
		c.RequestUnsendable++
		return
	}
	if r.Unprocessed {
		c.RequestTooLarge++
	} else {
		t.host.Stats.ResponseTooLarge++
		c.ResponseTooLarge++
	}
}

// countCall counts the response of a host by the call's status.
func (t *attemptRecorder) countCall(h *stream.Header) {
	code, _ := grpc.ReadStatus(h)
	t.countResponse(grpc.ToHTTP(code))
	t.outcome = callOutcome(code)
	t.x.call.code = code
}
