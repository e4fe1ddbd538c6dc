package upstream

import (
	"net/netip"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
)

// Snapshot is the clusters of one configuration. It is immutable and shared.
type Snapshot struct {
	clusters []*Spec
	byName   map[string]int
}

// Spec is one cluster of a snapshot.
type Spec struct {
	Name        string
	Balancer    config.LBType
	ChoiceCount int
	ActiveBias  float64
	Hosts       []HostSpec
	Dial        eventloop.DialOptions
	IdleTimeout time.Duration
	Probes      Probes
	// MaxRequests is how many requests one connection carries; 0 is unlimited.
	MaxRequests uint32
	// MaxAge is for how long a connection takes new requests; 0 is unlimited.
	MaxAge time.Duration
	// BufferLimit is how many bytes of a message wait for a host at most.
	BufferLimit int
	RetryShare  float64 // of the requests under way, that may be retries
	MinRetries  int64   // retries that are allowed however few requests there are
	// PanicBelow is how many hosts in a hundred are well below which all are used.
	PanicBelow float64
	Limits     *Limits
	Health     *Health
	thresholds config.Thresholds
	subsets    *subsets
}

// Probes are the heartbeats on connections whose protocol has them: after Interval
// without a frame, and then each Timeout, until there is a sign of life, or Count
// went unanswered. Interval 0: none.
type Probes struct {
	Interval, Timeout time.Duration
	Count             int
	Asked             bool // by the configuration: protocols that are no RPC's have none else
}

// HostSpec is one host of a cluster.
type HostSpec struct {
	Address  string // as configured
	Hostname string
	Weight   uint32
	Metadata map[string]string
	addr     eventloop.Addr
}

// Addr returns where the host is: its address, with a name resolved.
func (h *HostSpec) Addr() netip.AddrPort { return h.addr.AddrPort() }

// Build makes a snapshot of a checked configuration. Names of hosts are resolved
// here, once, which may take its time. before is the snapshot in use, or nil: what
// is under way counts against the same limits after the change. Nothing changes
// for before: a snapshot takes effect when managers apply it.
func Build(cm *config.ClusterManager, before *Snapshot, workers int, r *config.Report) *Snapshot {
	s := &Snapshot{byName: make(map[string]int, len(cm.Clusters))}
	for i := range cm.Clusters {
		c := &cm.Clusters[i]
		spec := newSpec(c, r)
		spec.Limits, spec.Health = newLimits(workers), newHealth(workers)
		if before != nil {
			if j, ok := before.byName[c.Name]; ok {
				spec.Limits, spec.Health = before.clusters[j].Limits, before.clusters[j].Health
			}
		}
		s.byName[c.Name] = len(s.clusters)
		s.clusters = append(s.clusters, spec)
	}
	return s
}

func dialOptions(c *config.Cluster) eventloop.DialOptions {
	o := eventloop.DialOptions{Timeout: c.ConnectTimeout, Mark: c.Mark}
	if c.Keepalive != nil {
		o.Keepalive, o.Unanswered = c.Keepalive.Interval, c.Keepalive.Timeout
	}
	return o
}

// Index returns a cluster's place in the snapshot.
func (s *Snapshot) Index(name string) (int, bool) {
	i, ok := s.byName[name]
	return i, ok
}

// Clusters returns the clusters, in the order of the configuration. Neither they nor
// the slice may be changed.
func (s *Snapshot) Clusters() []*Spec { return s.clusters }

// Len returns the number of clusters.
func (s *Snapshot) Len() int { return len(s.clusters) }

func newSpec(c *config.Cluster, r *config.Report) *Spec {
	spec := &Spec{
		Name:        c.Name,
		Balancer:    c.LBType,
		ChoiceCount: int(c.LBConfig.ChoiceCount),
		ActiveBias:  c.LBConfig.ActiveRequestBias,
		Dial:        dialOptions(c),
		IdleTimeout: c.IdleTimeout,
		Probes:      Probes{c.Heartbeat.Interval, c.Heartbeat.Timeout, c.Heartbeat.Count, c.Heartbeat.Node() != nil},
		MaxRequests: c.MaxRequestPerConn,
		MaxAge:      c.MaxConnectionDuration,
		BufferLimit: c.ConnBufferLimit,
		RetryShare:  c.RetryBudget.Percent / 100,
		PanicBelow:  c.PanicThreshold,
		MinRetries:  int64(c.RetryBudget.MinRetries),
		thresholds:  thresholds(c),
	}
	for i := range c.Hosts {
		h := &c.Hosts[i]
		addr, err := resolve(h.Address)
		if err != nil {
			r.Errorf(h.At("address"), "%v", err)
			continue
		}
		spec.Hosts = append(spec.Hosts, HostSpec{
			Address: h.Address, Hostname: h.Hostname, Weight: max(h.Weight, 1), Metadata: h.Metadata, addr: addr,
		})
	}
	spec.subsets = newSubsets(c.Subsets, spec.Hosts)
	return spec
}

func thresholds(c *config.Cluster) config.Thresholds {
	for _, t := range c.CircuitBreakers {
		if t.Priority == config.PriorityDefault {
			return t
		}
	}
	return config.Default[config.Thresholds]()
}
