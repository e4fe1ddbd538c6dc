package consultest

import (
	"fmt"
	"testing"
)

// Cluster is several servers that keep their state on disk.
type Cluster struct {
	// Servers are all of them, the stopped ones included.
	Servers []*Agent

	t    testing.TB
	raft []string // where each serves the others
}

// StartCluster runs n servers that form a cluster.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	ports := freePorts(t, 3*n)
	var join []string
	for i := range n {
		join = append(join, fmt.Sprintf("127.0.0.1:%d", ports[3*i+2]))
	}
	c := &Cluster{t: t}
	for i := range n {
		http, server, serf := ports[3*i], ports[3*i+1], ports[3*i+2]
		settings := base(fmt.Sprintf("server-%d", i), http, server, serf)
		settings["server"] = true
		settings["bootstrap_expect"] = n
		settings["retry_join"] = join
		settings["retry_interval"] = "1s"
		settings["data_dir"] = t.TempDir()
		a := newAgent(t, settings, http)
		a.launch()
		c.Servers = append(c.Servers, a)
		c.raft = append(c.raft, fmt.Sprintf("127.0.0.1:%d", server))
	}
	for _, a := range c.Servers {
		a.await("joins a cluster with a leader", a.ready)
	}
	return c
}

// Leader returns the number of the server that leads, as the first running server
// that knows one sees it. It waits until there is one.
func (c *Cluster) Leader() int {
	c.t.Helper()
	leader := -1
	if !wait(func() bool { leader = c.leader(); return leader >= 0 }) {
		c.t.Fatal("the cluster has no leader")
	}
	return leader
}

func (c *Cluster) leader() int {
	for _, a := range c.Servers {
		if a.proc.over() {
			continue
		}
		at, err := a.Client.Status().Leader()
		if err != nil {
			continue
		}
		for i, raft := range c.raft {
			if at == raft && !c.Servers[i].proc.over() {
				return i
			}
		}
	}
	return -1
}

// KillLeader ends the leader, as a crash would, and returns its number. It does not
// wait for the next one.
func (c *Cluster) KillLeader() int {
	c.t.Helper()
	i := c.Leader()
	c.Servers[i].Stop()
	return i
}

// Restart starts a server again, with its state, and waits until it has a leader.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	c.Servers[i].Restart()
}
