package clusters

import (
	"time"

	"github.com/weirproxy/weir/pkg/upstream"
)

// sweep drops the clusters that no request needs any more.
func (d *onDemandClusters) sweep() {
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
func (d *onDemandClusters) unused(idle time.Duration) (names []string) {
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
	used := make([]map[string]bool, d.workers.Len())
	d.workers.Clusters(func(i int, m *upstream.Manager) {
		used[i] = make(map[string]bool)
		for _, name := range all {
			used[i][name] = m.Unused(name) < idle
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
func (d *onDemandClusters) drop(name string) {
	d.mu.Lock()
	of := d.made[name]
	if of == nil || of.spec == nil {
		d.mu.Unlock()
		return
	}
	of.spec, of.asked = nil, false // who asked while it was made has it
	d.postAll(func(m *upstream.Manager) { m.Drop(name) })
	d.mu.Unlock()
	d.forget(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if of.asked && d.plan != nil && d.ctx.Err() == nil {
		d.begin(of)
		return
	}
	delete(d.made, name)
	if of.asked { // otherwise it could only reach those who ask from now on
		d.postAll(func(m *upstream.Manager) { m.Deny(name, errNotOnDemand) })
	}
}

// close ends the making of clusters.
func (d *onDemandClusters) close() {
	d.mu.Lock()
	d.cancel() // nothing begins after it
	d.mu.Unlock()
	d.wg.Wait()
}

// has reports whether a cluster was made because a request asked for it.
func (d *onDemandClusters) has(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	of := d.made[name]
	return of != nil && of.spec != nil
}
