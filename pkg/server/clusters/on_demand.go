package clusters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/server/transaction"
	"github.com/weirproxy/weir/pkg/upstream"
)

// errNoService: a request names a service that has no instance.
var errNoService = errors.New("there is no such service")

// errNotOnDemand: the configuration has changed while the cluster was made, or weir ends.
var errNotOnDemand = errors.New("there are no clusters on demand any more")

// errMoved: the source has gone that was asked for a cluster's hosts; there may be
// another one.
var errMoved = errors.New("the source of hosts has changed")

// onDemandClusters makes clusters out of services when requests first need them, and
// drops those that none needs any more.
type onDemandClusters struct {
	workers   Workers
	hosts     *hostMonitor
	discovery *discoveryManager
	ctx       context.Context // done when nothing is made any more
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mu       sync.Mutex
	plan     *plan // nil: there are no such clusters
	made     map[string]*onDemandCluster
	denials  []denial // oldest first
	sweeping bool
}

// plan is what a configuration says about such clusters. It is immutable, and the same
// as long as configurations say the same.
type plan struct {
	*config.OnDemand
	locality config.Locality
	check    *health.Check // nil: none
	settings string
}

// onDemandCluster is a cluster that a request asked for.
//
//	making -> made -> dropping -> gone, or making again if a request asked meanwhile
//	making -> denied, for a moment -> gone
type onDemandCluster struct {
	name   string
	spec   *upstream.Spec // nil: it is not made
	asked  bool           // while it was being dropped
	denied time.Time      // there is none; zero: it is not denied
}

// denial is a cluster that there is not.
type denial struct {
	of *onDemandCluster
	at time.Time
}

// denialTime is for how long it is not looked again whether there is a service that
// there was not.
const denialTime = time.Second

func newOnDemandClusters(workers Workers, hosts *hostMonitor, found *discoveryManager) *onDemandClusters {
	d := &onDemandClusters{workers: workers, hosts: hosts, discovery: found, made: make(map[string]*onDemandCluster)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

// prepare is the part of such clusters in a change of the configuration. They come
// before workers have routes that name them, and go after.
func (d *onDemandClusters) prepare(next *transaction.Next) (transaction.Change, error) {
	o := next.Config.ClusterManager.OnDemand
	if o == nil {
		return transaction.Change{Release: func() { d.configure(nil) }}, nil
	}
	locality := next.Config.Node.Locality
	p := &plan{
		OnDemand: o, locality: locality, check: next.OnDemandCheck,
		settings: config.Settings(o, locality, sourceSettings(o.Cluster.Type, next.Config)),
	}
	return transaction.Change{Commit: func() { d.configure(p) }}, nil
}

// configure takes on what a configuration says of such clusters. Those that were made
// with other settings are dropped; requests make them again.
func (d *onDemandClusters) configure(p *plan) {
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

// request is called by a worker whose request names a cluster that is not there.
func (d *onDemandClusters) request(worker int, name string) bool {
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
		of = &onDemandCluster{name: name}
		d.made[name] = of
		d.begin(of)
	case !of.denied.IsZero():
		return false
	case of.spec == nil:
		of.asked = true
	default: // another worker was first
		spec := of.spec
		d.workers.Post(worker, func(m *upstream.Manager) { m.Add(spec) })
	}
	return true
}

// begin begins to make a cluster.
func (d *onDemandClusters) begin(of *onDemandCluster) {
	p := d.plan
	of.asked = false
	d.wg.Go(func() { d.make(of, p) })
}

// expire forgets the denials that are over.
func (d *onDemandClusters) expire() {
	for len(d.denials) > 0 && time.Since(d.denials[0].at) >= denialTime {
		delete(d.made, d.denials[0].of.name)
		d.denials = d.denials[1:]
	}
}

// deny tells the workers that there is no such cluster.
func (d *onDemandClusters) deny(of *onDemandCluster, why error) {
	of.denied = time.Now()
	d.denials = append(d.denials, denial{of, of.denied})
	d.postAll(func(m *upstream.Manager) { m.Deny(of.name, why) })
}

// make makes a cluster of a service and gives it to the workers, or tells them that
// there is none. If the configuration says something else by then, it begins again.
func (d *onDemandClusters) make(of *onDemandCluster, p *plan) {
	for p != nil {
		spec, err := d.build(of.name, p)
		if d.settle(of, p, spec, err) {
			return
		}
		if err == nil {
			d.forget(of.name)
		}
		d.mu.Lock()
		p = d.plan
		d.mu.Unlock()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deny(of, errNotOnDemand)
}

// settle puts what was made into effect, or the failure to make it, if that is how the
// configuration still wants it.
func (d *onDemandClusters) settle(of *onDemandCluster, p *plan, spec *upstream.Spec, err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.plan != p || errors.Is(err, errMoved):
		return false
	case err != nil:
		d.deny(of, err)
	default:
		of.spec = spec
		d.postAll(func(m *upstream.Manager) { m.Add(spec) })
	}
	return true
}

// build makes a cluster and waits for its first hosts.
func (d *onDemandClusters) build(name string, p *plan) (*upstream.Spec, error) {
	c := p.Cluster
	c.Name, c.Consul.Service = name, strings.TrimPrefix(name, config.OnDemandPrefix)
	report := new(config.Report)
	spec := upstream.BuildOne(&c, &p.locality, d.workers.Len(), report, d.hosts)
	if err := report.Err(); err != nil {
		return nil, err
	}
	d.hosts.monitor(&monitored{members: spec.Members, policy: spec.Outlier, check: p.check})
	if err := d.await(d.discovery.subscribeOne(&c, spec.Members), p.Timeout); err != nil {
		d.forget(name)
		return nil, err
	}
	return spec, nil
}

// await waits for the first hosts of a cluster.
func (d *onDemandClusters) await(s *subscription, patience time.Duration) error {
	if s == nil {
		return errNotOnDemand
	}
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-s.first:
		if s.members.Current().Len == 0 {
			return errNoService
		}
		return nil
	case <-timeout.C:
		if err := s.current().Failing; err != nil {
			return fmt.Errorf("nothing was heard of the service within %v: %w", patience, err)
		}
		return fmt.Errorf("nothing was heard of the service within %v", patience)
	case <-s.done: // by a change of the configuration
		return errMoved
	case <-d.ctx.Done():
		return errNotOnDemand
	}
}

// forget ends what finds the hosts of a cluster, and what watches over them.
func (d *onDemandClusters) forget(name string) {
	d.discovery.unsubscribe(name)
	d.hosts.forget(name)
}

// postAll runs something on all workers' clusters.
func (d *onDemandClusters) postAll(fn func(m *upstream.Manager)) {
	for i := range d.workers.Len() {
		d.workers.Post(i, fn)
	}
}
