package admin

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// Clusters are the clusters with their hosts. The methods are called from several goroutines at a time, and must not wait for a worker
// for long.
type Clusters interface {
	// Clusters calls each for every cluster, or for the one of that name if it is not "", in the order of their names, until it returns
	// false. What each is given is the caller's within the call only. A call may take as long as a client takes to read, so no lock is
	// to be held during it.
	Clusters(name string, each func(*Cluster) bool)
	// Events returns the newest changes of hosts, oldest first: at most n, those of one cluster if it is not "".
	Events(cluster string, n int) []Event
}

// Cluster is a cluster at a time. It is also how the interface renders one in JSON.
type Cluster struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Balancer string      `json:"balancer"`
	OnDemand bool        `json:"on_demand,omitempty"` // it was made because a request named it
	Source   SourceState `json:"source"`
	Levels   []Level     `json:"levels,omitempty"`
	Hosts    []Host      `json:"hosts,omitempty"` // last, so that they can be written one by one
}

// SourceState is how it stands with where a cluster's hosts come from.
type SourceState struct {
	Kind    string    `json:"kind"`              // the type of the cluster, such as CONSUL
	Ready   bool      `json:"ready"`             // it has delivered hosts, or the lack of any
	Updated time.Time `json:"updated,omitzero"`  // when it last delivered
	Failing string    `json:"failing,omitempty"` // why it learns nothing at present; "": it does
	Since   time.Time `json:"failing_since,omitzero"`
}

// Level is the hosts of one priority.
type Level struct {
	Priority int     `json:"priority"`
	Healthy  int     `json:"healthy"`
	Degraded int     `json:"degraded"`
	Total    int     `json:"total"`
	Load     float64 `json:"load_percent"` // of the requests
	Panic    bool    `json:"panic"`        // too few are well, so that all are used
}

// The states of a host.
const (
	StateHealthy   = "healthy"
	StateDegraded  = "degraded"
	StateUnhealthy = "unhealthy"
	StateEjected   = "ejected"
	StateDraining  = "draining"
)

// Host is a host of a cluster at a time.
type Host struct {
	Address      string            `json:"address"`
	Hostname     string            `json:"hostname,omitempty"`
	Zone         string            `json:"zone,omitempty"`
	Priority     uint32            `json:"priority"`
	Weight       uint32            `json:"weight"`     // as it is configured
	WeightNow    float64           `json:"weight_now"` // what it counts for at present
	State        string            `json:"state"`
	Why          string            `json:"why,omitempty"` // it is in the state
	Since        time.Time         `json:"since,omitzero"`
	EjectedUntil time.Time         `json:"ejected_until,omitzero"`
	Checks       uint64            `json:"checks,omitempty"`
	ChecksFailed uint64            `json:"checks_failed,omitempty"`
	Active       int64             `json:"active"` // requests under way
	Requests     uint64            `json:"requests"`
	Failed       uint64            `json:"failed"`
	Metadata     map[string]string `json:"metadata,omitempty"`
}

// chunk is how much is sent at a time of what is sent as it comes.
const chunk = 32 << 10

// clusters shows the clusters, or the one that is named. They are sent as they come: however many hosts there are, little of them is
// held at a time.
func (s *Server) clusters(w http.ResponseWriter, r *http.Request) {
	q, ok := s.query(w, r, "name", "format")
	if !ok {
		return
	}
	text, ok := s.preferred(w, r, q)
	if !ok {
		return
	}
	name := q.Get("name")
	contentType, write := typeJSON, s.clustersJSON
	if text {
		contentType, write = typeText, s.clustersText
	}
	w.Header().Set("Content-Type", contentType)
	out := bufio.NewWriterSize(w, chunk)
	found, err := write(out, name)
	if name != "" && !found { // nothing is written yet
		s.fail(w, http.StatusNotFound, "there is no cluster "+brief(name), config.DidYouMean(name, s.clusterNames()))
		return
	}
	if err = cmp.Or(err, out.Flush()); err != nil {
		s.log.Warn("admin: the clusters were not sent to their end", "error", err, "remote", r.RemoteAddr)
		panic(http.ErrAbortHandler) // half of it is sent: only a connection that breaks off can tell that it is not the whole
	}
}

// maxNames bounds how many names are looked at for one that was meant.
const maxNames = 10_000

func (s *Server) clusterNames() (names []string) {
	s.options.Clusters.Clusters("", func(c *Cluster) bool {
		names = append(names, c.Name)
		return len(names) < maxNames
	})
	return names
}

func (s *Server) clustersText(to io.Writer, name string) (found bool, err error) {
	t := Text{Now: time.Now()}
	s.options.Clusters.Clusters(name, func(c *Cluster) bool {
		if found {
			_, err = io.WriteString(to, "\n")
		}
		found = true
		err = cmp.Or(err, t.Cluster(to, c))
		return err == nil
	})
	return found, err
}

func (s *Server) clustersJSON(to io.Writer, name string) (found bool, err error) {
	const begin, between, end = `{"clusters": [` + "\n", ",\n", "\n]}\n"
	before := begin
	s.options.Clusters.Clusters(name, func(c *Cluster) bool {
		_, err = io.WriteString(to, before)
		before, found = between, true
		err = cmp.Or(err, writeCluster(to, c))
		return err == nil
	})
	switch {
	case err != nil || !found && name != "":
		return found, err
	case !found:
		_, err = io.WriteString(to, begin+end)
		return false, err
	}
	_, err = io.WriteString(to, end)
	return true, err
}

// writeCluster writes a cluster as JSON, with a line for each host.
func writeCluster(to io.Writer, c *Cluster) error {
	head := *c
	head.Hosts = nil
	b, err := json.Marshal(&head)
	if err != nil {
		return err
	}
	b = append(b[:len(b)-1], `,"hosts":[`...)
	for i := range c.Hosts {
		if i > 0 {
			b = append(b, ',')
		}
		host, err := json.Marshal(&c.Hosts[i])
		if err != nil {
			return err
		}
		b = append(append(b, "\n\t"...), host...)
		if _, err := to.Write(b); err != nil {
			return err
		}
		b = b[:0]
	}
	_, err = to.Write(append(b, "]}"...))
	return err
}
