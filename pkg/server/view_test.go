package server

import (
	"fmt"
	"testing"

	"github.com/weirproxy/weir/pkg/admin"
)

// many starts a server with a cluster of n hosts, and a small one.
func many(t testing.TB, n int) *weir {
	t.Helper()
	w := newWeir(t, setup{clusters: found("up", "") + "," + found("small", "")})
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = fmt.Sprintf("10.%d.%d.%d:80", i>>16, i>>8&255, i&255)
	}
	w.sources.knows("up", hosts...)
	w.sources.knows("small", hosts[0])
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	return w
}

// All clusters are shown in the order of their names, until who asks has enough.
func TestClusters(t *testing.T) {
	w := many(t, 3)
	var names []string
	w.Clusters("", func(c *admin.Cluster) bool {
		names = append(names, fmt.Sprint(c.Name, " ", len(c.Hosts)))
		return true
	})
	if fmt.Sprint(names) != "[small 1 up 3]" {
		t.Errorf("the clusters are %v", names)
	}
	calls := 0
	w.Clusters("", func(*admin.Cluster) bool { calls++; return false })
	if calls != 1 {
		t.Errorf("%d clusters are shown to who wants one", calls)
	}
	if got := w.Events("up", 2); len(got) != 2 || got[1].Host != "10.0.0.2:80" {
		t.Errorf("the last two events are %+v", got)
	}
	if got := w.Events("", 100); len(got) != 4 {
		t.Errorf("all events are %+v", got)
	}
}

// A server that has not started knows nothing, and one that has ended may be asked.
func TestViewWithoutWorkers(t *testing.T) {
	w := newWeir(t, setup{clusters: found("up", "")})
	w.sources.knows("up", "127.0.0.1:1")
	ask := func() {
		w.Clusters("", func(*admin.Cluster) bool { return true })
		w.Events("", 10)
		w.Health()
		w.counts()
		w.Buffers()
		w.Load()
		w.Addresses()
		w.Warnings()
		w.AdminAddr()
	}
	ask()
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	w.Stop()
	soon(t, "to ask", ask)
}

// What it costs to show a cluster of 100,000 hosts, and a small one beside it.
func BenchmarkClusters(b *testing.B) {
	w := many(b, 100_000)
	for _, name := range []string{"up", "small"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w.seen(name) == nil {
					b.Fatal("it is not shown")
				}
			}
		})
	}
	b.Run("statistics", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.counts()
		}
	})
}
