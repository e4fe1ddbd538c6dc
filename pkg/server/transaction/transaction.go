// Package transaction puts a configuration into force, all of it or nothing: whoever
// has a part in it prepares, and when all have, all commit.
//
//	            Prepare      Warm        Commit      Release
//	first    1 ────────┐  ┌──────┐  ┌── 1 ──────┐ ┌── last
//	...      2         │  │      │  │   2       │ │   ...
//	last     n ────────┴──┘      └──┘   n ──────┴─┘   first
//	            error: Abort, from the last that prepared to the first
package transaction

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/health"
	"github.com/weirproxy/weir/pkg/proxy"
	"github.com/weirproxy/weir/pkg/upstream"
)

// Configuration is a configuration that can be put into force, with everything that is
// compiled of it. It is immutable.
type Configuration struct {
	Config   *config.Config
	Snapshot *proxy.Snapshot
	// Sockets are those of the snapshot's listeners.
	Sockets map[*proxy.Shared]Socket
	// Checks are the health checks, by cluster; OnDemandCheck is that of clusters that
	// requests ask for, nil if they have none.
	Checks        map[string]*health.Check
	OnDemandCheck *health.Check
	Warnings      config.Problems
}

// Socket is a socket that a listener asks for.
type Socket struct {
	Address   string // as configured
	ReusePort bool
	Addr      eventloop.Addr
}

// Clusters returns the clusters of a configuration, nil if there is none.
func (c *Configuration) Clusters() *upstream.Snapshot {
	if c == nil {
		return nil
	}
	return c.Snapshot.Clusters
}

// Next is a configuration that is to be put into force.
type Next struct {
	*Configuration
	// Members is what it says about the members of the snapshot's clusters.
	Members *upstream.Update
}

// Participant has a part in each change of the configuration.
type Participant struct {
	Name string
	// Prepare does everything that can fail, in a way that nobody notices: what is in
	// force stays in force. If it returns an error, it has left nothing behind.
	Prepare func(*Next) (Change, error)
}

// Change is what a participant has prepared. Functions that are nil have nothing to do.
// Either Commit and then Release are called, or Abort is.
type Change struct {
	// Warm waits, when all have prepared, for what takes its time. An error aborts.
	Warm func() error
	// Commit puts the change into force. It cannot fail.
	Commit func()
	// Release lets go of what is in force no more, when all have committed.
	Release func()
	// Abort undoes what Prepare did.
	Abort func()
}

// Transaction is one change of the configuration under way.
type Transaction struct {
	changes []Change // in the order in which they were prepared
}

// Add adds what was prepared before the configuration was known.
func (t *Transaction) Add(c Change) { t.changes = append(t.changes, c) }

// Prepare lets participants prepare, in their order, and then all warm up. After an
// error Abort is to be called.
func (t *Transaction) Prepare(next *Next, participants []Participant) error {
	for _, p := range participants {
		c, err := p.Prepare(next)
		if err != nil {
			return err
		}
		t.Add(c)
	}
	for _, c := range t.changes {
		if c.Warm == nil {
			continue
		}
		if err := c.Warm(); err != nil {
			return err
		}
	}
	return nil
}

// Commit puts everything into force in the order of preparation, and then lets go of
// what it replaces in the opposite order, so that users go before what they use.
func (t *Transaction) Commit() {
	for _, c := range t.changes {
		call(c.Commit)
	}
	for i := len(t.changes) - 1; i >= 0; i-- {
		call(t.changes[i].Release)
	}
}

// Abort undoes everything in the opposite order.
func (t *Transaction) Abort() {
	for i := len(t.changes) - 1; i >= 0; i-- {
		call(t.changes[i].Abort)
	}
}

func call(fn func()) {
	if fn != nil {
		fn()
	}
}
