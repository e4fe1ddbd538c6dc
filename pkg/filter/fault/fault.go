package fault

import (
	"math/bits"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// The headers by which a request asks for its own faults.
const (
	delayHeader = "X-Weir-Fault-Delay"
	abortHeader = "X-Weir-Fault-Abort"
)

// body is what an aborted request is answered with.
const body = "fault injected\n"

// fault is the filter. It keeps nothing per stream.
type fault struct {
	filter.PassRequest
	delay      time.Duration
	delayShare uint32 // of 100
	status     int
	abortShare uint32 // of 100
	cluster    string // "": every
	conditions []condition
	controlled bool
	maxDelay   time.Duration
}

var _ filter.Filter = (*fault)(nil)

// Attach looks at requests only.
func (f *fault) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, nil }

// RequestHead injects the faults that the request is hit by.
func (f *fault) RequestHead(s *filter.Stream, h *stream.Head, _ bool) filter.Status {
	delay, status := f.delay, f.status
	if f.controlled {
		delay, status = f.asked(h)
	}
	if !f.matches(s.Info(), h) {
		return filter.Continue
	}
	if !hits(s, f.delayShare) {
		delay = 0
	}
	if !hits(s, f.abortShare) {
		status = 0
	}
	switch {
	case delay > 0:
		inject(s, delay, status)
		return filter.Pause
	case status > 0:
		abort(s, status)
	}
	return filter.Continue
}

// inject delays the request, then aborts it if there is a status.
func inject(s *filter.Stream, delay time.Duration, status int) {
	s.Info().Flags |= stream.DelayInjected
	s.AfterFunc(delay, func() {
		if status > 0 {
			abort(s, status)
		} else {
			s.ResumeRequest()
		}
	})
}

func abort(s *filter.Stream, status int) {
	s.Reply(filter.Reply{Status: status, Body: body, Flags: stream.FaultInjected})
}

// matches tells whether the request is one of those that faults are for.
func (f *fault) matches(info *stream.Info, h *stream.Head) bool {
	if f.cluster != "" && f.cluster != info.Cluster {
		return false
	}
	for i := range f.conditions {
		if !f.conditions[i].holds(h) {
			return false
		}
	}
	return true
}

// hits draws whether a fault with a share of 100 requests hits this one.
func hits(s *filter.Stream, share uint32) bool {
	if share == 0 {
		return false
	}
	draw, _ := bits.Mul64(s.Rand(), 100) // 0 to 99, all equally likely
	return draw < uint64(share)
}

// asked returns the faults with those in place that the request asks for, and
// removes the headers. A header that makes no sense asks for nothing.
func (f *fault) asked(h *stream.Head) (delay time.Duration, status int) {
	delay, status = f.delay, f.status
	if v, ok := h.Get(delayHeader); ok {
		if d, err := time.ParseDuration(string(v)); err == nil && d >= 0 {
			delay = min(d, f.maxDelay)
		}
		h.Del(delayHeader)
	}
	if v, ok := h.Get(abortHeader); ok {
		if n, err := strconv.Atoi(string(v)); err == nil && n >= 200 && n <= 599 {
			status = n
		}
		h.Del(abortHeader)
	}
	return delay, status
}
