package admin

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Event is a change of a host, or of where hosts come from.
type Event struct {
	Time    time.Time `json:"time"`
	Cluster string    `json:"cluster"`
	Host    string    `json:"host,omitempty"`
	Kind    string    `json:"kind"`
	Detail  string    `json:"detail,omitempty"`
}

// How many events are shown: without a word about it, and at most.
const (
	defaultEvents = 100
	maxEvents     = 10_000
)

// events shows the newest changes of hosts, oldest first.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r, "cluster", "n", "format")
	if !ok {
		return
	}
	text, ok := s.preferred(w, r, q)
	if !ok {
		return
	}
	n := defaultEvents
	if asked := q.Get("n"); asked != "" {
		var err error
		if n, err = strconv.Atoi(asked); err != nil || n < 1 || n > maxEvents {
			s.fail(w, http.StatusBadRequest, fmt.Sprintf("n must be a number from 1 to %d", maxEvents), "")
			return
		}
	}
	all := s.options.Clusters.Events(q.Get("cluster"), n)
	if !text {
		s.json(w, http.StatusOK, struct {
			Events []Event `json:"events"`
		}{append([]Event{}, all...)})
		return
	}
	b := s.buffers.Get()
	defer s.buffers.Put(b)
	if err := writeEvents(b, all); err != nil {
		s.broken(w, err)
		return
	}
	send(w, http.StatusOK, typeText, b.B)
}

func writeEvents(to io.Writer, all []Event) error {
	t := Text{Now: time.Now()}
	for i := range all {
		if err := t.Event(to, &all[i]); err != nil {
			return err
		}
	}
	return nil
}
