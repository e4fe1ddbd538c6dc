package upstream

import "github.com/weirproxy/weir/pkg/metrics"

// Cluster is one worker's view of a cluster.
type Cluster struct {
	*Spec
	Stats *metrics.ClusterStats

	env     *Env
	hosts   []*Host
	all     *set
	subsets map[string]*set // by SubsetKey, those of the spec
	standby *set            // of the fallback policy

	active  int64 // requests under way on this worker
	retries int64 // of them, retries

	hungry list[Host, *Host] // hosts that need a connection the limit denies
	raws   list[Raw, *Raw]   // raw connections that the limit denies
	idle   int               // idle connections, of all hosts
	shedAt int               // the host among whose idle connections was looked last
	turns  uint              // connections in use that others wanted
}

func newCluster(env *Env, spec *Spec) *Cluster {
	c := &Cluster{Spec: spec, env: env}
	pump := c.pump
	wake := func() { env.Loop.Post(pump) }
	spec.Limits.seats[env.Worker].wake.Store(&wake)
	examine := c.examine
	wakeToExamine := func() { env.Loop.Post(examine) }
	spec.Health.wakes[env.Worker].Store(&wakeToExamine)
	return c
}

// apply takes on what a new snapshot says.
func (c *Cluster) apply(spec *Spec) {
	old := make(map[string][]*Host, len(c.hosts)) // an address may be there twice
	for _, h := range c.hosts {
		old[h.Address] = append(old[h.Address], h)
	}
	c.Spec = spec
	c.Stats = c.env.Stats.Cluster(spec.Name)
	c.hosts = make([]*Host, 0, len(spec.Hosts))
	for i := range spec.Hosts {
		hs := &spec.Hosts[i]
		var h *Host
		// A name that has come to mean another address leads to another host.
		if same := old[hs.Address]; len(same) > 0 && same[0].addr.String() == hs.addr.String() {
			h, old[hs.Address] = same[0], same[1:]
		} else {
			h = &Host{cluster: c}
		}
		h.HostSpec = hs
		h.Stats = c.env.Stats.Host(c.Name, hs.Address)
		h.rearm()
		c.hosts = append(c.hosts, h)
	}
	c.learn()
	c.balance()
	for _, same := range old {
		for _, h := range same {
			h.retire()
		}
	}
	spec.Limits.set(spec.thresholds)
}

// balance makes the sets of hosts to choose from.
func (c *Cluster) balance() {
	c.all = newSet(c, c.hosts)
	c.subsets, c.standby = nil, nil
	if c.Spec.subsets == nil {
		return
	}
	c.subsets = make(map[string]*set, len(c.Spec.subsets.byKey))
	for key, places := range c.Spec.subsets.byKey {
		c.subsets[key] = newSet(c, c.at(places))
	}
	c.standby = newSet(c, c.at(c.Spec.subsets.standby))
}

func (c *Cluster) at(places []int) []*Host {
	hosts := make([]*Host, len(places))
	for i, p := range places {
		hosts[i] = c.hosts[p]
	}
	return hosts
}

// remove ends a cluster that a new configuration does not have. Requests that wait
// for a connection still get one.
func (c *Cluster) remove() {
	hosts := c.hosts
	c.hosts, c.subsets = nil, nil
	c.all = newSet(c, nil)
	c.standby = c.all
	for _, h := range hosts {
		h.retire()
	}
}

// Pick chooses a host for a request, nil if there is none. subset is the
// SubsetKey of the labels that the host must have, "" for any. Hosts that are not
// well are chosen only if too few are. The hosts in tried are chosen only if there
// is no other.
func (c *Cluster) Pick(subset string, tried []*Host) *Host {
	s := c.choose(subset)
	if len(s.hosts) == 0 {
		return nil
	}
	if s.panics {
		c.Stats.PanicPicks++
	}
	h := s.pick()
	if len(tried) == 0 || !contains(tried, h) {
		return h
	}
	for range min(2*len(s.hosts), 16) {
		if h = s.pick(); !contains(tried, h) {
			return h
		}
	}
	from := below(c.env.Rand(), len(s.hosts))
	for i := range s.hosts {
		if other := s.hosts[(from+i)%len(s.hosts)]; !contains(tried, other) {
			return other
		}
	}
	return h
}

// choose returns the set of hosts that a selection of labels means. If the hosts
// are divided, no selection is one that no host has, as in MOSN.
func (c *Cluster) choose(subset string) *set {
	if c.Spec.subsets == nil {
		return c.all
	}
	if s := c.subsets[subset]; s != nil {
		return s
	}
	c.Stats.SubsetsFallBack++
	return c.standby
}

// contains tells whether a host is among some, even as another entry of the
// configuration.
func contains(hosts []*Host, h *Host) bool {
	for _, other := range hosts {
		if other == h || other.Address == h.Address {
			return true
		}
	}
	return false
}

// Begin counts a request, until End. It returns false if the cluster takes no
// more.
func (c *Cluster) Begin() bool {
	if !c.Limits.begin(c.env.Worker) {
		return false
	}
	c.active++
	return true
}

// End ends what Begin began.
func (c *Cluster) End() {
	c.active--
	c.Limits.end(c.env.Worker)
}

// BeginRetry counts a retry, until EndRetry. It returns false if there are enough
// of them: over the budget, which is a share of the requests under way on this
// worker, but at least a few on all, or over the circuit breaker's maximum.
func (c *Cluster) BeginRetry() bool {
	g := &c.Limits.retries
	few := c.MinRetries
	if limit := g.max.Load(); limit > 0 {
		few = min(few, limit)
	}
	if few == 0 || !g.takeWithin(1, few) {
		if float64(c.retries+1) > c.RetryShare*float64(c.active) || !g.take(1) {
			return false
		}
	}
	c.retries++
	return true
}

// EndRetry ends what BeginRetry began.
func (c *Cluster) EndRetry() {
	c.retries--
	c.Limits.retries.give(1)
}

// pump uses the slots that the worker was handed, and gives up what others need
// more.
func (c *Cluster) pump() {
	l, worker := c.Limits, c.env.Worker
	for n := l.seats[worker].grants.Swap(0); n > 0; n-- {
		c.spend()
	}
	for (c.hungry.n > 0 || c.raws.n > 0) && l.want(worker) {
		c.spend()
	}
	c.relieve()
}

// spend uses a slot for the host whose turn it is, or for a raw connection, or
// passes it on. Raw connections come last: they keep a slot for long.
func (c *Cluster) spend() {
	h := c.hungry.first
	if h == nil {
		if r := c.raws.first; r != nil {
			r.granted()
		} else {
			c.Limits.release()
		}
		return
	}
	h.unhunger()
	if err := h.dial(h.waiting.first.speaks); err != nil {
		c.Limits.release()
		h.refuse(err)
	}
	if !h.hungry && h.waiting.n > 0 && h.lacking() { // the others have their turns first
		h.hunger()
	}
}

// relieve closes idle connections as long as a slot is needed elsewhere.
func (c *Cluster) relieve() {
	for c.idle > 0 {
		w, ok := c.Limits.claimNext(anyone)
		if !ok {
			return
		}
		c.shed(w)
	}
}

// shed closes an idle connection, whose slot goes to a worker. There must be one.
func (c *Cluster) shed(heir int) {
	for c.hosts[c.shedAt%len(c.hosts)].idle.n == 0 {
		c.shedAt++
	}
	h := c.hosts[c.shedAt%len(c.hosts)]
	h.idle.first.bequeath(heir)
}
