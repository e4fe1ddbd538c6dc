package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type fakeClusters struct {
	clusters []Cluster
	happened []Event
	shown    int // clusters that were given to a caller
}

func (f *fakeClusters) Clusters(name string, each func(*Cluster) bool) {
	for i := range f.clusters {
		if name == "" || name == f.clusters[i].Name {
			f.shown++
			if !each(&f.clusters[i]) {
				return
			}
		}
	}
}

func (f *fakeClusters) Events(cluster string, n int) []Event {
	var all []Event
	for _, e := range f.happened {
		if cluster == "" || cluster == e.Cluster {
			all = append(all, e)
		}
	}
	return all[max(0, len(all)-n):]
}

// noon is when the fake clusters are as they are.
func noon() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

// shopAndEmpty are a cluster in trouble, and one without hosts.
func shopAndEmpty() *fakeClusters {
	before := func(d time.Duration) time.Time { return noon().Add(-d) }
	return &fakeClusters{
		clusters: []Cluster{
			{Name: "empty", Type: "CONSUL", Balancer: "LB_RANDOM", OnDemand: true,
				Source: SourceState{Kind: "CONSUL", Failing: "dial tcp: connection refused", Since: before(90 * time.Second)}},
			{Name: "shop", Type: "SIMPLE", Balancer: "LB_WEIGHTED_ROUNDROBIN", Source: SourceState{Kind: "SIMPLE", Ready: true, Updated: before(time.Hour)},
				Levels: []Level{{Healthy: 1, Total: 3, Load: 46.666, Panic: true}, {Priority: 1, Degraded: 1, Total: 1, Load: 53.334}},
				Hosts: []Host{
					{Address: "127.0.0.1:8081", Weight: 3, WeightNow: 3, State: StateHealthy, Since: before(time.Hour), Active: 2, Requests: 1234, Checks: 30},
					{Address: "127.0.0.1:8082", Zone: "b", Weight: 1, WeightNow: 0, State: StateEjected, Since: before(4 * time.Second),
						EjectedUntil: noon().Add(time.Minute), Why: "ejected until 12:01:00 (2nd time): 5 failures in a row", Requests: 77, Failed: 5, Checks: 30, ChecksFailed: 1},
					{Address: "[2001:db8::1]:8080", Hostname: "three.shop\x1b[2J", Weight: 1, WeightNow: 0.125, State: StateUnhealthy, Why: "failed health check 2s ago: i/o timeout"},
					{Address: "127.0.0.1:8084", Priority: 1, Weight: 1, WeightNow: 1, State: StateDegraded, Since: before(50 * time.Hour), Metadata: map[string]string{"v": "2"}},
				}},
		},
		happened: []Event{
			{Time: before(time.Minute), Cluster: "shop", Host: "127.0.0.1:8081", Kind: "healthy"},
			{Time: before(30 * time.Second), Cluster: "empty", Kind: "failing", Detail: "connection refused\n\x1b[31m"},
			{Time: before(4 * time.Second), Cluster: "shop", Host: "127.0.0.1:8082", Kind: "ejected", Detail: "5 failures in a row"},
		},
	}
}

const shopText = `empty  CONSUL  LB_RANDOM  on demand
  hosts from Consul, none yet, failing for 1m30s: dial tcp: connection refused

shop  SIMPLE  LB_WEIGHTED_ROUNDROBIN
  hosts from the configuration, updated 1h0m ago
  level 0: 1 of 3 healthy, 46.67% of the requests, panic: all are used
  level 1: 0 of 1 healthy, 1 degraded, 53.33% of the requests
  HOST                NAME            ZONE  LEVEL  STATE      WEIGHT   NOW  ACTIVE  REQUESTS  FAILED  CHECKS  BAD  SINCE  WHY
  127.0.0.1:8081                                0  healthy         3     3       2      1234       0      30    0  1h0m
  127.0.0.1:8082                      b         0  ejected         1     0       0        77       5      30    1  4s     ejected until 12:01:00 (2nd time): 5 failures in a row
  [2001:db8::1]:8080  three.shop?[2J            0  unhealthy       1  0.12       0         0       0       0    0  -      failed health check 2s ago: i/o timeout
  127.0.0.1:8084                                1  degraded        1     1       0         0       0       0    0  2d2h
`

