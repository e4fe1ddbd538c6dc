package upstream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
)

// parsed loads clusters from a file, as all are that can be used again.
func parsed(t testing.TB, clusters string) *config.Config {
	t.Helper()
	c, _, err := config.Parse("test.json", []byte(`{"cluster_manager":{`+clusters+`},
		"servers":[{"listeners":[{"name":"l","address":"127.0.0.1:1","bind_port":true,
			"filter_chains":[{"filters":[{"type":"tcp_proxy","config":{"cluster":"a"}}]}]}]}]}`), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// built returns a snapshot whose update is committed.
func built(t testing.TB, before *Snapshot, c *config.Config) *Snapshot {
	t.Helper()
	r := new(config.Report)
	s, update := Build(c, before, 1, r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	update.Commit(nil)
	return s
}

// TestReuseWithOtherListeners: what listeners take from clients counts for clusters that
// do not say what they take from hosts, and so these are made anew when it changes.
func TestReuseWithOtherListeners(t *testing.T) {
	all := protocol.Registry{http1.Protocol()}
	load := func(size int) *config.Config {
		c, _, err := config.Parse("test.json", fmt.Appendf(nil, `{"cluster_manager":{"clusters":[{"name":"a","hosts":[{"address":"127.0.0.1:1"}]}]},
			"servers":[{"routers":[{"router_config_name":"r"}],"listeners":[{"name":"l","address":"127.0.0.1:1","bind_port":true,"filter_chains":[
			{"filters":[{"type":"proxy","config":{"router_config_name":"r","extend_config":{"max_header_size":%d}}}]}]}]}]}`, size),
			config.Options{Protocols: all.ForConfig()})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := built(t, nil, load(100_000))
	same, wider := built(t, before, load(100_000)), built(t, before, load(200_000))
	if same.find("a") != before.find("a") {
		t.Error("the cluster is made anew though nothing has changed")
	}
	if got := wider.find("a").Settings["Http1"].(*http1.ClusterSettings).MaxHeaderSize; got != 200_000 {
		t.Errorf("responses may have heads of %d bytes, want 200,000", got)
	}
}

// TestReuse: a snapshot has the very specs of the clusters that are as they were.
func TestReuse(t *testing.T) {
	const a, b = `{"name":"a","hosts":[{"address":"127.0.0.1:1"}]}`, `{"name":"b","hosts":[{"address":"127.0.0.1:2"}]}`
	for _, c := range []struct {
		name, before, after string
		a, b, places        bool // the same as before
	}{
		{"nothing", `"clusters":[` + a + `,` + b + `]`, `"clusters":[` + a + `,` + b + `]`, true, true, true},
		{"lines", `"clusters":[` + a + `,` + b + `]`, `"clusters":[` + "\n\n" + a + "\n,  " + b + `]`, true, true, true},
		{"a host of b", `"clusters":[` + a + `,` + b + `]`, `"clusters":[` + a + `,` + strings.Replace(b, ":2", ":3", 1) + `]`, true, false, true},
		{"a limit of a", `"clusters":[` + a + `,` + b + `]`, `"clusters":[` + strings.Replace(a, `"hosts"`, `"max_request_per_conn":2,"hosts"`, 1) + `,` + b + `]`, false, true, true},
		{"another cluster", `"clusters":[` + a + `,` + b + `]`, `"clusters":[{"name":"x"},` + a + `,` + b + `]`, true, true, false},
		{"the order", `"clusters":[` + a + `,` + b + `]`, `"clusters":[` + b + `,` + a + `]`, true, true, false},
		{"whose callers weir's are", `"clusters":[` + a + `,` + b + `]`, `"local_cluster_name":"a","clusters":[` + a + `,` + b + `]`, false, false, true},
		{"names of hosts, which are looked up anew", `"clusters":[` + strings.Replace(a, "127.0.0.1", "localhost", 1) + `,` + b + `]`,
			`"clusters":[` + strings.Replace(a, "127.0.0.1", "localhost", 1) + `,` + b + `]`, false, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := built(t, nil, parsed(t, c.before))
			after := built(t, before, parsed(t, c.after))
			if same := after.find("a") == before.find("a"); same != c.a {
				t.Errorf("a is the same: %v", same)
			}
			if same := after.find("b") == before.find("b"); same != c.b {
				t.Errorf("b is the same: %v", same)
			}
			if same := after.SamePlaces(before); same != c.places {
				t.Errorf("places are the same: %v", same)
			}
			if after.find("a").Members != before.find("a").Members || after.find("a").Limits != before.find("a").Limits {
				t.Error("a has other hosts or limits")
			}
		})
	}
}

// TestApplyWhatChanged: a worker keeps the clusters that are as they were, and the
// statistics of all that are still there.
func TestApplyWhatChanged(t *testing.T) {
	w := newWorkers(t, 1)[0]
	var last *Snapshot
	apply := func(clusters string) {
		next := built(t, last, parsed(t, `"clusters":[`+clusters+`]`))
		w.on(func() { w.m.Apply(next) })
		last = next
	}
	cluster := func(name string, port int) string {
		return fmt.Sprintf(`{"name":%q,"hosts":[{"address":"127.0.0.1:%d"}]}`, name, port)
	}
	apply(cluster("a", 1) + `,` + cluster("b", 2))
	var a, b *Cluster
	w.on(func() {
		a, b = w.m.Named([]byte("a")), w.m.Named([]byte("b"))
		a.Pick(&Choice{}).Stats.RequestTotal++
		b.Pick(&Choice{}).Stats.RequestTotal++
		a.Stats.RequestTotal++
	})
	apply(cluster("a", 1) + `,` + cluster("b", 3)) // b has another host
	w.on(func() {
		if w.m.Named([]byte("a")) != a || w.m.Named([]byte("b")) != b || a.Spec != last.find("a") || b.Spec != last.find("b") {
			t.Error("the clusters are others")
		}
		if at := b.Pick(&Choice{}).Address; at != "127.0.0.1:3" {
			t.Errorf("b's host is %s", at)
		}
	})
	apply(cluster("c", 4) + `,` + cluster("a", 1)) // b is gone
	w.on(func() {
		if w.m.At(1) != a || w.m.At(0).Name != "c" || w.m.Named([]byte("b")) != nil {
			t.Error("the clusters are not those of the snapshot")
		}
	})
	s := w.stats.Copy()
	if len(s.Clusters) != 2 || s.Clusters["a"].RequestTotal != 1 || len(s.Hosts) != 1 {
		t.Errorf("there are statistics of %d clusters and %d hosts, a has %d requests", len(s.Clusters), len(s.Hosts), s.Clusters["a"].RequestTotal)
	}
}

// many is a configuration of 5,000 clusters with 20 hosts each, the first of them on
// another port.
func many(t testing.TB, port int) *config.Config {
	var b strings.Builder
	for i := range 5000 {
		name := "a"
		if i > 0 {
			b.WriteString(",")
			name = fmt.Sprint("cluster-", i)
		}
		fmt.Fprintf(&b, `{"name":%q,"hosts":[`, name)
		for j := range 20 {
			if j > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, `{"address":"10.%d.%d.%d:%d","weight":%d}`, i>>8, i&255, j, port, 1+j%3)
		}
		b.WriteString("]}")
		port = 80
	}
	return parsed(t, `"clusters":[`+b.String()+`]`)
}

// BenchmarkReload measures what a change of configuration costs with 5,000 clusters of
// 20 hosts: building the snapshot, and what a worker waits for it.
func BenchmarkReload(b *testing.B) {
	same, other := many(b, 80), many(b, 81)
	for _, bench := range []struct {
		name  string
		after [2]*config.Config
	}{
		{"unchanged", [2]*config.Config{many(b, 80), same}},
		{"one changed", [2]*config.Config{other, same}},
	} {
		w := newWorkers(b, 1)[0]
		before := built(b, nil, same)
		w.on(func() { w.m.Apply(before) })
		b.Run(bench.name+"/build", func(b *testing.B) {
			for i := range b.N {
				before = built(b, before, bench.after[i%2])
			}
		})
		b.Run(bench.name+"/worker", func(b *testing.B) {
			last := built(b, before, bench.after[0])
			snapshots := [2]*Snapshot{last, built(b, last, bench.after[1])}
			w.on(func() {
				w.m.Apply(snapshots[0])
				w.m.Apply(snapshots[1])
				b.ResetTimer()
				for i := range b.N {
					w.m.Apply(snapshots[i%2])
				}
				b.StopTimer()
			})
		})
	}
}
