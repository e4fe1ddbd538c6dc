package outlier

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

// fail notes failures of a host, and wakes the monitor as a worker does.
func fail(m *Monitor, p *Policy, h Target, n int) {
	for range n {
		if h.Counters.Note(p, ServerError) {
			m.Wake()
		}
	}
}

// TestMonitor: a host is ejected at once, comes back at a look, and is known until it
// goes.
func TestMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := start(t)
		p := policy(inARow)
		hosts := targets(3)
		m.Set("c", p, hosts)
		synctest.Wait()
		pass(8 * time.Second)
		fail(m, p, hosts[1], 2)
		pass(pause)
		if got := r.take(); got != "" {
			t.Errorf("after two failures: %s", got)
		}
		ejected := time.Now()
		fail(m, p, hosts[1], 1)
		synctest.Wait()
		if got, want := r.take(), "c/h1 out: 3 failures in a row"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		want := []Status{{Cluster: "c", Host: "h1", Ejected: true, Since: ejected, Until: ejected.Add(30 * time.Second), Reason: "3 failures in a row", Times: 1}}
		if diff := cmp.Diff(want, m.States()); diff != "" {
			t.Error(diff)
		}
		pass(time.Until(want[0].Until))
		synctest.Wait()
		if got := r.take(); got != "" {
			t.Errorf("between two looks: %s", got)
		}
		pass(10 * time.Second)
		synctest.Wait()
		if got, want := r.take(), "c/h1 in: after 31.995s"; got != want { // the looks are at 10 s, 20 s, ...
			t.Errorf("%q, want %q", got, want)
		}
		if s := m.States(); len(s) != 1 || s[0].Ejected || !s[0].Until.IsZero() || s[0].Times != 1 {
			t.Errorf("%+v", s)
		}
		m.Set("c", p, hosts[:1])
		pass(pause)
		synctest.Wait()
		if s := m.States(); s != nil {
			t.Errorf("%+v", s)
		}
	})
}

// TestClusters: each has its own interval and its own limit, and changing a cluster's
// hosts does not put off its next look.
func TestClusters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := start(t)
		every := func(d time.Duration) *Policy {
			return policy(func(c *config.OutlierDetection) {
				c.Interval = d
				c.EnforcingFailurePercentage, c.FailurePercentageMinimumHosts, c.FailurePercentageRequestVolume = 100, 1, 1
			})
		}
		slow, fast := every(10*time.Second), every(time.Second)
		a, b := targets(2), targets(2)
		m.Set("a", slow, a)
		m.Set("b", fast, b)
		synctest.Wait()
		rated(a[0], slow, 0, 1)
		rated(b[1], fast, 0, 1)
		pass(time.Second)
		synctest.Wait()
		if got, want := r.take(), "b/h1 out: 100.0 % of the requests failed"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		for range 89 {
			m.Set("a", slow, append([]Target(nil), a...))
			pass(100 * time.Millisecond)
		}
		if got := r.take(); got != "" {
			t.Errorf("too early: %s", got)
		}
		pass(100 * time.Millisecond)
		synctest.Wait()
		if got, want := r.take(), "a/h0 out: 100.0 % of the requests failed"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		// With a shorter interval, the next look is sooner.
		rated(a[1], slow, 0, 1)
		m.Set("a", every(2*time.Second), a)
		pass(2*time.Second + pause)
		synctest.Wait()
		if got, want := r.take(), "a/h1 out: 100.0 % of the requests failed"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// TestPolicyRemoved: ejections end with the policy, and failures that are noted by it
// do nothing any more.
func TestPolicyRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := start(t)
		p := policy(inARow)
		hosts := targets(3)
		m.Set("c", p, hosts)
		m.Set("never", nil, hosts)
		fail(m, p, hosts[0], 3)
		synctest.Wait()
		m.Set("c", nil, hosts)
		pass(pause)
		fail(m, p, hosts[1], 3)
		pass(time.Minute)
		synctest.Wait()
		if got, want := r.take(), "c/h0 out: 3 failures in a row; c/h0 in: outlier detection is off"; got != want || m.States() != nil {
			t.Errorf("%q, want %q; %+v", got, want, m.States())
		}
	})
}

