package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/discovery"
)

// onDemand is a configuration in which requests name the service by their host.
func onDemand(members string) setup {
	if members != "" {
		members = ", " + members
	}
	return setup{routes: route("/", "consul:*"), manager: `"on_demand": {"services": ["*"]` + members + `}`}
}

// begun expects that a service was looked for so often.
func (w *weir) begun(service string, want int) {
	w.t.Helper()
	if _, _, got := w.sources.counts("consul:" + service); got != want {
		w.t.Errorf("%s was looked for %d times, want %d", service, got, want)
	}
}

// The first request of a worker makes a cluster, or finds the one that another made.
func TestOnDemand(t *testing.T) {
	one := newBackend(t, "one")
	w := start(t, onDemand(""))
	w.sources.knows("consul:a", one.at)
	for range 4 { // each connection goes to the worker with the fewest
		if got := w.get(client(t), "/", "a"); got != "200 one" {
			t.Fatalf("a request gets %q", got)
		}
	}
	w.begun("a", 1)
	c := w.seen("consul:a")
	if c == nil || !c.OnDemand || c.Type != "CONSUL" || c.Source.Kind != "CONSUL" || !c.Source.Ready || len(c.Hosts) != 1 {
		t.Errorf("it is shown as %+v", c)
	}
	w.reload(onDemand("")) // the same
	w.reload(setup{routes: route("/", "consul:*"), manager: onDemand("").manager, top: `"consul": {"drain_delay": "1ms"}`})
	if got := w.get(client(t), "/", "a"); got != "200 one" {
		t.Fatalf("after a reload a request gets %q", got)
	}
	w.begun("a", 1)
}

// Requests that come while a cluster is made wait for it together.
func TestOnDemandAtOnce(t *testing.T) {
	one := newBackend(t, "one")
	w := start(t, onDemand(`"timeout": "1m"`))
	const n = 20
	got := make(chan string, n)
	for range n {
		go func() { got <- w.get(client(t), "/", "a") }()
	}
	w.sources.watched(t, "consul:a", 1)
	if c := w.seen("consul:a"); c != nil && c.OnDemand {
		t.Error("a cluster that is not made is shown as one that is")
	}
	w.sources.deliver("consul:a", one.at)
	for range n {
		if answer := <-got; answer != "200 one" {
			t.Errorf("a request gets %q", answer)
		}
	}
	w.begun("a", 1)
}

// That there is no such service holds for a moment, so that requests for it cost
// little.
func TestOnDemandDenied(t *testing.T) {
	one := newBackend(t, "one")
	w := start(t, onDemand(`"timeout": "10ms"`))
	w.sources.knows("consul:none")
	for _, service := range []string{"none", "silent"} {
		before := time.Now()
		first := w.get(client(t), "/", service)
		second := w.get(client(t), "/", service)
		if !strings.HasPrefix(first, "503") || !strings.HasPrefix(second, "503") {
			t.Errorf("requests for %s get %q and %q", service, first, second)
		}
		if _, _, n := w.sources.counts("consul:" + service); time.Since(before) < time.Second && n != 1 {
			t.Errorf("%s was looked for %d times", service, n)
		}
		w.sources.knows("consul:"+service, one.at)
		w.answers("/", service, "200 one")
		w.begun(service, 2)
	}
}

// There are no more clusters than allowed. Those that there are not count for a moment
// only.
func TestOnDemandLimit(t *testing.T) {
	one := newBackend(t, "one")
	w := start(t, onDemand(`"max_clusters": 2`))
	for _, service := range []string{"a", "b", "c"} {
		w.sources.knows("consul:"+service, one.at)
	}
	w.sources.knows("consul:none")
	w.get(client(t), "/", "none")
	w.answers("/", "a", "200 one")
	w.answers("/", "b", "200 one") // when the denial is over
	if got := w.get(client(t), "/", "c"); !strings.HasPrefix(got, "503") {
		t.Errorf("a request for one cluster too many gets %q", got)
	}
	w.begun("c", 0)
	w.answers("/", "a", "200 one")
}

