package upstream

import "time"

// ClusterWaiter is who waits for a cluster that no configuration has.
type ClusterWaiter interface {
	// Ready gives it the cluster.
	Ready(c *Cluster)
	// Missing tells that there is none, and why.
	Missing(err error)
}

// ClusterWait is a place among those who wait for a cluster. It is part of the waiter.
type ClusterWait struct {
	links[ClusterWait]
	queue *list[ClusterWait, *ClusterWait] // nil: it does not wait
	who   ClusterWaiter
	m     *Manager
}

// maxClusterWaits is how many requests wait for clusters on a worker.
const maxClusterWaits = 10_000

// Await makes who wait for a cluster that is made when it is asked for; w is its
// place. It returns false if there can be none of that name, or too many wait.
// Otherwise one of who's methods is called, later, unless Cancel is before.
func (m *Manager) Await(name []byte, w *ClusterWait, who ClusterWaiter) bool {
	if m.env.OnDemand == nil || m.waiting >= maxClusterWaits {
		return false
	}
	key := string(name)
	queue := m.waits[key]
	if queue == nil {
		if !m.env.OnDemand(key) {
			return false
		}
		queue = new(list[ClusterWait, *ClusterWait])
		m.waits[key] = queue
	}
	w.queue, w.who, w.m = queue, who, m
	queue.push(w)
	m.waiting++
	return true
}

// Cancel gives a place up, if it is taken.
func (w *ClusterWait) Cancel() {
	if w.queue != nil {
		w.leave()
	}
}

func (w *ClusterWait) leave() {
	w.queue.remove(w)
	w.m.waiting--
	w.queue, w.who, w.m = nil, nil, nil
}

// Add takes on a cluster that was asked for, until Drop.
func (m *Manager) Add(spec *Spec) {
	c := m.onDemand[spec.Name]
	if c == nil {
		c = newCluster(&m.env, spec)
		m.onDemand[spec.Name] = c
		c.apply(spec)
	}
	m.answer(spec.Name, func(who ClusterWaiter) { who.Ready(c) })
}

// Deny tells those who wait for a cluster that there is none.
func (m *Manager) Deny(name string, err error) {
	m.answer(name, func(who ClusterWaiter) { who.Missing(err) })
}

// answer tells those who wait for a cluster. Meanwhile they may cancel the waits of
// others, or begin new ones.
func (m *Manager) answer(name string, tell func(ClusterWaiter)) {
	queue := m.waits[name]
	delete(m.waits, name)
	for queue != nil && queue.n > 0 {
		w := queue.first
		who := w.who
		w.leave()
		m.env.Loop.Protect(nil, func() { tell(who) })
	}
}

// Drop forgets a cluster that was asked for.
func (m *Manager) Drop(name string) {
	if c := m.onDemand[name]; c != nil {
		delete(m.onDemand, name)
		c.remove()
		m.forget(name)
	}
}

// Unused returns for how long no request has used a cluster that was asked for.
func (m *Manager) Unused(name string) time.Duration {
	c := m.onDemand[name]
	if c == nil {
		return 1<<63 - 1
	}
	if c.active > 0 {
		return 0
	}
	return time.Duration(m.env.Loop.Now() - c.used)
}
