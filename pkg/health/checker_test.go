package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
)

// TestThresholds: the first answer decides at once, and then as many in a row as the
// thresholds say.
func TestThresholds(t *testing.T) {
	for _, tt := range []struct {
		rise, fall int
		answers    string // + good, - bad
		states     string // after each: h, u
	}{
		{1, 1, "+-+--++", "huhuuhh"},
		{1, 1, "-+", "uh"},
		{3, 1, "-++-+++-", "uuuuuuhu"},
		{1, 3, "+--+---+", "hhhhhhuh"},
		{2, 3, "---++--+---", "uuuuhhhhhhu"},
		{3, 3, "+", "h"},
	} {
		check := newCheck(t, config.CheckTCP, func(c *config.HealthCheck) { c.HealthyThreshold, c.UnhealthyThreshold = tt.rise, tt.fall })
		c := &checked{Target: target("c", "h", check)}
		states, last, now := "", Unknown, time.Time{}
		for _, a := range tt.answers {
			var err error
			if now = now.Add(time.Second); a == '-' {
				err = errors.New("bad")
			}
			changed := c.record(now, err)
			if changed != (c.status.State != last) || changed != c.status.Since.Equal(now) {
				t.Errorf("%+v: %q: changed is %v, since %v", tt, states, changed, c.status.Since)
			}
			last = c.status.State
			states += last.String()[:1]
			if (c.status.Reason == "bad") != (err != nil) || !c.status.Checked.Equal(now) {
				t.Errorf("%+v: %q: %+v", tt, states, c.status)
			}
		}
		if states != tt.states || c.status.Checks != uint64(len(tt.answers)) || c.status.Failed != uint64(strings.Count(tt.answers, "-")) {
			t.Errorf("%+v: the states are %q, %+v", tt, states, c.status)
		}
	}
}

// TestTimes: a host is asked first within a second after the delay, and then as
// often as its state says.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		h := &hosts{handler: answering(func(int, int, string) string {
			if down.Load() {
				return "" // ends the connection
			}
			return ok
		})}
		c, r, stop := start(h, nil)
		defer stop()
		begin := time.Now()
		check := newCheck(t, config.CheckHTTP1, func(c *config.HealthCheck) {
			c.InitialDelay, c.Interval, c.UnhealthyInterval = 10*time.Second, 30*time.Second, 5*time.Second
		})
		c.Apply([]Target{target("c", "h:80", check)})
		pass(10*time.Second - 1)
		synctest.Wait()
		if h.dials() != 0 {
			t.Error("it is asked before the delay is over")
		}
		pass(time.Second + 1)
		synctest.Wait()
		if h.dials() != 1 || c.States()[0].State != Healthy {
			t.Errorf("a second later it is %+v", c.States())
		}
		first := h.at[0].Sub(begin)
		down.Store(true)
		pass(first + 30*time.Second - time.Since(begin) - 1)
		synctest.Wait()
		if got := r.take(); c.States()[0].Checks != 1 || got != nil {
			t.Errorf("it is asked again too early, %v", got)
		}
		pass(1 + lookTime)
		synctest.Wait()
		if got := r.take(); !cmp.Equal(got, []Change{{"c", "h:80", false}}) {
			t.Errorf("the report is %v", got)
		}
		pass(5*time.Second + lookTime)
		synctest.Wait()
		if s := c.States()[0]; s.Checks != 3 || s.Failed != 2 {
			t.Errorf("while it is not well: %+v", s)
		}
		down.Store(false)
		pass(5*time.Second + lookTime)
		synctest.Wait()
		if got := r.take(); !cmp.Equal(got, []Change{{"c", "h:80", true}}) {
			t.Errorf("the report is %v", got)
		}
		log := r.text()
		if !strings.Contains(log, `msg="a host is not well" cluster=c host=h:80 reason="http1: the connection ended before the response began"`) ||
			!strings.Contains(log, `msg="a host is well again" cluster=c host=h:80`) || strings.Count(log, "\n") != 2 {
			t.Errorf("the log is\n%s", log)
		}
	})
}

// TestSpread: many hosts that come at once are not asked at once.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{handler: func(net.Conn, int) {}}
		c, _, stop := start(h, nil)
		defer stop()
		check := newCheck(t, config.CheckTCP, nil)
		var targets []Target
		for i := range 1000 {
			targets = append(targets, target("c", fmt.Sprint(i), check))
		}
		begin := time.Now()
		c.Apply(targets)
		pass(time.Second)
		synctest.Wait()
		var by [20]int
		for _, at := range h.at {
			by[min(int(at.Sub(begin)/(50*time.Millisecond)), len(by)-1)]++
		}
		for _, n := range by {
			if n == 0 || n > 150 { // 50 are expected
				t.Fatalf("checks in each 50 ms: %v", by)
			}
		}
		if len(h.at) != 1000 {
			t.Errorf("%d checks in the first second", len(h.at))
		}
	})
}

