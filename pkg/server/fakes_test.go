package server

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// fakes are sources that find what a test says.
type fakes struct {
	mu      sync.Mutex
	refuse  error                       // of make
	made    int                         // sources so far
	open    int                         // sources
	begun   map[string]int              // watches so far, by cluster
	watches map[string][]*fakeWatch     // those that run, by cluster
	finds   map[string][]discovery.Host // at once, by cluster
}

// fakeWatch is a watch of a fake source.
type fakeWatch struct {
	mu   sync.Mutex
	to   discovery.Sink
	over bool
}

type fakeSource struct {
	of     *fakes
	closed bool
	runs   int
}

func (f *fakes) make(*config.Config, *slog.Logger) (discovery.Source, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return nil, f.refuse
	}
	f.made++
	f.open++
	return &fakeSource{of: f}, nil
}

func (s *fakeSource) Close() {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if s.closed || s.runs > 0 {
		panic("a source is closed twice, or while it is used")
	}
	s.closed = true
	s.of.open--
}

func (s *fakeSource) Watch(ctx context.Context, c *config.Cluster, to discovery.Sink) {
	f, w := s.of, &fakeWatch{to: to}
	f.mu.Lock()
	s.runs++
	if f.begun == nil {
		f.begun, f.watches = make(map[string]int), make(map[string][]*fakeWatch)
	}
	f.begun[c.Name]++
	f.watches[c.Name] = append(f.watches[c.Name], w)
	hosts, known := f.finds[c.Name]
	f.mu.Unlock()
	if known {
		w.tell(func() { to.Hosts(slices.Clone(hosts)) })
	}
	<-ctx.Done()
	w.mu.Lock() // a delivery ends first
	w.over = true
	w.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	s.runs--
	f.watches[c.Name] = slices.DeleteFunc(f.watches[c.Name], func(other *fakeWatch) bool { return other == w })
}

func (w *fakeWatch) tell(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		what()
	}
}

// left returns how many sources and watches there are.
func (f *fakes) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.open
	for _, of := range f.watches {
		n += len(of)
	}
	return n
}

// counts returns how many sources were made and are open, and how many watches of a
// cluster were begun.
func (f *fakes) counts(cluster string) (made, open, begun int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made, f.open, f.begun[cluster]
}

// knows makes the sources find hosts of a cluster at once.
func (f *fakes) knows(cluster string, hosts ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.finds == nil {
		f.finds = make(map[string][]discovery.Host)
	}
	f.finds[cluster] = hostsAt(hosts...)
}

// refuses makes the sources impossible to make; nil: possible.
func (f *fakes) refuses(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = err
}

// tell tells the watches of a cluster something.
func (f *fakes) tell(cluster string, what func(discovery.Sink)) {
	f.mu.Lock()
	all := slices.Clone(f.watches[cluster])
	f.mu.Unlock()
	for _, w := range all {
		w.tell(func() { what(w.to) })
	}
}

func (f *fakes) deliver(cluster string, hosts ...string) {
	f.tell(cluster, func(to discovery.Sink) { to.Hosts(hostsAt(hosts...)) })
}

// watched waits until a cluster is watched for the nth time.
func (f *fakes) watched(t testing.TB, cluster string, n int) {
	t.Helper()
	eventually(t, "a watch of "+cluster, func() error {
		if _, _, begun := f.counts(cluster); begun < n {
			return fmt.Errorf("%d so far", begun)
		}
		return nil
	})
}

func hostsAt(addresses ...string) []discovery.Host {
	hosts := make([]discovery.Host, len(addresses))
	for i, a := range addresses {
		hosts[i] = discovery.Host{Address: a, Weight: 1}
	}
	return hosts
}
