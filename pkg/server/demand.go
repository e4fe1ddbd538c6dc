package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/upstream"
)

// errNoService: a request names a service that has no instance.
var errNoService = errors.New("there is no such service")

// errNoDemand: the configuration has changed while the cluster was made, or weir ends.
var errNoDemand = errors.New("there are no clusters on demand any more")

// errMoved: the source has gone that was asked for a cluster's hosts; there may be
// another one.
var errMoved = errors.New("the source of hosts has changed")

// demands makes clusters out of services when requests first need them, and drops
// those that none needs any more.
type demands struct {
	s      *Server
	ctx    context.Context // done when nothing is made any more
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	plan     *plan // nil: there are no such clusters
	made     map[string]*demanded
	denials  []denial // oldest first
	sweeping bool
}

// plan is what a configuration says about such clusters. It is immutable, and the same
// as long as configurations say the same.
type plan struct {
	*config.OnDemand
	locality config.Locality
	settings string
}

// demanded is a cluster that a request asked for.
//
//	making -> made -> dropping -> gone, or making again if a request asked meanwhile
//	making -> denied, for a moment -> gone
type demanded struct {
	name   string
	spec   *upstream.Spec // nil: it is not made
	asked  bool           // while it was being dropped
	denied time.Time      // there is none; zero: it is not denied
}

// denial is a cluster that there is not.
type denial struct {
	of *demanded
	at time.Time
}

// denialTime is for how long it is not looked again whether there is a service that
// there was not.
const denialTime = time.Second

