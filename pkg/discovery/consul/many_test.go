package consul

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery/consul/consultest"
)

// countConnections counts the connections of a source that has not asked yet.
func countConnections(s *Source) (open, most *atomic.Int64) {
	open, most = &atomic.Int64{}, &atomic.Int64{}
	dial := s.client.transport.DialContext
	s.client.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		n := open.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		return &counted{Conn: c, closed: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
	return open, most
}

type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

// registerMany puts n services into the catalog, svc-0 and so on, at one address each.
func registerMany(t *testing.T, a *consultest.Agent, n int, address string) {
	t.Helper()
	ops := api.TxnOps{{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: api.Node{Node: "outside", Address: "10.1.1.1"}}}}
	for i := range n {
		name := fmt.Sprintf("svc-%d", i)
		ops = append(ops, &api.TxnOp{Service: &api.ServiceTxnOp{
			Verb: api.ServiceSet, Node: "outside", Service: api.AgentService{ID: name, Service: name, Address: address, Port: i + 1},
		}})
	}
	for some := range slices.Chunk(ops, 60) {
		ok, answer, _, err := a.Client.Txn().Txn(some, nil)
		if err != nil || !ok {
			t.Fatalf("error %v, %v", err, answer)
		}
	}
}

// watchMany watches svc-0 and so on until the test ends.
func watchMany(t *testing.T, s *Source, n int) []*recorder {
	t.Helper()
	all := make([]*recorder, n)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range all {
		r := &recorder{}
		all[i] = r
		c := &config.Cluster{Name: fmt.Sprintf("svc-%d", i), Consul: config.ConsulService{Status: config.ConsulPassing}}
		wg.Go(func() { s.Watch(ctx, c, r) })
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return all
}

// each tells whether all have this as their last set, but for their ports.
func each(all []*recorder, address string) bool {
	for i, r := range all {
		want := ""
		if address != "" {
			want = fmt.Sprintf("%s:%d healthy 1", address, i+1)
		}
		if r.text() != want {
			return false
		}
	}
	return true
}

func TestThousandsOverAFewConnections(t *testing.T) {
	const services = 2000
	a := consultest.Start(t)
	b := block(a.Address)
	b.MaxConnections = 20
	s := newSource(t, b)
	_, most := countConnections(s)

	start := time.Now()
	all := watchMany(t, s, services)
	eventually(t, "first answers", func() bool { return each(all, "") })
	t.Logf("%d services: the first answers took %v", services, time.Since(start))

	start = time.Now()
	registerMany(t, a, services, "10.0.0.1")
	registered := time.Since(start)
	eventually(t, "their hosts", func() bool { return each(all, "10.0.0.1") })
	t.Logf("registered within %v, all delivered after %v", registered, time.Since(start))

	start = time.Now()
	registerMany(t, a, 10, "10.0.0.2")
	eventually(t, "the hosts of those that changed", func() bool { return each(all[:10], "10.0.0.2") })
	t.Logf("10 changes were delivered after %v", time.Since(start))
	if most.Load() > 20-1 {
		t.Errorf("%d connections at a time", most.Load())
	}
	t.Logf("%d connections at a time", most.Load())
	for i, r := range all {
		if _, sets := r.hosts(); i >= 10 && sets != 2 {
			t.Errorf("service %d was delivered %d times", i, sets)
		}
	}
}

func TestThousandsOverHTTP2(t *testing.T) {
	const services = 1000
	a := consultest.StartTLS(t)
	b := block(a.HTTPS)
	b.Scheme, b.TLS.CAFile, b.MaxConnections = "https", a.CAFile, 20
	s := newSource(t, b)
	open, most := countConnections(s)
	all := watchMany(t, s, services)
	eventually(t, "first answers", func() bool { return each(all, "") })

	start := time.Now()
	registerMany(t, a, services, "10.0.0.1")
	eventually(t, "their hosts", func() bool { return each(all, "10.0.0.1") })
	t.Logf("%d services: all delivered after %v, over %d connections (%d at most)", services, time.Since(start), open.Load(), most.Load())
	if open.Load() > 20-1 {
		t.Errorf("%d connections", open.Load())
	}
	s.turns.mu.Lock()
	defer s.turns.mu.Unlock()
	if len(s.turns.waiting) > 0 || s.turns.places < services {
		t.Errorf("%d watches wait for one of %d places", len(s.turns.waiting), s.turns.places)
	}
}