// TestLatePolicy: a worker that still notes by an earlier policy is heard at the next
// look.
func TestLatePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := start(t)
		old, hosts := policy(inARow), targets(2)
		m.Set("c", old, hosts)
		pass(pause)
		m.Set("c", policy(inARow), hosts)
		pass(pause)
		fail(m, old, hosts[0], 3)
		pass(9 * time.Second)
		if got := r.take(); got != "" {
			t.Errorf("the old policy is looked at: %s", got)
		}
		pass(time.Second)
		synctest.Wait()
		if got, want := r.take(), "c/h0 out: 3 failures in a row"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// TestLimitIsTold: the log says once when the limit holds hosts in.
func TestLimitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := start(t)
		p := policy(func(c *config.OutlierDetection) { inARow(c); c.MaxEjectionPercent = 0 })
		hosts := targets(3)
		m.Set("c", p, hosts)
		lines := func() int {
			synctest.Wait()
			return strings.Count(r.log.String(), "\n")
		}
		for _, tt := range []struct{ failing, lines int }{{1, 0}, {3, 1}, {3, 1}, {1, 1}, {3, 2}} {
			for _, h := range hosts[:tt.failing] {
				fail(m, p, h, 3)
			}
			pass(10 * time.Second)
			if n := lines(); n != tt.lines {
				t.Errorf("%+v: %d lines: %s", tt, n, r.log.String())
			}
		}
		if log := r.log.String(); !strings.Contains(log, `max_ejection_percent of the cluster's hosts are" cluster=c ejected=1 hosts=3 times=2`) {
			t.Error(log)
		}
	})
}

// TestPause: hosts that fail all the time have the monitor look at most 200 times in
// a second.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		draws := 0
		m := New(Options{Report: func([]Change) {}, draw: func() float64 { draws++; return 1 }})
		defer m.Close()
		p := policy(inARow)
		hosts := targets(1)
		m.Set("c", p, hosts)
		for range 10_000 {
			fail(m, p, hosts[0], 3)
			pass(100 * time.Microsecond)
		}
		synctest.Wait()
		if draws < 150 || draws > 201 {
			t.Errorf("it has looked %d times", draws)
		}
	})
}

// TestReportMaySet: Report may call the monitor.
func TestReportMaySet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policy(inARow)
		hosts := targets(2)
		var m *Monitor
		ready := make(chan struct{})
		var got []Change
		m = New(Options{Report: func(news []Change) {
			<-ready
			got = append(got, news...)
			m.Set("c", nil, nil)
			m.States()
			m.Wake()
		}})
		close(ready)
		m.Set("c", p, hosts)
		fail(m, p, hosts[0], 3)
		pass(time.Second)
		m.Close()
		if want := "c/h0 out: 3 failures in a row; c/h0 in: outlier detection is off"; told(got) != want {
			t.Errorf("%q, want %q", told(got), want)
		}
	})
}

// TestClose: a monitor that is closed says nothing, whatever it is told.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, r := start(t)
		p := policy(inARow)
		hosts := targets(2)
		m.Set("c", p, hosts)
		pass(pause)
		m.Close()
		fail(m, p, hosts[0], 3)
		m.Set("d", p, hosts)
		pass(time.Hour)
		m.Close()
		if got := r.take(); got != "" || len(m.set) != 0 {
			t.Errorf("%q", got)
		}
	})
}

// TestRace: with workers, changes of the hosts and readers at the same time, no host
// that fails is lost out of sight.
func TestRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _ := start(t)
		hosts := targets(8)
		first := policy(inARow)
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				var locals [8]Local
				for n := range 5000 {
					h := (n + i) % len(hosts)
					if locals[h].Note(hosts[h].Counters, first, int64(n), Outcome(n%7)) {
						m.Wake()
					}
				}
			})
		}
		wg.Go(func() {
			for n := range 100 {
				m.Set("c", policy(inARow), append([]Target(nil), hosts[n%8:]...))
				m.States()
				pass(pause)
			}
		})
		wg.Wait()
		last := policy(inARow)
		m.Set("c", last, hosts)
		pass(pause)
		for _, h := range hosts {
			fail(m, last, h, 3)
		}
		pass(pause + 10*time.Second)
		synctest.Wait()
		out := 0
		for _, s := range m.States() {
			if s.Ejected {
				out++
			}
		}
		if out != len(hosts) {
			t.Errorf("%d hosts are ejected", out)
		}
	})
}
