package health

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/events"
)

const unavailable = "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n"

// states renders what is known, in order.
func states(c *Checker) string {
	var b strings.Builder
	for _, s := range c.States() {
		fmt.Fprintf(&b, "%s/%s %v;", s.Cluster, s.Host, s.State)
	}
	return b.String()
}

// TestApplyCluster: the targets of one cluster change, and nothing else does.
func TestApplyCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{handler: answering(func(int, int, string) string { return unavailable })}
		c, r, stop := start(h, nil)
		defer stop()
		check := newCheck(t, config.CheckHTTP1, nil)
		c.Apply([]Target{target("a", "h:80", check), target("b", "h:80", check), target("b", "i:80", check)})
		pass(time.Second)
		synctest.Wait()
		r.take()
		dials := h.dials()
		for _, tt := range []struct {
			cluster string
			targets []Target
			report  []Change
			states  string
		}{
			{"b", []Target{target("", "i:80", check), target("x", "j:80", check), target("b", "j:80", check)},
				[]Change{{"b", "i:80", false}, {"b", "h:80", true}}, "a/h:80 unhealthy;b/i:80 unhealthy;b/j:80 unknown;"},
			{"c", []Target{target("c", "h:80", check)}, nil, "a/h:80 unhealthy;b/i:80 unhealthy;b/j:80 unknown;c/h:80 unknown;"},
			{"b", nil, []Change{{"b", "i:80", true}}, "a/h:80 unhealthy;c/h:80 unknown;"},
			{"b", nil, nil, "a/h:80 unhealthy;c/h:80 unknown;"},
			{"c", nil, nil, "a/h:80 unhealthy;"},
		} {
			c.ApplyCluster(tt.cluster, tt.targets)
			synctest.Wait()
			if diff := cmp.Diff(tt.report, r.take()); diff != "" {
				t.Errorf("%s: %s", tt.cluster, diff)
			}
			if got := states(c); got != tt.states {
				t.Errorf("%s: %s", tt.cluster, got)
			}
		}
		if n := h.dials(); n != dials {
			t.Errorf("hosts that are gone are asked %d times", n-dials)
		}
		if len(c.targets) != 1 {
			t.Errorf("%d clusters are kept", len(c.targets))
		}
		c.Apply([]Target{target("d", "h:80", check)})
		if got := r.take(); !cmp.Equal(got, []Change{{"a", "h:80", true}}) || states(c) != "d/h:80 unknown;" {
			t.Errorf("%v, %s", got, states(c))
		}
	})
}

// TestApplyClusterUnderLock: who applies a cluster may hold a lock that Report takes.
func TestApplyClusterUnderLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{handler: answering(func(int, int, string) string { return unavailable })}
		lock := make(chan struct{}, 1) // time goes by while somebody waits for it
		ill := make(map[string]bool)
		c, _, stop := start(h, func(o *Options) {
			o.Report = func(news []Change) {
				lock <- struct{}{}
				defer func() { <-lock }()
				for _, n := range news {
					ill[n.Host] = !n.Healthy
				}
			}
		})
		defer stop()
		check := newCheck(t, config.CheckHTTP1, nil)
		for range 50 {
			lock <- struct{}{}
			c.ApplyCluster("a", []Target{target("a", "h:80", check), target("a", "i:80", check)})
			pass(2 * time.Second)
			c.ApplyCluster("a", []Target{target("a", "h:80", check)})
			pass(time.Second)
			<-lock
		}
		pass(time.Second)
		synctest.Wait()
		if !ill["h:80"] || ill["i:80"] {
			t.Errorf("%v", ill)
		}
	})
}

// TestEvents: changes are events, with their reasons, and in the process's log once.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := []string{ok, unavailable, unavailable, ok}
		h := &hosts{handler: answering(func(_, request int, _ string) string { return answers[min(request, len(answers))-1] })}
		var log *events.Log
		c, r, stop := start(h, func(o *Options) {
			log = events.New(0, o.Log)
			o.Events = log
		})
		defer stop()
		check := newCheck(t, config.CheckHTTP1, func(c *config.HealthCheck) { c.HealthyThreshold, c.UnhealthyThreshold = 1, 1 })
		c.Apply([]Target{target("c", "h:80", check)})
		pass(4*check.interval + time.Second)
		synctest.Wait()
		got := log.Since(0)
		for i := range got {
			if got[i].Time.IsZero() {
				t.Errorf("%+v", got[i])
			}
			got[i].Time = time.Time{}
		}
		want := []events.Event{
			{Seq: 1, Cluster: "c", Host: "h:80", Kind: events.Unhealthy, Detail: "status 503"},
			{Seq: 2, Cluster: "c", Host: "h:80", Kind: events.Healthy},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if text := r.text(); strings.Count(text, slog.LevelKey+"=") != 2 {
			t.Errorf("the log is\n%s", text)
		}
	})
}
