package upstream

import (
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/upstream/balance"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Snapshot is the clusters of one configuration. It is immutable and shared. One that
// was made from another has its very specs of the clusters that are as they were.
type Snapshot struct {
	clusters []*Spec
	places   *places
}

// places are where clusters stand in a snapshot, by name. Snapshots with the same
// clusters in the same order share them.
type places struct{ byName map[string]int }

// Spec is one cluster of a snapshot. It is immutable and shared.
type Spec struct {
	Name        string
	Balancer    config.LBType
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
	Limits      *Limits
	// Members are its hosts. They outlive the snapshot.
	Members *members.Members
	// Outlier says which hosts are ejected; nil: none.
	Outlier *outlier.Policy
	// Original says where the hosts of an ORIGINAL_DST cluster come from; nil: it is
	// none.
	Original *Original

	// Transport makes what is put between the socket of a connection to a host and the
	// protocol on it, which is nil for connections that carry bytes of any kind; nil:
	// connections are plain. It may be called on any worker.
	Transport func(*eventloop.Conn, *members.Host, *protocol.Protocol) eventloop.Transport

	// Settings are those of the protocols that its hosts are spoken to, by name.
	Settings map[string]any

	thresholds config.Thresholds
	ewma       ewmaOptions
	source     string // where hosts are discovered; "": they are not
	origin     origin
	generation uint64 // of the members' sets that are made for this spec
}

// Probes are the heartbeats on connections whose protocol has them: after Interval
// without a frame, and then each Timeout, until there is a sign of life, or Count
// went unanswered. Interval 0: none.
type Probes struct {
	Interval, Timeout time.Duration
	Count             int
	Asked             bool // by the configuration: protocols that are no RPC's have none else
}

// Build makes a snapshot of a checked configuration, and what it says anew about the
// clusters' members. Names of hosts are resolved here, once, which may take its time.
// before is the snapshot in use, or nil: what is under way counts against the same
// limits after the change, and hosts that were discovered stay. Nothing changes for
// before: a snapshot takes effect when the update is committed and managers apply it.
func Build(c *config.Config, before *Snapshot, workers int, r *config.Report) (*Snapshot, *Update) {
	cm := &c.ClusterManager
	b := builder{
		before: before, zone: c.Node.Locality.Zone, settings: config.SettingsFingerprint(cm.Settings),
		workers: workers, report: r, update: &Update{},
	}
	for i := range cm.Clusters {
		if of := &cm.Clusters[i]; of.Name == cm.LocalCluster {
			b.callers, b.callersGeneration = b.members(of)
		}
	}
	s := &Snapshot{clusters: make([]*Spec, len(cm.Clusters))}
	for i := range cm.Clusters {
		s.clusters[i] = b.spec(&cm.Clusters[i], cm.LocalCluster)
	}
	s.place(before)
	return s, b.update
}

// builder makes the specs of a snapshot.
type builder struct {
	before            *Snapshot
	zone              string
	settings          uint64           // fingerprint of the settings of protocols that clusters do not give
	callers           *members.Members // of the cluster that weir's own service is; nil: it is none
	callersGeneration uint64           // the next one
	workers           int
	report            *config.Report
	update            *Update
}

// members returns the hosts of a cluster, and the generation that they have when they
// are told what the cluster says now. They outlive snapshots, unless they come from
// elsewhere, as what a source finds is for the new configuration alone.
func (b *builder) members(c *config.Cluster) (m *members.Members, generation uint64) {
	if old := b.before.find(c.Name); old != nil && old.source == c.SourceSettings() {
		return old.Members, old.generation + 1
	}
	return members.New(c.Name, b.workers), 1
}

// spec returns the spec of a cluster: the one before, if the cluster is as it was.
func (b *builder) spec(c *config.Cluster, local string) *Spec {
	old := b.before.find(c.Name)
	from := origin{node: c.Node(), zone: b.zone, settings: b.settings, callers: b.callers}
	if old != nil && old.origin.is(&from) {
		return old
	}
	from.print = c.Node().Fingerprint()
	if old != nil && old.origin.says(&from) {
		return old
	}
	spec, update := newSpec(c, b.zone, b.report)
	from.resolved = update.resolved
	spec.origin = from
	if c.Name == local {
		spec.Members, spec.generation = b.callers, b.callersGeneration
	} else {
		spec.Members, spec.generation = b.members(c)
	}
	if old != nil {
		spec.Limits = old.Limits
	} else {
		spec.Limits = newLimits(b.workers)
	}
	update.members, update.options.Callers = spec.Members, b.callers
	b.update.of = append(b.update.of, update)
	return spec
}

// origin is what a spec was made from.
type origin struct {
	node     *config.Node // nil: not from a file, and so it is never the same
	print    uint64       // of the node
	zone     string
	settings uint64 // fingerprint of those that the node does not give: listeners have a part in them
	callers  *members.Members
	resolved bool // names of hosts were, which may have other addresses by now
}

// is reports whether a spec from o would be one from the same node.
func (o *origin) is(from *origin) bool { return o.node == from.node && o.comparable(from) }

// says reports whether a spec from o would be the same as from another node.
func (o *origin) says(from *origin) bool { return o.print == from.print && o.comparable(from) }

func (o *origin) comparable(from *origin) bool {
	return o.node != nil && from.node != nil && !o.resolved && o.zone == from.zone && o.settings == from.settings && o.callers == from.callers
}

// place notes where the clusters stand.
func (s *Snapshot) place(before *Snapshot) {
	same := func(a, b *Spec) bool { return a.Name == b.Name }
	if before != nil && slices.EqualFunc(s.clusters, before.clusters, same) {
		s.places = before.places
		return
	}
	s.places = &places{byName: make(map[string]int, len(s.clusters))}
	for i, spec := range s.clusters {
		s.places.byName[spec.Name] = i
	}
}

// SamePlaces reports whether clusters stand at the same places in another snapshot.
func (s *Snapshot) SamePlaces(other *Snapshot) bool {
	return s == other || s != nil && other != nil && s.places == other.places
}

// BuildOne makes a cluster that no snapshot has, for Manager.Add. observer may be
// nil.
func BuildOne(c *config.Cluster, at *config.Locality, workers int, r *config.Report, observer members.Observer) *Spec {
	spec, update := newSpec(c, at.Zone, r)
	spec.Limits, spec.Members, spec.generation = newLimits(workers), members.New(spec.Name, workers), 1
	update.members = spec.Members
	update.commit(observer)
	return spec
}

// find returns a cluster of a snapshot, nil if there is none of the name, or no
// snapshot.
func (s *Snapshot) find(name string) *Spec {
	if s == nil {
		return nil
	}
	if i, ok := s.Index(name); ok {
		return s.clusters[i]
	}
	return nil
}

// HealthChange is news of a host.
type HealthChange struct {
	Cluster string
	Host    string // its address, as configured or discovered
	Healthy bool
}

// SetHealth takes on news of hosts, of clusters that the snapshot has. All workers
// act on it soon: hosts that are not well are no longer chosen, and their idle
// connections are closed, while requests under way go on. Hosts of which there never
// was any news are well.
//
// Any goroutine may call it; it does not wait for workers. News of one host must come
// in order.
func (s *Snapshot) SetHealth(changes []HealthChange) {
	by := make(map[*Spec][]members.HealthChange, 1)
	for _, c := range changes {
		if spec := s.find(c.Cluster); spec != nil {
			by[spec] = append(by[spec], members.HealthChange{Host: c.Host, Healthy: c.Healthy})
		}
	}
	for spec, of := range by {
		spec.Members.SetHealth(of)
	}
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
	if s.places == nil { // it is being built
		return 0, false
	}
	i, ok := s.places.byName[name]
	return i, ok
}

// Clusters returns the clusters, in the order of the configuration. Neither they nor
// the slice may be changed.
func (s *Snapshot) Clusters() []*Spec { return s.clusters }

// Len returns the number of clusters.
func (s *Snapshot) Len() int { return len(s.clusters) }

func newSpec(c *config.Cluster, zone string, r *config.Report) (*Spec, memberUpdate) {
	spec := &Spec{
		Name:        c.Name,
		Balancer:    c.LBType,
		Dial:        dialOptions(c),
		IdleTimeout: c.IdleTimeout,
		Probes:      Probes{c.Heartbeat.Interval, c.Heartbeat.Timeout, c.Heartbeat.Count, c.Heartbeat.Node() != nil},
		MaxRequests: c.MaxRequestPerConn,
		MaxAge:      c.MaxConnectionDuration,
		BufferLimit: c.ConnBufferLimit,
		RetryShare:  c.RetryBudget.Percent / 100,
		MinRetries:  int64(c.RetryBudget.MinRetries),
		Outlier:     outlier.NewPolicy(c.OutlierDetection),
		Settings:    c.Settings,
		thresholds:  thresholds(c),
		source:      c.SourceSettings(),
		ewma:        ewmaOptions{c.LBConfig.DefaultDuration, c.LBConfig.DecayTime, c.LBConfig.ClientErrorBias, c.LBConfig.ServerErrorBias},
	}
	if c.Type == config.ClusterOriginalDst {
		spec.Original = newOriginal(&c.OriginalDst)
	}
	return spec, newMemberUpdate(c, spec.Outlier, zone, r)
}

func balanceOptions(c *config.Cluster) balance.Options {
	lb := &c.LBConfig
	return balance.Options{
		Type: c.LBType, ChoiceCount: int(lb.ChoiceCount), ActiveBias: lb.ActiveRequestBias,
		TableSize: lb.TableSize, MinRing: lb.MinRingSize, MaxRing: lb.MaxRingSize, HashFactor: lb.HashBalanceFactor,
	}
}

func thresholds(c *config.Cluster) config.Thresholds {
	for _, t := range c.CircuitBreakers {
		if t.Priority == config.PriorityDefault {
			return t
		}
	}
	return config.Default[config.Thresholds]()
}
