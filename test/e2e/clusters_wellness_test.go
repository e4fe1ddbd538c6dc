package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/health"
)

// persistent retries what fails, also by status 500, for requests that may be executed
// twice; a try that takes long is given up.
const persistent = `"timeout": "20s", "retry_policy": {"retry_on": true, "num_retries": 3, "retry_timeout": "100ms", "status_codes": [500], "back_off": "1ms"}`

// generous is a budget for retries that these clients cannot exceed.
const generous = `"retry_budget": {"min_retries": 100}`

// ejecting ejects a host after three failures in a row, for so long.
func ejecting(duration string) string {
	return generous + ", " + fmt.Sprintf(`"outlier_detection": {"consecutive_5xx": 3, "interval": "10ms", "base_ejection_time": %q, "max_ejection_percent": 20}`, duration)
}

// TestEjection: of five hosts one fails, in one way or another. It is ejected and has
// nothing more; retries keep clients from noticing; when the time is over and it is
// well, it has its share again.
func TestEjection(t *testing.T) {
	for how, mood := range map[string]int32{"status 500": fails, "no answer": stalls, "resets": resets} {
		t.Run(how, func(t *testing.T) {
			e := backends(t, "1", "2", "3", "4", "5")
			s := fixed(t, setup{routes: route("/", "up", persistent)})
			s.clusters = cluster("up", ejecting("1h"), addresses(e...)...)
			w := start(t, s)
			load := w.traffic(4, "/")
			until(t, "all have requests", func() bool {
				return !slices.ContainsFunc(e, func(e *backend) bool { return e.requests.Load() == 0 })
			})
			e[2].mood.Store(mood)
			w.expectState("up", e[2].addr(), "ejected")
			if h, _ := w.host("up", e[2].addr()); !strings.Contains(h.Why, "1st time") || h.EjectedUntil.IsZero() || h.Failed < 3 {
				t.Errorf("it is shown as %+v", h)
			}
			load.more(20) // what was on its way
			before := e[2].requests.Load()
			load.more(300)
			if now := e[2].requests.Load(); now != before {
				t.Errorf("an ejected host had %d requests", now-before)
			}

			e[2].heal()
			s.clusters = cluster("up", generous, addresses(e...)...)
			w.reload(s) // which ends the ejection
			w.expectState("up", e[2].addr(), "healthy")
			before = e[2].requests.Load()
			load.more(300)
			if now := e[2].requests.Load(); now < before+20 {
				t.Errorf("of 300 requests, a host that came back had %d", now-before)
			}
			load.end()
		})
	}
}

// TestEjectionEnds: a host comes back by itself, is ejected again as long as it fails,
// and the events tell.
func TestEjectionEnds(t *testing.T) {
	e := backends(t, "1", "2", "3", "4", "5")
	e[2].mood.Store(fails)
	w := start(t, setup{routes: route("/", "up", persistent), clusters: cluster("up", ejecting("20ms"), addresses(e...)...)})
	load := w.traffic(4, "/")
	kinds := func() (ejected, returned int) {
		for _, event := range w.Events("up", 1000) {
			if event.Host == e[2].addr() {
				switch event.Kind {
				case "ejected":
					ejected++
				case "returned":
					returned++
				}
			}
		}
		return ejected, returned
	}
	until(t, "it is ejected a second time", func() bool { ejected, _ := kinds(); return ejected > 1 })
	e[2].heal()
	w.expectState("up", e[2].addr(), "healthy")
	before := e[2].requests.Load()
	until(t, "it has requests", func() bool { return e[2].requests.Load() > before+20 })
	if ejected, returned := kinds(); returned == 0 || returned > ejected {
		t.Errorf("%d times ejected, %d times returned", ejected, returned)
	}
	load.end()
}

// TestCrashUnderLoad: hosts crash, with every connection reset, and come back, and
// with retries no request fails.
func TestCrashUnderLoad(t *testing.T) {
	e := backends(t, "1", "2", "3", "4", "5")
	w := start(t, setup{routes: route("/", "up", persistent), clusters: cluster("up", join(ejecting("20ms"), checkedBy("Http1", healthPath)), addresses(e...)...)})
	load := w.traffic(8, "/")
	load.more(50)
	for _, h := range e[:3] {
		h.crash()
		w.expectState("up", h.addr(), "unhealthy")
		load.more(100)
		h.back()
		w.expectState("up", h.addr(), "healthy")
		before := h.requests.Load()
		until(t, "it has requests again", func() bool { return h.requests.Load() > before+5 })
	}
	load.end()
}

