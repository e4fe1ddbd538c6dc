package metrics

// RouteKey names a route: its router, its virtual host and itself.
type RouteKey struct{ Router, VirtualHost, Route string }

// HostKey names a host by its cluster and its address.
type HostKey struct{ Cluster, Host string }

// Worker holds the statistics of one worker. Its methods run on that worker
// only. The statistics that they return are looked up when a configuration is
// swapped in, not per request. Those of clusters and hosts stay until they are
// forgotten; those of listeners and routes until Sweep.
type Worker struct {
	listeners table[string, ListenerStats]
	routes    table[RouteKey, RouteStats]
	clusters  table[string, ClusterStats]
	hosts     table[HostKey, HostStats]
	calls     map[string]map[string]*CallStats // by service and method
	numCalls  int
	era       uint64
}

// NewWorker returns a Worker without statistics.
func NewWorker() *Worker {
	return &Worker{
		listeners: make(table[string, ListenerStats]),
		routes:    make(table[RouteKey, RouteStats]),
		clusters:  make(table[string, ClusterStats]),
		hosts:     make(table[HostKey, HostStats]),
	}
}

// Listener returns the statistics of a listener, new ones if there are none.
func (w *Worker) Listener(name string) *ListenerStats { return w.listeners.get(name, w.era) }

// Route returns the statistics of a route, new ones if there are none. Routes
// with the same names share them.
func (w *Worker) Route(router, virtualHost, route string) *RouteStats {
	return w.routes.get(RouteKey{router, virtualHost, route}, w.era)
}

// Cluster returns the statistics of a cluster, new ones if there are none.
func (w *Worker) Cluster(name string) *ClusterStats { return w.clusters.get(name, w.era) }

// Host returns the statistics of a cluster's host, new ones if there are none.
func (w *Worker) Host(cluster, address string) *HostStats {
	return w.hosts.get(HostKey{cluster, address}, w.era)
}

// ForgetHost drops the statistics of a host that a cluster does not have any more. Who
// still holds them may go on counting in them; nobody sees it.
func (w *Worker) ForgetHost(cluster, address string) { delete(w.hosts, HostKey{cluster, address}) }

// ForgetCluster does the same for a cluster that is not there any more.
func (w *Worker) ForgetCluster(name string) { delete(w.clusters, name) }

// Mark begins a new configuration: see Sweep.
func (w *Worker) Mark() { w.era++ }

// Sweep drops the statistics of listeners and routes that were not asked for since
// Mark: what they are about is no longer configured. Who still holds them may go on
// counting in them; nobody sees it. The others keep their counts.
func (w *Worker) Sweep() {
	w.listeners.sweep(w.era)
	w.routes.sweep(w.era)
}

// Snapshot is a copy of a Worker's statistics. It belongs to whom it was made
// for.
type Snapshot struct {
	Listeners map[string]*ListenerStats
	Routes    map[RouteKey]*RouteStats
	Clusters  map[string]*ClusterStats
	Hosts     map[HostKey]*HostStats
	Calls     map[CallKey]*CallStats
}

// Copy returns a copy of all statistics, for a reader elsewhere. It takes the
// worker about half a microsecond for each of them.
func (w *Worker) Copy() *Snapshot {
	var a arena
	return &Snapshot{
		Listeners: w.listeners.copy(func(s *ListenerStats) {
			a.unshare(&s.Latency)
			a.unshare(&s.ProcessTime)
		}),
		Routes:   w.routes.copy(func(s *RouteStats) { a.unshare(&s.Latency) }),
		Clusters: w.clusters.copy(func(s *ClusterStats) { a.unshare(&s.Latency) }),
		Hosts:    w.hosts.copy(func(s *HostStats) { a.unshare(&s.Latency) }),
		Calls:    w.copyCalls(&a),
	}
}

// arena is memory for the buckets of copies, taken in large pieces, because the
// worker waits meanwhile.
type arena struct{ free [][numBuckets]uint64 }

// unshare gives a histogram buckets of its own.
func (a *arena) unshare(h *Histogram) {
	if h.buckets == nil {
		return
	}
	if len(a.free) == 0 {
		a.free = make([][numBuckets]uint64, 32)
	}
	a.free[0] = *h.buckets
	h.buckets, a.free = &a.free[0], a.free[1:]
}

type table[K comparable, S any] map[K]*row[S]

type row[S any] struct {
	stats S
	era   uint64 // when it was last asked for
}

func (t table[K, S]) get(key K, era uint64) *S {
	r := t[key]
	if r == nil {
		r = &row[S]{}
		t[key] = r
	}
	r.era = era
	return &r.stats
}

func (t table[K, S]) sweep(era uint64) {
	for key, r := range t {
		if r.era != era {
			delete(t, key)
		}
	}
}

// copy copies all statistics; unshare makes the histograms of a copy its own.
func (t table[K, S]) copy(unshare func(*S)) map[K]*S {
	copies := make(map[K]*S, len(t))
	all := make([]S, len(t))
	for key, r := range t {
		c := &all[0]
		all = all[1:]
		*c = r.stats
		unshare(c)
		copies[key] = c
	}
	return copies
}