// TestClustersText: columns stand in line, those without content are left out, and nothing that a source delivers reaches a terminal raw.
func TestClustersText(t *testing.T) {
	all := shopAndEmpty()
	render := func(text *Text) string {
		var b strings.Builder
		for i := range all.clusters {
			if i > 0 {
				b.WriteByte('\n')
			}
			if err := text.Cluster(&b, &all.clusters[i]); err != nil {
				t.Fatal(err)
			}
		}
		return b.String()
	}
	want := strings.ReplaceAll(shopText, "?", "\uFFFD")
	if diff := cmp.Diff(want, render(&Text{Now: noon()})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Colours change nothing else, and mark what is wrong.
	painted := render(&Text{Now: noon(), Paint: func(what, text string) string { return "<" + what + ":" + text + ">" }})
	for _, part := range []string{"<ejected:ejected>    ", "<title:shop>", "<alarm:5>", "<alarm:panic: all are used>", "<alarm:failing for 1m30s"} {
		if !strings.Contains(painted, part) {
			t.Errorf("no %s in %s", part, painted)
		}
	}

	all.clusters = all.clusters[1:]
	all.clusters[0].Hosts = all.clusters[0].Hosts[:1]
	all.clusters[0].Hosts[0].Checks = 0
	if got := render(&Text{Now: noon()}); strings.Contains(got, "ZONE") || strings.Contains(got, "CHECKS") || strings.Contains(got, "LEVEL") {
		t.Errorf("columns without content: %s", got)
	}
}

func TestTextFailures(t *testing.T) {
	all := shopAndEmpty()
	full := errors.New("full")
	for room := range len(all.clusters[1].Hosts) + 2 {
		if err := (&Text{}).Cluster(&narrow{room, full}, &all.clusters[1]); !errors.Is(err, full) {
			t.Errorf("after %d writes: %v", room, err)
		}
	}
}

// narrow takes some writes, and then no more.
type narrow struct {
	room int
	err  error
}

func (n *narrow) Write(b []byte) (int, error) {
	if n.room--; n.room < 0 {
		return 0, n.err
	}
	return len(b), nil
}

func TestClustersJSON(t *testing.T) {
	w := newWorld(t)
	type answer struct {
		Clusters []Cluster `json:"clusters"`
	}
	if diff := cmp.Diff(w.clusters.clusters, decode[answer](t, get(w, "/api/v1/clusters")).Clusters, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	one := get(w, "/api/v1/clusters?name=shop")
	if diff := cmp.Diff(w.clusters.clusters[1:], decode[answer](t, one).Clusters); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := strings.Count(one.Body.String(), "\n\t{"); n != 4 {
		t.Errorf("%d hosts on lines of their own, want 4: %s", n, one.Body)
	}
	w.clusters.clusters = nil
	if got := decode[answer](t, get(w, "/api/v1/clusters")).Clusters; got == nil || len(got) != 0 {
		t.Errorf("no clusters are %v", got)
	}
}

func TestClustersQuery(t *testing.T) {
	w := newWorld(t)
	for target, want := range map[string]struct {
		status int
		part   string
	}{
		"/api/v1/clusters?name=shpo":            {http.StatusNotFound, `did you mean \"shop\"?`},
		"/api/v1/clusters?names=shop":           {http.StatusBadRequest, `did you mean \"name\"?`},
		"/api/v1/clusters?format=xml":           {http.StatusBadRequest, "json or text"},
		"/api/v1/clusters?name=shop&name=empty": {http.StatusBadRequest, "more than once"},
		"/api/v1/events?n=0":                    {http.StatusBadRequest, "from 1 to 10000"},
		"/api/v1/events?n=10001":                {http.StatusBadRequest, "from 1 to 10000"},
		"/api/v1/events?n=many":                 {http.StatusBadRequest, "from 1 to 10000"},
		"/api/v1/events?format=xml":             {http.StatusBadRequest, "json or text"},
		"/api/v1/events?name=shop":              {http.StatusBadRequest, "there is no parameter name"},
		"/api/v1/events?cluster=none":           {http.StatusOK, `"events": []`},
	} {
		mustStatus(t, get(w, target), want.status, want.part)
	}
}

// TestPreferred: programs get JSON, and who prefers text gets that.
func TestPreferred(t *testing.T) {
	w := newWorld(t)
	for accept, want := range map[string]string{
		"":                             typeJSON,
		"*/*":                          typeJSON,
		"text/plain":                   typeText,
		"text/*":                       typeText,
		"Text/Plain;q=0.9, */*;q=0.1":  typeText,
		"application/json, text/plain": typeJSON,
		"application/json;q=0.5,text/plain;q=0.6":                         typeText,
		"text/plain;q=0, */*":                                             typeJSON,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": typeJSON,
		"/;;q, text/plain":                                                typeText,
	} {
		for _, target := range []string{"/api/v1/clusters", "/api/v1/events"} {
			answer := ask(w, http.MethodGet, target, "", "Accept: "+accept)
			if got := answer.Header(); got.Get("Content-Type") != want || got.Get("Vary") != "Accept" {
				t.Errorf("%s for %q: %v", target, accept, got)
			}
			if got := ask(w, http.MethodGet, target+"?format=json", "", "Accept: "+accept).Header().Get("Content-Type"); got != typeJSON {
				t.Errorf("%s for %q with a format: %s", target, accept, got)
			}
		}
	}
}

// goner is a client that goes away after some bytes.
type goner struct {
	*httptest.ResponseRecorder
	left int
}

func (g *goner) Write(b []byte) (int, error) {
	if g.left -= len(b); g.left < 0 {
		return 0, errDisk
	}
	return g.ResponseRecorder.Write(b)
}

// TestClustersStream: of many hosts little is held at a time, and who goes away is not shown the rest.
func TestClustersStream(t *testing.T) {
	const clusters, hosts = 100, 1000
	w := newWorld(t)
	w.clusters.clusters = make([]Cluster, clusters)
	for i := range w.clusters.clusters {
		c := &w.clusters.clusters[i]
		c.Name, c.Hosts = fmt.Sprint("c", i), make([]Host, hosts)
		for j := range c.Hosts {
			c.Hosts[j] = Host{Address: fmt.Sprintf("10.0.%d.%d:80", i, j), State: StateHealthy}
		}
	}
	for _, format := range []string{"json", "text"} {
		w.clusters.shown = 0
		r := httptest.NewRequest(http.MethodGet, "/api/v1/clusters?format="+format, http.NoBody)
		r.Host = "localhost"
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
					t.Errorf("%s: %v instead of an abort", format, err)
				}
			}()
			w.ServeHTTP(&goner{httptest.NewRecorder(), 4 * chunk}, r)
		}()
		if w.clusters.shown > 10 {
			t.Errorf("%s: %d clusters for a client that is gone", format, w.clusters.shown)
		}
		whole := get(w, "/api/v1/clusters?format="+format)
		if n := strings.Count(whole.Body.String(), "10.0."); n != clusters*hosts {
			t.Errorf("%s: %d hosts", format, n)
		}
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	type answer struct {
		Events []Event `json:"events"`
	}
	for query, want := range map[string][]Event{
		"":                  w.clusters.happened,
		"?n=1":              w.clusters.happened[2:],
		"?cluster=empty":    w.clusters.happened[1:2],
		"?cluster=shop&n=1": w.clusters.happened[2:],
	} {
		if diff := cmp.Diff(want, decode[answer](t, get(w, "/api/v1/events"+query)).Events); diff != "" {
			t.Errorf("%s: -want +got:\n%s", query, diff)
		}
	}
	const text = "2026-03-04 11:59:00.000  shop  127.0.0.1:8081  healthy\n" +
		"2026-03-04 11:59:30.000  empty  failing: connection refused\uFFFD\uFFFD[31m\n" +
		"2026-03-04 11:59:56.000  shop  127.0.0.1:8082  ejected: 5 failures in a row\n"
	if got := get(w, "/api/v1/events?format=text").Body.String(); got != text {
		t.Errorf("%q", got)
	}
}

func TestBrisk(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 59_999 * time.Millisecond: "59s", time.Minute: "1m0s", time.Hour - 1: "59m59s",
		time.Hour: "1h0m", 24*time.Hour - 1: "23h59m", 24 * time.Hour: "1d0h", 1000 * time.Hour: "41d16h",
	} {
		if got := brisk(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
