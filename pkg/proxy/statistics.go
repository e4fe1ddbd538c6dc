package proxy

import (
	"time"

	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/stream"
)

// recorder is the exchange as what looks on: it counts what happens, and tells the
// listener's observers of it.
type recorder exchange

// begun counts a request that has begun.
func (r *recorder) begun() {
	r.l.stats.RequestTotal++
	r.l.stats.RequestActive++
}

// routed counts a request for its route.
func (r *recorder) routed() {
	t := &r.target
	r.info.Route, r.info.VirtualHost = t.route.Name, t.route.VirtualHost
	t.stats.RequestTotal++
	t.stats.RequestActive++
	r.tell(RequestRouted, nil)
}

// responded tells that the client is given the head of the response.
func (r *recorder) responded() { r.tell(ResponseBegun, nil) }

// failures are the flags of requests that count as failed.
const failures = stream.NoRouteFound | stream.NoHealthyUpstream | stream.LocalReset | stream.UpstreamOverflow |
	stream.UpstreamTimeout | stream.UpstreamConnectFailure | stream.UpstreamConnectionLost |
	stream.UpstreamRemoteReset | stream.UpstreamProtocolError

// ended counts a request that is over.
func (r *recorder) ended() {
	took := (*exchange)(r).elapsed()
	i, st := &r.info, r.l.stats
	i.Duration = took
	st.RequestActive--
	st.Latency.Record(took)
	st.ProcessTime.Record(max(took-r.attempts.spent, 0))
	st.Codes.CountCode(i.Status)
	if i.Status == 0 {
		st.RequestReset++
	}
	if i.Flags&stream.DelayInjected != 0 {
		st.FaultDelayed++
	}
	if i.Flags&stream.FaultInjected != 0 {
		st.FaultAborted++
	}
	failed := i.Flags&failures != 0
	if failed {
		st.RequestFailed++
	}
	if rs := r.target.stats; rs != nil {
		if failed {
			rs.RequestFailed++
		}
		rs.RequestActive--
		rs.Codes.CountCode(i.Status)
		rs.Latency.Record(took)
	}
	if r.req.RPC.Kind == stream.KindOneWay && (i.Status == 0 || i.Status >= 400) {
		r.lost()
	}
	if r.call.is() {
		r.countCall(took)
	}
	r.tell(RequestEnded, nil)
}

// lost counts a one-way request that came to no good end, and says so: its client
// cannot be told.
func (r *recorder) lost() {
	r.l.stats.RequestOneWayLost++
	r.w.Log.Warn("a one-way request is lost, of which its client is not told",
		"listener", r.cfg.Name, "cluster", r.info.Cluster, "host", r.info.UpstreamHost,
		"flags", r.info.Flags.String(), "failure", r.info.Failure)
}

// countCall counts a call that a host was given. Names of methods that hosts do not
// have are a client's inventions, and not counted by themselves.
func (r *recorder) countCall(took time.Duration) {
	if r.info.Tries == 0 {
		return
	}
	service, _ := r.req.Attribute(stream.Service)
	method, _ := r.req.Attribute(stream.Method)
	if r.call.code == grpc.Unimplemented {
		service = nil
	}
	c := r.w.Stats.Call(service, method)
	c.RequestTotal++
	c.CountStatus(uint32(r.call.code))
	c.Latency.Record(took)
}