func newDemands(s *Server) *demands {
	d := &demands{s: s, made: make(map[string]*demanded)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// configure takes on what a configuration says of such clusters. Those that were made
// with other settings are dropped; requests make them again.
func (d *demands) configure(c *config.Config) {
	var p *plan
	if o := c.ClusterManager.OnDemand; o != nil {
		locality := c.Node.Locality
		p = &plan{o, locality, config.Settings(o, locality, sourceSettings(o.Cluster.Type, c))}
	}
	d.mu.Lock()
	if p == nil && d.plan == nil || p != nil && d.plan != nil && p.settings == d.plan.settings {
		d.mu.Unlock()
		return
	}
	d.plan = p
	var old []string
	for name, of := range d.made {
		if of.spec != nil {
			old = append(old, name)
		}
	}
	if p != nil && !d.sweeping {
		d.sweeping = true
		d.wg.Go(d.sweep)
	}
	d.mu.Unlock()
	for _, name := range old {
		d.drop(name)
	}
}

// ask is called by a worker whose request names a cluster that is not there.
func (d *demands) ask(worker int, name string) bool {
	if service, ok := strings.CutPrefix(name, config.OnDemandPrefix); !ok || service == "" {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.plan == nil || d.ctx.Err() != nil {
		return false
	}
	d.expire()
	of := d.made[name]
	switch {
	case of == nil:
		if len(d.made) >= d.plan.MaxClusters {
			return false
		}
		of = &demanded{name: name}
		d.made[name] = of
		d.begin(of)
	case !of.denied.IsZero():
		return false
	case of.spec == nil:
		of.asked = true
	default: // another worker was first
		spec := of.spec
		d.s.post(worker, func(m *upstream.Manager) { m.Add(spec) })
	}
	return true
}

// begin begins to make a cluster.
func (d *demands) begin(of *demanded) {
	p := d.plan
	of.asked = false
	d.wg.Go(func() { d.make(of, p) })
}

// expire forgets the denials that are over.
func (d *demands) expire() {
	for len(d.denials) > 0 && time.Since(d.denials[0].at) >= denialTime {
		delete(d.made, d.denials[0].of.name)
		d.denials = d.denials[1:]
	}
}

// deny tells the workers that there is no such cluster.
func (d *demands) deny(of *demanded, why error) {
	of.denied = time.Now()
	d.denials = append(d.denials, denial{of, of.denied})
	d.s.postAll(func(m *upstream.Manager) { m.Deny(of.name, why) })
}

// make makes a cluster of a service and gives it to the workers, or tells them that
// there is none. If the configuration says something else by then, it begins again.
func (d *demands) make(of *demanded, p *plan) {
	for p != nil {
		spec, err := d.build(of.name, p)
		if d.settle(of, p, spec, err) {
			return
		}
		if err == nil {
			d.discard(of.name)
		}
		d.mu.Lock()
		p = d.plan
		d.mu.Unlock()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deny(of, errNoDemand)
}

// settle puts what was made into effect, or the failure to make it, if that is how the
// configuration still wants it.
func (d *demands) settle(of *demanded, p *plan, spec *upstream.Spec, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.plan != p || errors.Is(err, errMoved):
		return false
	case err != nil:
		d.deny(of, err)
	default:
		of.spec = spec
		d.s.postAll(func(m *upstream.Manager) { m.Add(spec) })
	}
	return true
}

// build makes a cluster and waits for its first hosts.
func (d *demands) build(name string, p *plan) (*upstream.Spec, error) {
	s, c := d.s, p.Cluster
	c.Name, c.Consul.Service = name, strings.TrimPrefix(name, config.OnDemandPrefix)
	report := new(config.Report)
	spec := upstream.BuildOne(&c, &p.locality, len(s.workers), report, s.overseer)
	if err := report.Err(); err != nil {
		return nil, err
	}
	seen := &overseen{members: spec.Members, policy: spec.Outlier}
	if c.HealthCheck != nil {
		check, err := health.NewCheck(c.HealthCheck, c.Mark, s.opts.Registry.Protocols)
		if err != nil {
			return nil, err
		}
		seen.check = check
	}
	s.overseer.oversee(name, seen)
	if err := d.await(s.finder.demand(&c, spec.Members), p.Timeout); err != nil {
		d.discard(name)
		return nil, err
	}
	return spec, nil
}

// await waits for the first hosts of a cluster.
func (d *demands) await(w *watch, patience time.Duration) error {
	if w == nil {
		return errNoDemand
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-w.first:
		if w.members.Current().Len == 0 {
			return errNoService
		}
		return nil
	case <-timeout.C:
		if err := w.failure(); err != nil {
			return fmt.Errorf("nothing was heard of the service within %v: %w", patience, err)
		}
		return fmt.Errorf("nothing was heard of the service within %v", patience)
	case <-w.done: // by a change of the configuration
		return errMoved
	case <-d.ctx.Done():
		return errNoDemand
	}
}

// discard ends what finds the hosts of a cluster, and what watches over them.
func (d *demands) discard(name string) {
	d.s.finder.forget(name)
	d.s.overseer.forget(name)
}

// sweep drops the clusters that no request needs any more.
func (d *demands) sweep() {
	const most = time.Minute
	for {
		d.mu.Lock()
		d.expire()
		idle := most
		if d.plan != nil {
			idle = d.plan.IdleTimeout
		}
		d.mu.Unlock()
		wait := time.NewTimer(min(max(idle/4, 10*time.Millisecond), most))
		select {
		case <-d.ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		for _, name := range d.unused(idle) {
			d.drop(name)
		}
	}
}

// unused returns the clusters that no worker has used for a time.
func (d *demands) unused(idle time.Duration) (names []string) {
	d.mu.Lock()
	all := make([]string, 0, len(d.made))
	for name, of := range d.made {
		if of.spec != nil {
			all = append(all, name)
		}
	}
	d.mu.Unlock()
	if len(all) == 0 {
		return nil
	}
	used := make([]map[string]bool, len(d.s.workers))
	d.s.group.Each(func(i int, _ *eventloop.Loop) {
		used[i] = make(map[string]bool)
		for _, name := range all {
			used[i][name] = d.s.workers[i].Clusters().Unused(name) < idle
		}
	})
	for _, name := range all {
		needed := false
		for i := range used {
			needed = needed || used[i][name]
		}
		if !needed {
			names = append(names, name)
		}
	}
	return names
}

// drop forgets a cluster.
func (d *demands) drop(name string) {
	d.mu.Lock()
	of := d.made[name]
	if of == nil || of.spec == nil {
		d.mu.Unlock()
		return
	}
	of.spec, of.asked = nil, false // who asked while it was made has it
	d.s.postAll(func(m *upstream.Manager) { m.Drop(name) })
	d.mu.Unlock()
	d.discard(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if of.asked && d.plan != nil && d.ctx.Err() == nil {
		d.begin(of)
		return
	}
	delete(d.made, name)
	if of.asked { // otherwise it could only reach those who ask from now on
		d.s.postAll(func(m *upstream.Manager) { m.Deny(name, errNoDemand) })
	}
}

// close ends the making of clusters.
func (d *demands) close() {
	d.mu.Lock()
	d.cancel() // nothing begins after it
	d.mu.Unlock()
	d.wg.Wait()
}

// has tells whether a cluster was made because a request asked for it.
func (d *demands) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	of := d.made[name]
	return of != nil && of.spec != nil
}
