package upstream

import (
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/upstream/balance"
	"github.com/weirproxy/weir/pkg/upstream/members"
)

// Cluster is one worker's view of a cluster.
type Cluster struct {
	*Spec
	Stats *metrics.ClusterStats

	env   *Env
	set   *members.Set
	hosts []*Host // by slot; nil where no request has needed the host yet
	made  []*Host // those that are not nil
	pools map[*members.Pool]*pool
	all   *pool // of all hosts

	makers map[*protocol.Protocol]protocol.ClientMaker // of codecs, by what was spoken to hosts so far

	original originals // the hosts of an ORIGINAL_DST cluster
	view     balance.Worker
	used     int64   // when the last request came, on the loop's clock
	usual    float64 // ns that hosts take to answer; 0: not known (LB_PEAK_EWMA)
	draining bool
	removed  bool
	avoiding int // hosts that are avoided

	active  int64 // requests under way on this worker
	retries int64 // of them, retries

	hungry list[Host, *Host] // hosts that need a connection the limit denies
	raws   list[Raw, *Raw]   // raw connections that the limit denies
	idle   int               // idle connections, of all hosts
	shedAt int               // the host among whose idle connections was looked last
	turns  uint              // connections in use that others wanted
}

func newCluster(env *Env, spec *Spec) *Cluster {
	c := &Cluster{Spec: spec, env: env, used: env.Loop.Now(), draining: env.draining}
	pump := c.pump
	wake := func() { env.Loop.Post(pump) }
	spec.Limits.seats[env.Worker].wake.Store(&wake)
	hear := func(m *members.Host, key PoolKey) { env.Loop.Post(func() { c.heardOf(m, key) }) }
	spec.Limits.seats[env.Worker].hear.Store(&hear)
	c.listen()
	return c
}

// listen makes the worker hear of other hosts.
func (c *Cluster) listen() {
	adopt, loop := c.adopt, c.env.Loop
	c.Members.OnChange(c.env.Worker, func() { loop.Post(adopt) })
}

// apply takes on what a new snapshot says.
func (c *Cluster) apply(spec *Spec) {
	before := c.Members
	c.Spec = spec
	c.makers = nil              // limits may have changed
	if spec.Members != before { // slots mean other hosts
		c.loseAll()
		c.listen()
	}
	c.Stats = c.env.Stats.Cluster(spec.Name)
	if c.Original == nil {
		c.original.end(c) // it may have been of that type
	}
	c.view = c.newView()
	c.set = nil // the ways to choose are made anew
	c.adopt()
	for _, h := range c.made {
		h.Stats = c.env.Stats.Host(c.Name, h.label())
		h.rearm()
	}
	spec.Limits.set(spec.thresholds)
}

// maker returns what makes the codecs of connections to the cluster's hosts.
func (c *Cluster) maker(p *protocol.Protocol) protocol.ClientMaker {
	m := c.makers[p]
	if m == nil && p.Cluster != nil {
		m = p.ClusterSettings(c.Settings).Client()
		if c.makers == nil {
			c.makers = make(map[*protocol.Protocol]protocol.ClientMaker)
		}
		c.makers[p] = m
	}
	return m
}

// adopt takes on the set of hosts in force, but for one of a configuration that the
// worker is yet to apply. It costs little more than to look at each host that has
// been used.
func (c *Cluster) adopt() {
	set := c.Members.Current()
	if c.set == set || c.removed || set.Generation != c.generation {
		return
	}
	c.set = set
	if n := len(set.Hosts); n > len(c.hosts) {
		c.hosts = append(c.hosts, make([]*Host, n-len(c.hosts))...)
	}
	for i := 0; i < len(c.made); {
		if h := c.made[i]; h.original && c.Original != nil || !h.original && h.adopt(set) {
			i++
		} else {
			c.lose(i)
		}
	}
	c.pools = make(map[*members.Pool]*pool)
	c.all = c.pool(set.All())
}

// host returns the host of a slot, made when it is first needed.
func (c *Cluster) host(slot int32) *Host {
	h := c.hosts[slot]
	if h == nil {
		h = c.newHost(c.set.Hosts[slot])
		h.ill = !c.set.State(slot).Takes()
		c.hosts[slot] = h
	}
	return h
}

func (c *Cluster) newHost(m *members.Host) *Host {
	h := &Host{Host: m, cluster: c, retired: c.draining}
	h.addr = addressOf(m)
	h.Stats = c.env.Stats.Host(c.Name, h.label())
	c.made = append(c.made, h)
	return h
}

// lose forgets a host that has been made, by its place among them.
func (c *Cluster) lose(i int) {
	h := c.made[i]
	last := len(c.made) - 1
	c.made[i], c.made[last] = c.made[last], nil
	c.made = c.made[:last]
	if !h.original {
		c.hosts[h.Slot] = nil
	}
	c.env.Stats.ForgetHost(c.Name, h.label())
	h.retire()
}

func (c *Cluster) loseAll() {
	for len(c.made) > 0 {
		c.lose(0)
	}
}

// remove ends a cluster that a new configuration does not have. Requests that wait
// for a connection still get one.
func (c *Cluster) remove() {
	c.removed, c.draining = true, true
	for len(c.made) > 0 {
		c.lose(0)
	}
	c.original.end(c)
	c.hosts, c.pools = nil, nil
	c.set = new(members.Set)
	c.all = &pool{Pool: new(members.Pool)}
}

// drain closes idle connections, and every other one when it becomes idle.
func (c *Cluster) drain() {
	c.draining = true
	for _, h := range c.made {
		h.retire()
	}
}

// Begin counts a request, until End. It returns false if the cluster takes no
// more.
func (c *Cluster) Begin() bool {
	if !c.Limits.begin(c.env.Worker) {
		return false
	}
	c.active++
	c.used = c.env.Loop.Now()
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
	if err := h.dial(h.waiting.first.key); err != nil {
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
	for c.made[c.shedAt%len(c.made)].idle.n == 0 {
		c.shedAt++
	}
	h := c.made[c.shedAt%len(c.made)]
	h.idle.first.bequeath(heir)
}
