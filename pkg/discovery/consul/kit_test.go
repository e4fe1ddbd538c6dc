package consul

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// block is a configuration as it is by default, but for the address and short waits
// after failures.
func block(address string) *config.Consul {
	return &config.Consul{
		Address: address, Scheme: "http", Wait: 5 * time.Minute, MaxConnections: 100, AllowStale: true,
		BackOff: 50 * time.Millisecond, MaxBackOff: 200 * time.Millisecond,
	}
}

// recorder is a sink that keeps what it is told.
type recorder struct {
	mu     sync.Mutex
	sets   [][]discovery.Host
	at     time.Time // of the last set
	failed int       // since the last answer
	err    error
	alive  int
}

func (r *recorder) Hosts(hosts []discovery.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sets, r.at, r.failed = append(r.sets, hosts), time.Now(), 0
}

func (r *recorder) Failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed++
	r.err = err
}

func (r *recorder) Alive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alive++
	r.failed = 0
}

// hosts returns the last set, and how many sets there were.
func (r *recorder) hosts() (last []discovery.Host, sets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sets) > 0 {
		last = r.sets[len(r.sets)-1]
	}
	return last, len(r.sets)
}

func (r *recorder) failure() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed, r.err
}

// text is the last set in short: "address health weight zone", and "none" before the
// first.
func (r *recorder) text() string {
	hosts, sets := r.hosts()
	if sets == 0 {
		return "none"
	}
	var lines []string
	for _, h := range hosts {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %d", h.Address, h.Health, h.Weight)))
	}
	return strings.Join(lines, ", ")
}

// await waits until the last set is this one.
func (r *recorder) await(t *testing.T, want string) {
	t.Helper()
	defer func() {
		t.Helper()
		if t.Failed() {
			_, err := r.failure()
			t.Logf("the last set is %q, the last failure %v", r.text(), err)
		}
	}()
	eventually(t, "the hosts "+want, func() bool { return r.text() == want })
}

// newSource makes a source that ends with the test.
func newSource(t *testing.T, c *config.Consul) *Source {
	t.Helper()
	s, err := New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// watching watches a service until the test ends.
func watching(t *testing.T, s *Source, c config.ConsulService) *recorder {
	t.Helper()
	r := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Watch(ctx, &config.Cluster{Name: "c", Consul: c}, r)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

// plain is the service web on 10.0.0.1 and so on.
func plain(n int) *api.AgentServiceRegistration {
	return &api.AgentServiceRegistration{
		ID: fmt.Sprintf("web-%d", n), Name: "web", Address: fmt.Sprintf("10.0.0.%d", n), Port: 80,
	}
}

func passing(service string) config.ConsulService {
	return config.ConsulService{Service: service, Status: config.ConsulPassing}
}

// median of durations.
func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