// TestRunning: no more checks are under way than may be, and all have their turn.
func TestRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{handler: silent}
		var now, most atomic.Int64
		c, _, stop := start(h, func(o *Options) {
			o.Running = 4
			o.dial = func(ctx context.Context, addr netip.AddrPort, mark uint32) (net.Conn, error) {
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				conn, err := h.dial(ctx, addr, mark)
				return closing{conn, func() { now.Add(-1) }}, err
			}
		})
		defer stop()
		check := newCheck(t, config.CheckHTTP1, nil)
		var targets []Target
		for i := range 40 {
			targets = append(targets, target("c", fmt.Sprintf("h%d:80", i), check))
		}
		c.Apply(targets)
		pass(12 * time.Second) // each takes a second, and four run at a time
		synctest.Wait()
		for _, s := range c.States() {
			if s.State != Unhealthy || s.Checks != 1 || s.Reason != "no answer within 1s" {
				t.Errorf("%+v", s)
			}
		}
		if most.Load() != 4 {
			t.Errorf("%d checks were under way at a time", most.Load())
		}
	})
}

// closing tells when a connection is closed.
type closing struct {
	net.Conn
	closed func()
}

func (c closing) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestApply: what is known stays known for the same host with the same check, and
// goes with everything else.
func TestApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{handler: answering(func(int, int, string) string { return "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n" })}
		c, r, stop := start(h, nil)
		defer stop()
		makeCheck := func() *Check { return newCheck(t, config.CheckHTTP1, nil) }
		check := makeCheck()
		c.Apply([]Target{target("c", "kept:80", check), target("c", "moved:80", check), target("c", "changed:80", check),
			target("c", "removed:80", check), target("c", "kept:80", check)})
		pass(time.Second)
		synctest.Wait()
		if got := r.take(); len(got) != 4 {
			t.Errorf("four hosts are not well, and the report is %v", got)
		}
		kept := c.States()[1]
		moved := target("c", "moved:80", makeCheck())
		moved.Addr = netip.MustParseAddrPort("192.0.2.2:80")
		other := newCheck(t, config.CheckHTTP1, func(c *config.HealthCheck) { c.Interval = time.Minute })
		c.Apply([]Target{target("c", "kept:80", makeCheck()), moved, target("c", "changed:80", other), target("d", "kept:80", makeCheck())})
		want := map[Change]int{
			{"c", "kept:80", false}: 1, {"c", "moved:80", true}: 1, {"c", "changed:80", true}: 1, {"c", "removed:80", true}: 1,
		}
		got := make(map[Change]int)
		for _, change := range r.take() {
			got[change]++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		states := make(map[string]State)
		for _, s := range c.States() {
			states[s.Cluster+" "+s.Host] = s.State
		}
		if diff := cmp.Diff(map[string]State{"c kept:80": Unhealthy, "c moved:80": Unknown, "c changed:80": Unknown, "d kept:80": Unknown}, states); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(kept, c.States()[1]); diff != "" {
			t.Error(diff)
		}
		c.Apply(nil)
		if got := c.States(); len(got) != 0 {
			t.Errorf("there are %v", got)
		}
		if got := r.take(); !cmp.Equal(got, []Change{{"c", "kept:80", true}}) {
			t.Errorf("the report is %v", got)
		}
		before := h.dials()
		pass(time.Hour)
		if n := h.dials(); n != before {
			t.Errorf("hosts that are gone are asked %d times", n-before)
		}
	})
}

// TestEndsAtOnce: a check under way ends when its host is removed, or everything.
func TestEndsAtOnce(t *testing.T) {
	for name, end := range map[string]func(c *Checker){
		"removed": func(c *Checker) { c.Apply(nil) },
		"closed":  (*Checker).Close,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hosts{handler: silent}
				c, r, stop := start(h, nil)
				defer stop()
				check := newCheck(t, config.CheckHTTP1, func(c *config.HealthCheck) { c.Timeout = time.Hour })
				c.Apply([]Target{target("c", "h:80", check), target("c", "i:80", check)})
				pass(2 * time.Second)
				synctest.Wait()
				if h.dials() != 2 {
					t.Fatalf("%d connections", h.dials())
				}
				begin := time.Now()
				end(c)
				h.wg.Wait() // their handlers end when the connections do
				if d := time.Since(begin); d != 0 {
					t.Errorf("the checks go on for %v", d)
				}
				if got := r.take(); got != nil {
					t.Errorf("the report is %v", got)
				}
			})
		})
	}
}

// TestClose: a checker that is closed asks nobody, whatever it is told.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{handler: answering(func(int, int, string) string { return ok })}
		c, r, stop := start(h, nil)
		check := newCheck(t, config.CheckHTTP1, nil)
		c.Apply([]Target{target("c", "h:80", check)})
		pass(time.Second)
		stop()
		c.Apply([]Target{target("c", "i:80", check)})
		pass(time.Minute)
		c.Close()
		if h.dials() != 1 || r.take() != nil {
			t.Errorf("%d connections", h.dials())
		}
	})
}

// TestPanic: a mistake in a check is a bad answer.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hosts{}
		c, r, stop := start(h, func(o *Options) {
			o.dial = func(context.Context, netip.AddrPort, uint32) (net.Conn, error) { panic("a mistake") }
		})
		defer stop()
		c.Apply([]Target{target("c", "h:80", newCheck(t, config.CheckTCP, nil))})
		pass(20 * time.Second)
		synctest.Wait()
		if s := c.States()[0]; s.State != Unhealthy || s.Checks != 2 || s.Reason != "the check panicked: a mistake" {
			t.Errorf("%+v", s)
		}
		if log := r.text(); strings.Count(log, "a health check panicked") != 2 || !strings.Contains(log, "session.go") {
			t.Errorf("the log is\n%s", log)
		}
	})
}