// A cluster that no request needs is forgotten, and made again for the next.
func TestOnDemandIdle(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	w := start(t, onDemand(`"idle_timeout": "50ms"`))
	w.sources.knows("consul:a", one.at)
	c := client(t)
	if got := w.get(c, "/", "a"); got != "200 one" {
		t.Fatalf("a request gets %q", got)
	}
	eventually(t, "it is forgotten", func() error {
		if w.seen("consul:a") != nil || w.manager().OnDemand("consul:a") {
			return fmt.Errorf("it is there")
		}
		return nil
	})
	w.sources.knows("consul:a", two.at)
	w.answers("/", "a", "200 two") // a worker may be about to drop it
	if _, _, n := w.sources.counts("consul:a"); n < 2 {
		t.Errorf("it was looked for %d times", n)
	}
}

// Another on_demand makes the clusters anew, one that is being made included; none
// ends them.
func TestOnDemandReconfigured(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	w := start(t, onDemand(`"timeout": "1m"`))
	w.sources.knows("consul:a", one.at)
	if got := w.get(client(t), "/", "a"); got != "200 one" {
		t.Fatalf("a request gets %q", got)
	}
	late := make(chan string, 1)
	go func() { late <- w.get(client(t), "/", "late") }()
	w.sources.watched(t, "consul:late", 1)
	w.sources.knows("consul:a", two.at)
	w.reload(onDemand(`"timeout": "2m", "cluster": {"lb_type": "LB_LEAST_REQUEST"}`))
	if got := w.get(client(t), "/", "a"); got != "200 two" {
		t.Errorf("after the reload a request gets %q", got)
	}
	w.sources.deliver("consul:late", one.at) // to what is made with the old settings
	w.sources.watched(t, "consul:late", 2)
	w.sources.deliver("consul:late", two.at)
	if got := <-late; got != "200 two" {
		t.Errorf("the request that waited gets %q", got)
	}
	if c := w.seen("consul:late"); c == nil || c.Balancer != "LB_LEAST_REQUEST" {
		t.Errorf("it is shown as %+v", c)
	}
	go func() { late <- w.get(client(t), "/", "never") }()
	w.sources.watched(t, "consul:never", 1)
	w.reload(setup{clusters: found("up", `"allow_empty": true`), manager: `"warm_up": "1ms"`})
	if got := <-late; !strings.HasPrefix(got, "503") {
		t.Errorf("the request that waited in vain gets %q", got)
	}
	if _, open, _ := w.sources.counts(""); open != 1 || w.seen("consul:a") != nil || w.seen("consul:late") != nil {
		t.Errorf("%d sources are open, and there are clusters %v", open, w.manager().Names())
	}
}

// The connection to Consul changes while a cluster is being made: it is made by the
// new one.
func TestOnDemandMoved(t *testing.T) {
	one := newBackend(t, "one")
	w := start(t, onDemand(`"timeout": "1m"`))
	got := make(chan string, 1)
	go func() { got <- w.get(client(t), "/", "a") }()
	w.sources.watched(t, "consul:a", 1)
	w.sources.knows("consul:a", one.at)
	moved := onDemand(`"timeout": "1m"`)
	moved.top = `"consul": {"wait": "1m"}`
	w.reload(moved)
	if answer := <-got; answer != "200 one" {
		t.Errorf("the request that waited gets %q", answer)
	}
}

// The end does not wait for clusters that are being made.
func TestOnDemandEnd(t *testing.T) {
	w := start(t, onDemand(`"timeout": "1h"`))
	got := make(chan string, 1)
	go func() { got <- w.get(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "/", "a") }()
	w.sources.watched(t, "consul:a", 1)
	soon(t, "the stop", w.Stop)
	<-got
}

// What a source says of a service that it cannot ask about is what the request hears.
func TestOnDemandFailing(t *testing.T) {
	w := start(t, onDemand(`"timeout": "1m"`))
	got := make(chan string, 1)
	go func() { got <- w.get(client(t), "/", "a") }()
	w.sources.watched(t, "consul:a", 1)
	w.sources.tell("consul:a", func(to discovery.Sink) { to.Failed(fmt.Errorf("no route")) })
	w.sources.tell("consul:a", func(to discovery.Sink) { to.Hosts(nil) })
	if answer := <-got; !strings.HasPrefix(answer, "503") {
		t.Errorf("the request gets %q", answer)
	}
	if w.seen("consul:a") != nil {
		t.Error("there is something left of it")
	}
}

// A health check that cannot be made is wrong in the settings of such clusters, too.
func TestOnDemandChecked(t *testing.T) {
	w := start(t, onDemand(""))
	w.refuse(onDemand(`"cluster": {"health_check": {"protocol": "Http1", "check_config": {"http_check_config": {"path": "x"}}}}`), "http_check_config.path")
}
