package upstream

// RequestLimit returns how many requests the cluster may have under way, 0 if there is
// no limit.
func (c *Cluster) RequestLimit() int64 { return c.Limits.requests.max.Load() }

// Usage returns which part of RequestLimit is under way on all workers; 0 if there is
// no limit.
func (c *Cluster) Usage() float64 {
	l := c.Limits
	limit := l.requests.max.Load()
	if limit == 0 {
		return 0
	}
	n := l.requests.now.Load()
	for i := range l.seats {
		n -= l.seats[i].spare.Load()
	}
	return float64(n) / float64(limit)
}

// LacksConnections reports whether requests wait, on any worker, for a connection that
// the maximum denies them.
func (c *Cluster) LacksConnections() bool { return c.Limits.hungry.Load() > 0 }
