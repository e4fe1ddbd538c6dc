package upstream

import "time"

// Demander is who waits for a cluster that no configuration has.
type Demander interface {
	// Ready gives it the cluster.
	Ready(c *Cluster)
	// Missing tells that there is none, and why.
	Missing(err error)
}

// Demand is a place among those who wait for a cluster. It is part of the waiter.
type Demand struct {
	links[Demand]
	queue *list[Demand, *Demand] // nil: it does not wait
	who   Demander
	m     *Manager
}

// maxDemands is how many requests wait for clusters on a worker.
const maxDemands = 10_000

// Demand makes who wait for a cluster that is made when it is asked for; d is its
// place. It returns false if there can be none of that name, or too many wait.
// Otherwise one of who's methods is called, later, unless Cancel is before.
func (m *Manager) Demand(name []byte, d *Demand, who Demander) bool {
	if m.env.Demand == nil || m.waiting >= maxDemands {
		return false
	}
	key := string(name)
	queue := m.wanted[key]
	if queue == nil {
		if !m.env.Demand(key) {
			return false
		}
		queue = new(list[Demand, *Demand])
		m.wanted[key] = queue
	}
	d.queue, d.who, d.m = queue, who, m
	queue.push(d)
	m.waiting++
	return true
}

// Cancel gives a place up, if it is taken.
func (d *Demand) Cancel() {
	if d.queue != nil {
		d.leave()
	}
}

func (d *Demand) leave() {
	d.queue.remove(d)
	d.m.waiting--
	d.queue, d.who, d.m = nil, nil, nil
}

// Add takes on a cluster that was asked for, until Drop.
func (m *Manager) Add(spec *Spec) {
	c := m.demanded[spec.Name]
	if c == nil {
		c = newCluster(&m.env, spec)
		m.demanded[spec.Name] = c
		c.apply(spec)
	}
	m.answer(spec.Name, func(who Demander) { who.Ready(c) })
}

// Deny tells those who wait for a cluster that there is none.
func (m *Manager) Deny(name string, err error) {
	m.answer(name, func(who Demander) { who.Missing(err) })
}

// answer tells those who wait for a cluster. Meanwhile they may cancel the demands of
// others, or make new ones.
func (m *Manager) answer(name string, tell func(Demander)) {
	queue := m.wanted[name]
	delete(m.wanted, name)
	for queue != nil && queue.n > 0 {
		d := queue.first
		who := d.who
		d.leave()
		tell(who)
	}
}

// Drop forgets a cluster that was asked for.
func (m *Manager) Drop(name string) {
	if c := m.demanded[name]; c != nil {
		delete(m.demanded, name)
		c.remove()
		m.forget(name)
	}
}

// Unused returns for how long no request has used a cluster that was asked for.
func (m *Manager) Unused(name string) time.Duration {
	c := m.demanded[name]
	if c == nil {
		return 1<<63 - 1
	}
	if c.active > 0 {
		return 0
	}
	return time.Duration(m.env.Loop.Now() - c.used)
}
