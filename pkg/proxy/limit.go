package proxy

import (
	"errors"

	"github.com/weirproxy/weir/pkg/stream"
)

// limitKey returns how a cluster's extend_config spells the limit that a host's
// message is over; "" if the attempt failed for something else.
func limitKey(r *stream.Reset) string {
	if r.Reason != stream.ProtocolError && r.Reason != stream.TooLarge {
		return ""
	}
	var over interface{ LimitKey() string }
	if !errors.As(r.Err, &over) {
		return ""
	}
	return over.LimitKey()
}

// tellLimit says which limit it was, where an operator can find it: the client is
// only told that there is one.
func (t *attempt) tellLimit(key string, r *stream.Reset) {
	x := t.x
	what := "a response is over a limit of its cluster's extend_config"
	if r.Unprocessed {
		what = "a request is over a limit of its cluster's extend_config"
	}
	x.w.Log.Warn(what, "cluster", x.target.cluster.Name, "host", t.host.Address, "protocol", x.attempts.protocol.Name, "key", key, "error", r.Err)
}