// TestPriorities: requests go to the hosts of the next priority while those of the
// first are not well.
func TestPriorities(t *testing.T) {
	e := backends(t, "first", "second", "third")
	hosts := make([]string, len(e))
	for i, h := range e {
		hosts[i] = fmt.Sprintf(`{"address": %q, "priority": %d}`, h.addr(), i)
	}
	w := start(t, setup{
		routes:   route("/", "up", persistent),
		clusters: fmt.Sprintf(`{"name": "up", "hosts": [%s], %s}`, strings.Join(hosts, ", "), join(generous, checkedBy("Http1", healthPath))),
	})
	c := client(t)
	load := w.traffic(4, "/")
	expectAnswers(t, w, c, "first")
	e[0].crash()
	expectAnswers(t, w, c, "second")
	if levels := w.view("up").Levels; len(levels) != 3 || levels[0].Load != 0 || levels[1].Load != 100 || levels[2].Load != 0 || levels[0].Panic {
		t.Errorf("the levels are %+v", levels)
	}
	e[1].mood.Store(fails)
	expectAnswers(t, w, c, "third")
	e[0].back()
	expectAnswers(t, w, c, "first")
	e[1].heal()
	load.end()
}

// TestZones: requests stay in weir's own zone as long as a host there is well.
func TestZones(t *testing.T) {
	e := backends(t, "a1", "a2", "b1", "b2")
	hosts := make([]string, len(e))
	for i, h := range e {
		hosts[i] = fmt.Sprintf(`{"address": %q, "zone": %q}`, h.addr(), h.name[:1])
	}
	s := fixed(t, setup{
		routes: route("/", "up", persistent),
		top:    `"node": {"locality": {"zone": "a"}}`,
	})
	with := func(zones string) setup {
		s.clusters = fmt.Sprintf(`{"name": "up", "hosts": [%s], %s}`, strings.Join(hosts, ", "), join(zones, join(generous, checkedBy("Http1", healthPath))))
		return s
	}
	w := start(t, with(`"zone_aware": {"strict": true, "min_cluster_size": 1}`))
	c := client(t)
	load := w.traffic(4, "/")
	expectAnswers(t, w, c, "a1,a2")
	e[0].crash()
	expectAnswers(t, w, c, "a2")
	e[1].crash()
	expectAnswers(t, w, c, "b1,b2")
	e[0].back()
	expectAnswers(t, w, c, "a1")
	w.reload(with(`"zone_aware": {"min_cluster_size": 7}`)) // more than there are
	expectAnswers(t, w, c, "a1,b1,b2")
	load.end()
}

// TestHedging: a second host is asked when the first does not answer, the first answer
// counts, and the host that is not needed learns it.
func TestHedging(t *testing.T) {
	e := backends(t, "slow", "fast")
	e[0].mood.Store(stalls)
	w := start(t, setup{routes: route("/", "up", `"hedge_policy": {"delay": "5ms"}`), clusters: cluster("up", generous, addresses(e...)...)})
	load := w.traffic(4, "/")
	load.more(50)
	load.end()
	if h, won := w.count("upstream.cluster.up", "request_hedged"), w.count("upstream.cluster.up", "request_hedge_won"); h < 10 || won < 10 || won > h {
		t.Errorf("%d requests were hedged, and %d second tries won", h, won)
	}
	until(t, "the slow host has nothing under way", func() bool { h, _ := w.host("up", e[0].addr()); return h.Active == 0 })
}

// TestHealthOfNewHosts: hosts that a source adds are checked as those before.
func TestHealthOfNewHosts(t *testing.T) {
	e := backends(t, "one", "two", "three")
	f := newHostsFile(t, e[0])
	w := start(t, setup{clusters: f.cluster("up", checkedBy("Http1", healthPath))})
	c := client(t)
	expectAnswers(t, w, c, "one")
	e[1].mood.Store(fails)
	f.hold(e...)
	w.expectState("up", e[1].addr(), "unhealthy")
	expectAnswers(t, w, c, "one,three")
	until(t, "the others are known to be well", func() bool { return w.state(e[2].addr()).State == health.Healthy })
	f.hold(e[1:]...)
	e[1].heal()
	expectAnswers(t, w, c, "three,two")
	if _, ok := w.host("up", e[0].addr()); ok {
		t.Error("a host that is gone is shown")
	}
}
