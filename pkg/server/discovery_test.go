package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/discovery"
)

// What a source delivers is what requests go to, and what is shown.
func TestDelivery(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	w := newWeir(t, setup{clusters: found("up", "")})
	w.sources.knows("up", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	if got := w.get(client(t), "/", ""); got != "200 one" { // a start waits for the hosts
		t.Fatalf("the first request gets %q", got)
	}
	w.sources.deliver("up", two.at)
	w.answers("/", "", "200 two")
	w.shows("up", two.at+"=healthy")
	if c := w.seen("up"); c.Source.Kind != "FILE" || !c.Source.Ready || c.Source.Updated.IsZero() || c.Source.Failing != "" {
		t.Errorf("the source is shown as %+v", c.Source)
	}
	w.sources.tell("up", func(to discovery.Sink) {
		to.Hosts([]discovery.Host{
			{Address: one.at, Weight: 1, Health: discovery.Unhealthy}, {Address: two.at, Weight: 3, Health: discovery.Degraded},
			{Address: "127.0.0.1:1", Weight: 1, Health: discovery.Draining},
		})
	})
	w.shows("up", one.at+"=unhealthy", two.at+"=degraded", "127.0.0.1:1=draining")
	if w.seen("other") != nil {
		t.Error("a cluster is shown that there is not")
	}
	for _, h := range w.seen("up").Hosts {
		if h.Why != "its source says so" {
			t.Errorf("%s is %s because %q", h.Address, h.State, h.Why)
		}
	}
	w.sources.deliver("up", one.at)
	wantEvents(t, w, "added "+one.at, "added "+two.at, "removed "+one.at, "added "+one.at, "degraded "+two.at, "draining 127.0.0.1:1", "removed "+two.at)
}

// wantEvents waits for events among those of the cluster up, in this order. Those of
// checks and ejection have a reason.
func wantEvents(t *testing.T, w *weir, want ...string) {
	t.Helper()
	eventually(t, "the events", func() error {
		i := 0
		all := w.Events("up", 1000)
		for _, e := range all {
			if i < len(want) && want[i] == e.Kind+" "+e.Host {
				i++
			}
			if (e.Kind == "unhealthy" || e.Kind == "ejected" || e.Kind == "returned") && e.Detail == "" {
				t.Errorf("there is no reason in %+v", e)
			}
		}
		if i < len(want) {
			return fmt.Errorf("there is no %q in %+v", want[i], all)
		}
		return nil
	})
}

// A delivery without hosts is taken only where the cluster says so.
func TestEmptyDelivery(t *testing.T) {
	one := newBackend(t, "one")
	w := newWeir(t, setup{clusters: found("up", "")})
	w.sources.knows("up", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	w.sources.deliver("up")
	w.shows("up", one.at+"=healthy")
	if s := w.seen("up").Source; s.Failing == "" || s.Since.IsZero() {
		t.Errorf("the source is shown as %+v", s)
	}
	w.logs("allow_empty")
	w.sources.deliver("up", one.at)
	if s := w.seen("up").Source; s.Failing != "" {
		t.Errorf("the source is shown as %+v", s)
	}
	w.reload(setup{clusters: found("up", `"allow_empty": true`)})
	w.sources.deliver("up")
	w.shows("up")
	w.answers("/", "", "503 no host")
}

// A source that learns nothing says why, and since when.
func TestFailingSource(t *testing.T) {
	one := newBackend(t, "one")
	w := newWeir(t, setup{clusters: found("up", "")})
	w.sources.knows("up", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	fail := func(text string) admin.SourceState {
		w.sources.tell("up", func(to discovery.Sink) { to.Failed(errors.New(text)) })
		return w.seen("up").Source
	}
	first, second := fail("it is away"), fail("it is still away")
	if first.Failing != "it is away" || first.Since.IsZero() || second.Failing != "it is still away" || !second.Since.Equal(first.Since) {
		t.Errorf("the failures are shown as %+v and %+v", first, second)
	}
	if n := strings.Count(w.log.String(), "hosts are not discovered"); n != 1 {
		t.Errorf("the failure is logged %d times", n)
	}
	w.answers("/", "", "200 one")
	w.sources.tell("up", discovery.Sink.Alive)
	if s := w.seen("up").Source; s.Failing != "" || !s.Since.IsZero() || !s.Ready {
		t.Errorf("the source is shown as %+v", s)
	}
	w.logs("hosts are discovered again")
}

// A reload leaves alone what it does not change.
func TestReloadOfSources(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	consul := `{"name": "c", "type": "CONSUL"}`
	w := newWeir(t, setup{clusters: found("up", "") + "," + consul, routes: route("/c", "c") + "," + route("/", "up")})
	w.sources.knows("up", one.at)
	w.sources.knows("c", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	expect := func(when string, made, up, c int) {
		t.Helper()
		all, open, ups := w.sources.counts("up")
		_, _, cs := w.sources.counts("c")
		if all != made || open != 2 || ups != up || cs != c {
			t.Errorf("%s: %d sources were made, %d are open; %d and %d watches were begun; want %d, 2, %d, %d", when, all, open, ups, cs, made, up, c)
		}
	}
	expect("at first", 2, 1, 1)
	same := setup{clusters: found("up", `"lb_type": "LB_RANDOM"`) + "," + consul, routes: route("/c", "c") + "," + route("/", "up")}
	w.reload(same)
	expect("another balancer", 2, 1, 1)
	same.top = `"consul": {"drain_delay": "1ms"}`
	w.reload(same)
	expect("another drain", 2, 1, 1)
	w.sources.knows("up", two.at)
	w.sources.knows("c", two.at)
	same.top = `"consul": {"wait": "1m"}`
	w.reload(same)
	expect("Consul is asked in another way", 3, 1, 2)
	w.answers("/c", "", "200 two")
	w.answers("/", "", "200 one")
	same.clusters = strings.Replace(same.clusters, `"path": "/up"`, `"path": "/elsewhere"`, 1)
	w.reload(same)
	expect("another file", 3, 2, 2)
	if got := w.get(client(t), "/", ""); got != "200 two" {
		t.Errorf("after the reload a request gets %q", got)
	}
	w.reload(setup{clusters: found("up", "")})
	if made, open, _ := w.sources.counts(""); made != 3 || open != 1 {
		t.Errorf("%d sources were made, %d are open, want 3 and 1", made, open)
	}
	if w.seen("c") != nil {
		t.Error("a cluster that is gone is shown")
	}
}

// A source that cannot be made is a wrong configuration.
func TestSourceThatCannotBe(t *testing.T) {
	one := newBackend(t, "one")
	w := newWeir(t, setup{clusters: found("up", "")})
	w.sources.knows("up", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	before := w.Config()
	w.sources.refuses(errors.New("there is no certificate"))
	w.refuse(setup{clusters: found("up", "") + `, {"name": "c", "type": "CONSUL"}`}, "clusters of type CONSUL: there is no certificate")
	w.refuse(setup{clusters: found("up", "") + `, {"name": "d", "type": "STRICT_DNS", "hosts": [{"address": "a:1"}]}`}, "does not know clusters of type STRICT_DNS")
	w.sources.refuses(nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	w.refuse(setup{clusters: found("up", "") + `, {"name": "c", "type": "CONSUL"}`, listener: taken.Addr().String()}, `listener "main"`)
	if made, open, begun := w.sources.counts("up"); made != 2 || open != 1 || begun != 1 {
		t.Errorf("%d sources were made, %d are open, %d watches were begun; want 2, 1 and 1", made, open, begun)
	}
	if w.Config() != before || w.seen("c") != nil || w.seen("d") != nil {
		t.Error("something of a refused configuration is in force")
	}
	w.answers("/", "", "200 one")
}

// A start and a reload wait for the hosts of new clusters, and not for ever; a reload
// does not wait again for those that are known to be silent.
func TestWarmUp(t *testing.T) {
	w := start(t, setup{clusters: found("up", ""), manager: `"warm_up": "20ms"`})
	w.logs("clusters begin without hosts")
	w.answers("/", "", "503 no host")
	if s := w.seen("up").Source; s.Ready {
		t.Errorf("the source is shown as %+v", s)
	}
	soon(t, "a reload without new clusters", func() {
		w.reload(setup{clusters: found("up", ""), manager: `"warm_up": "1h"`})
	})
	one := newBackend(t, "one")
	w.write(setup{clusters: found("up", "") + "," + found("new", ""), routes: route("/", "new"), manager: `"warm_up": "1h"`})
	done := make(chan error, 1)
	go func() { done <- w.Reload() }()
	w.sources.watched(t, "new", 1)
	w.answers("/", "", "503 no host") // by the old route
	w.sources.deliver("new", one.at)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := w.get(client(t), "/", ""); got != "200 one" {
		t.Errorf("after the reload a request gets %q", got)
	}
}

// Who stops or drains does not wait for a start or a reload to end its own waiting.
func TestEndOfWarmUp(t *testing.T) {
	const waits = `"warm_up": "1h"`
	ends := map[string]func(*weir){
		"stop":  func(w *weir) { w.Stop() },
		"drain": func(w *weir) { w.Drain(context.Background()) },
	}
	for name, end := range ends {
		t.Run("start, "+name, func(t *testing.T) {
			w := newWeir(t, setup{clusters: found("up", ""), manager: waits})
			done := make(chan error, 1)
			go func() { done <- w.Start(w.path) }()
			w.sources.watched(t, "up", 1)
			soon(t, "the "+name, func() { end(w) })
			if err := <-done; !errors.Is(err, errEnding) {
				t.Errorf("the start ends with %v", err)
			}
		})
		t.Run("reload, "+name, func(t *testing.T) {
			w := newWeir(t, setup{clusters: found("up", ""), manager: waits})
			w.sources.knows("up")
			if err := w.Start(w.path); err != nil {
				t.Fatal(err)
			}
			w.write(setup{clusters: found("up", "") + "," + found("new", ""), manager: waits})
			done := make(chan error, 1)
			go func() { done <- w.Reload() }()
			w.sources.watched(t, "new", 1)
			soon(t, "the "+name, func() { end(w) })
			soon(t, "the reload", func() { <-done })
			if err := w.Reload(); err == nil {
				t.Error("it is reloaded after the end has begun")
			}
		})
	}
}

// A start that fails late leaves nothing behind, and Stop may follow it.
func TestFailedStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	one := newBackend(t, "one")
	for name, c := range map[string]setup{
		"listener": {clusters: found("up", ""), listener: taken.Addr().String()},
		"admin": {
			clusters: found("up", `"health_check": {"protocol": "Http1", "interval": "1ms"}, "outlier_detection": {}`),
			manager:  `"on_demand": {}`,
			top:      `"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ` + port + `}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWeir(t, c)
			w.sources.knows("up", one.at)
			if err := w.Start(w.path); err == nil {
				t.Fatal("it starts")
			}
			if n := w.sources.left(); n != 0 {
				t.Errorf("%d sources or watches are left", n)
			}
			if err := w.Start(w.path); err == nil {
				t.Error("it starts a second time")
			}
		})
	}
}

// Everything may happen at once, the end included.
func TestAtOnce(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	config := func(members string) setup {
		return setup{
			clusters: found("up", members), routes: route("/d", "consul:d") + "," + route("/", "up"),
			manager: `"warm_up": "1ms", "local_cluster_name": "up", "on_demand": {"idle_timeout": "1ms", "cluster": {"outlier_detection": {}}}`,
		}
	}
	w := newWeir(t, config(""))
	w.sources.knows("up", one.at)
	w.sources.knows("consul:d", two.at)
	over := make(chan struct{})
	var all sync.WaitGroup
	often := func(do func()) {
		all.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					do()
				}
			}
		})
	}
	c := client(t)
	often(func() {
		w.Load()
		w.Buffers()
		w.Health()
		w.Events("", 10)
		w.seen("up")
		w.counts()
	})
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	often(func() { w.sources.deliver("up", one.at, two.at); w.sources.deliver("up", two.at) })
	often(func() { w.sources.deliver("consul:d", two.at); w.sources.deliver("consul:d", one.at) })
	often(func() { w.get(c, "/d", ""); w.get(c, "/", "") })
	for range 20 {
		for _, members := range []string{
			`"health_check": {"protocol": "Http1", "interval": "1ms"}`, `"outlier_detection": {"consecutive_5xx": 1, "interval": "1ms"}`,
			`"slow_start": {"mode": "duration", "slow_start_duration": "1s"}, "allow_empty": true`,
		} {
			if err := func() error { w.write(config(members)); return w.Reload() }(); err != nil {
				t.Fatal(err)
			}
		}
	}
	drained := make(chan int)
	go func() { drained <- w.Drain(context.Background()) }()
	close(over)
	all.Wait()
	c.CloseIdleConnections()
	soon(t, "the drain", func() { <-drained })
}
