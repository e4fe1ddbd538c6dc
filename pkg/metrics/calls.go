package metrics

import "strconv"

// CallKey names what gRPC requests call.
type CallKey struct{ Service, Method string }

// otherCalls counts what there is no room for.
var otherCalls = CallKey{"other", "other"}

// maxCalls bounds the methods that a worker counts one by one: their names come
// from clients.
const maxCalls = 500

// maxCallName is the longest name, in bytes, of a service or method that is counted
// by itself.
const maxCallName = 256

// numStatuses is how many statuses gRPC defines: 0 to 16.
const numStatuses = 17

// CallStats count the gRPC requests for one method of a service.
type CallStats struct {
	RequestTotal uint64
	Statuses     [numStatuses]uint64 // by the number of the call's status
	StatusOther  uint64
	Latency      Histogram
}

// CountStatus counts what became of a call.
func (s *CallStats) CountStatus(status uint32) {
	if status < numStatuses {
		s.Statuses[status]++
		return
	}
	s.StatusOther++
}

// Call returns the statistics of a method, new ones if there are none; those of all
// others once there are too many. It does not keep the names, and allocates only
// for new ones. Unlike other statistics these stay when the configuration changes.
func (w *Worker) Call(service, method []byte) *CallStats {
	if s := w.calls[string(service)][string(method)]; s != nil {
		return s
	}
	key := CallKey{string(service), string(method)}
	if w.numCalls >= maxCalls || len(service) > maxCallName || len(method) > maxCallName || len(service) == 0 {
		key = otherCalls
		if s := w.calls[key.Service][key.Method]; s != nil {
			return s
		}
	}
	if w.calls == nil {
		w.calls = make(map[string]map[string]*CallStats)
	}
	if w.calls[key.Service] == nil {
		w.calls[key.Service] = make(map[string]*CallStats)
	}
	s := &CallStats{}
	w.calls[key.Service][key.Method] = s
	w.numCalls++
	return s
}

// copyCalls copies the statistics of all methods.
func (w *Worker) copyCalls(a *arena) map[CallKey]*CallStats {
	copies := make(map[CallKey]*CallStats, w.numCalls)
	for service, methods := range w.calls {
		for method, s := range methods {
			c := *s
			a.unshare(&c.Latency)
			copies[CallKey{service, method}] = &c
		}
	}
	return copies
}

func (s *CallStats) stats() []stat {
	all := []stat{
		{key: "request_total", help: "Requests that were given to a host.", at: &s.RequestTotal},
		{key: "request_time", help: "Time from the first byte of a request to its end.", at: &s.Latency},
	}
	const help = "Requests by what became of them, as grpc-status numbers it."
	for i := range s.Statuses {
		n := strconv.Itoa(i)
		all = append(all, stat{key: "request_status_" + n + "_total", help: help, at: &s.Statuses[i], label: "status", value: n})
	}
	return append(all, stat{key: "request_status_other", help: help, at: &s.StatusOther, label: "status", value: "other"})
}
