package proxy

import (
	"strconv"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// hop is what Max-Forwards says of a request (RFC 9110, 7.6.2): a client counts with it
// how far one of OPTIONS or TRACE goes.
type hop uint8

const (
	hopOn        hop = iota // it goes on, as nearly all requests do
	hopLast                 // it is to be answered here
	hopMalformed            // it cannot be told
)

// countHop takes one off the field.
func (k *intake) countHop() hop {
	x := (*exchange)(k)
	switch string(x.req.Method()) {
	case "OPTIONS", "TRACE":
	default:
		return hopOn
	}
	value, fields := []byte(nil), 0
	for i := range x.req.Len() {
		if name, v := x.req.At(i); stream.EqualFold(name, maxForwards) {
			value = v
			fields++
		}
	}
	if fields == 0 {
		return hopOn
	}
	left, ok := forwardsLeft(value)
	switch {
	case !ok || fields > 1:
		return hopMalformed
	case left == 0:
		return hopLast
	}
	b := strconv.AppendInt(x.w.scratch[:0], left-1, 10)
	x.w.scratch = b[:0]
	x.req.SetBytes(maxForwards, b)
	return hopOn
}

const (
	maxForwards  = "max-forwards"
	mostForwards = 1 << 20 // more hops than there can be
)

// forwardsLeft reads the field's value; one of any size is a number.
func forwardsLeft(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), mostForwards)
	}
	return n, len(b) > 0
}

// answerHop answers a request that goes no further. What came of a TRACE is not sent
// back: it may hold what a script in a browser is not to see.
func (x *exchange) answerHop(h hop) {
	if h == hopMalformed {
		x.filters.Reply(filter.Reply{Status: 400, Body: "Max-Forwards is malformed\n"})
		return
	}
	var allow stream.Header
	allow.Add("Allow", "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS")
	if string(x.req.Method()) == "TRACE" {
		x.filters.Reply(filter.Reply{Status: 405, Body: "TRACE is not answered here\n", Header: &allow})
		return
	}
	x.filters.Reply(filter.Reply{Status: 200, Header: &allow})
}
