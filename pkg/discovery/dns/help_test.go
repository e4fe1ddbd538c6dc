package dns

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a condition may take.
const patience = 20 * time.Second

// sink notes what is delivered.
type sink struct {
	mu       sync.Mutex
	hosts    []discovery.Host
	failure  string
	sets     int
	failures int
	alive    int
}

func (s *sink) Hosts(hosts []discovery.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts, s.failure = hosts, ""
	s.sets++
}

func (s *sink) Failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err.Error()
	s.failures++
}

func (s *sink) Alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = ""
	s.alive++
}

// state is what a sink knows at one time.
type state struct {
	addresses             string
	failure               string
	sets, failures, alive int
}

func (s *sink) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	var a []string
	for _, h := range s.hosts {
		a = append(a, h.Address)
	}
	return state{strings.Join(a, " "), s.failure, s.sets, s.failures, s.alive}
}

// until waits for a condition.
func (s *sink) until(t *testing.T, what string, ok func(state) bool) state {
	t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		now := s.state()
		if ok(now) {
			return now
		}
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not so after %v: %+v", what, patience, now)
		}
	}
}

// has waits for a set of addresses, without a failure.
func (s *sink) has(t *testing.T, addresses string) {
	t.Helper()
	s.until(t, "hosts "+addresses, func(now state) bool { return now.sets > 0 && now.addresses == addresses && now.failure == "" })
}

// fails waits for a failure, and checks that the hosts stay.
func (s *sink) fails(t *testing.T, text, addresses string) {
	t.Helper()
	now := s.until(t, "failure "+text, func(now state) bool { return strings.Contains(now.failure, text) })
	if now.addresses != addresses {
		t.Errorf("after the failure %q the hosts are %q, want %q", now.failure, now.addresses, addresses)
	}
}

// lives waits until the source has answered some times more, with nothing new.
func (s *sink) lives(t *testing.T) {
	t.Helper()
	before := s.state()
	now := s.until(t, "signs of life", func(now state) bool { return now.alive >= before.alive+3 })
	if now.sets != before.sets || now.failure != "" {
		t.Errorf("not only signs of life: %+v, before %+v", now, before)
	}
}

// cluster makes a cluster whose names are asked of servers.
func cluster(kind config.ClusterType, servers []string, hosts ...string) *config.Cluster {
	c := config.Default[config.Cluster]()
	c.Name, c.Type = "c", kind
	c.DNSRefreshRate = 15 * time.Millisecond
	c.DNSResolvers.Servers = servers
	c.DNSResolvers.Timeout = patience // only tests about silence wait for it
	for _, address := range hosts {
		h := config.Default[config.Host]()
		h.Address = address
		c.Hosts = append(c.Hosts, h)
	}
	return &c
}

// watching starts a watch, until the test ends.
func watching(t *testing.T, src discovery.Source, c *config.Cluster) *sink {
	t.Helper()
	s := new(sink)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		src.Watch(ctx, c, s)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return s
}

// start is watching with a source of its own, without files of the system.
func start(t *testing.T, c *config.Cluster) *sink {
	t.Helper()
	src := newSource("", "/nonexistent", "/nonexistent")
	t.Cleanup(src.Close)
	return watching(t, src, c)
}
