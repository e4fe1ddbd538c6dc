package h2

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// Failures count requests by how they failed, such as "HTTP 503", "gRPC 14" or "reset CANCEL".
type Failures map[string]int

// Total is how many there are.
func (f Failures) Total() int {
	n := 0
	for _, v := range f {
		n += v
	}
	return n
}

// String lists them: "HTTP 503: 2, reset CANCEL: 1".
func (f Failures) String() string {
	var b []string
	for _, how := range slices.Sorted(maps.Keys(f)) {
		b = append(b, fmt.Sprintf("%s: %d", how, f[how]))
	}
	return strings.Join(b, ", ")
}

func (f *Failures) add(how string, n int) {
	if *f == nil {
		*f = Failures{}
	}
	(*f)[how] += n
}

// Result is what happened to the requests.
type Result struct {
	// Requests were answered, rightly or not.
	Requests int
	// Failed are those of them that failed, by what may be the cause.
	Failed [causes]Failures
	// Wrong are answers that nobody waited for (any more), that were another's, or that ended as if they were whole and were not.
	Wrong int
	// Lost are requests without an answer.
	Lost int
	// Refused and Unprocessed were not answered but sent again, since the proxy said that they were not processed: by a reset, or
	// when it had the connection end.
	Refused, Unprocessed int
	// Reconnects are connections that the proxy had end in good order.
	Reconnects int
	// Took is the time from the first request to the last answer.
	Took time.Duration
	// Latencies are those of all answered requests.
	Latencies rpcload.Latencies
	// Trouble is why connections ended too early; nil if none did.
	Trouble error
}

// Rate is the requests answered per second.
func (r *Result) Rate() float64 { return float64(r.Requests) / r.Took.Seconds() }

// FailedTotal is how many requests failed.
func (r *Result) FailedTotal() int {
	n := 0
	for _, f := range r.Failed {
		n += f.Total()
	}
	return n
}

// Violations says what a correct client need not see, whatever becomes of the servers: empty if it did not.
func (r *Result) Violations() string { return r.tell(r.Failed[Unforced]) }

// Faults says what does not happen where no server fails: empty if it did not.
func (r *Result) Faults() string {
	var all Failures
	for _, f := range r.Failed {
		for how, n := range f {
			all.add(how, n)
		}
	}
	return r.tell(all)
}

func (r *Result) tell(failed Failures) string {
	var found []string
	for _, v := range []struct {
		n    int
		what string
	}{{r.Wrong, "wrong"}, {r.Lost, "lost"}, {failed.Total(), "failed (" + failed.String() + ")"}} {
		if v.n > 0 {
			found = append(found, fmt.Sprint(v.n, " ", v.what))
		}
	}
	if r.Trouble != nil {
		found = append(found, r.Trouble.Error())
	}
	return strings.Join(found, "; ")
}

// add adds what happened on a connection. Of troubles, the first is told: more are of the same kind.
func (r *Result) add(one *Result) {
	r.Requests += one.Requests
	for cause, f := range one.Failed {
		for how, n := range f {
			r.Failed[cause].add(how, n)
		}
	}
	r.Wrong += one.Wrong
	r.Lost += one.Lost
	r.Refused += one.Refused
	r.Unprocessed += one.Unprocessed
	r.Reconnects += one.Reconnects
	r.Took = max(r.Took, one.Took)
	r.Latencies.Merge(&one.Latencies)
	if r.Trouble == nil {
		r.Trouble = one.Trouble
	}
}
