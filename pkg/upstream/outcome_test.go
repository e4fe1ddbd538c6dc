package upstream

import (
	"math"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// measured runs a worker with n hosts of LB_PEAK_EWMA.
func measured(t testing.TB, n int, change func(c *config.LBConfig)) *worker {
	cfg := weighted(config.LBPeakEWMA, same(n, 1)...)
	cfg.LBConfig.DecayTime, cfg.LBConfig.DefaultDuration = 10*time.Second, 10*time.Millisecond
	if change != nil {
		change(&cfg.LBConfig)
	}
	return one(t, cfg)
}

func (w *worker) done(host int, took time.Duration, o outlier.Outcome) {
	w.t.Helper()
	w.on(func() { w.cluster().host(int32(host)).Done(took, o) })
}

func (w *worker) cost(host int) (d time.Duration) {
	w.t.Helper()
	w.on(func() { d = time.Duration(w.cluster().cost(int32(host))) })
	return d
}

func about(got, want time.Duration) bool {
	return math.Abs(float64(got-want)) <= 0.05*float64(want)
}

// TestPeak: a slow answer counts at once, fast ones little by little, as time goes by.
func TestPeak(t *testing.T) {
	w := measured(t, 2, nil)
	if d := w.cost(0); d != 10*time.Millisecond {
		t.Errorf("nothing is known, and the cost is %v", d)
	}
	w.done(0, 20*time.Millisecond, outlier.Success)
	w.done(0, 500*time.Millisecond, outlier.Success)
	w.on(func() {
		if got := w.cluster().host(0).ewma.latency; got != float64(500*time.Millisecond) {
			t.Errorf("after a slow answer it is %v", time.Duration(got))
		}
	})
	for range 5 { // they come at once, and so say little
		w.done(0, time.Millisecond, outlier.Success)
	}
	if d := w.cost(0); d < 450*time.Millisecond {
		t.Errorf("after some fast answers the cost is %v", d)
	}
	w.forward(10 * time.Second)
	w.done(0, time.Millisecond, outlier.Success)
	if d := w.cost(0); d < 140*time.Millisecond || d > 200*time.Millisecond { // 500 ms / e
		t.Errorf("after the time of decay it is %v", d)
	}
	w.forward(100 * time.Second)
	w.done(0, time.Millisecond, outlier.Success)
	if d := w.cost(0); !about(d, time.Millisecond) {
		t.Errorf("much later it is %v", d)
	}
}

// TestCostOfErrors: hosts that fail cost more, by how much their failures weigh.
func TestCostOfErrors(t *testing.T) {
	w := measured(t, 4, func(c *config.LBConfig) { c.ClientErrorBias, c.ServerErrorBias = 0.5, 0.9 })
	for i, o := range []outlier.Outcome{outlier.Success, outlier.ClientError, outlier.GatewayError, outlier.TimedOut} {
		w.forward(time.Hour) // so that one counts for all
		w.done(i, time.Millisecond, o)
		want := []time.Duration{time.Millisecond, 2 * time.Millisecond, 10 * time.Millisecond, 10 * time.Millisecond}[i]
		if d := w.cost(i); !about(d, want) {
			t.Errorf("after %v the cost is %v, want %v", o, d, want)
		}
	}
	w = measured(t, 1, nil)
	w.forward(time.Hour)
	w.done(0, time.Millisecond, outlier.ServerError)
	if d := w.cost(0); !about(d, time.Millisecond) {
		t.Errorf("without a bias a failure makes the cost %v", d)
	}
}

// TestNoHostIsForgotten: one that was slow, or failed, is asked again after a while,
// and so is one of which nothing is known.
func TestNoHostIsForgotten(t *testing.T) {
	w := measured(t, 4, func(c *config.LBConfig) { c.ServerErrorBias = 1 })
	for range 100 {
		w.done(0, time.Millisecond, outlier.Success)
		w.done(1, time.Millisecond, outlier.Success)
	}
	w.done(1, 3*time.Second, outlier.Success)
	w.done(2, time.Millisecond, outlier.ServerError)
	picks := func() (got [4]int) {
		w.on(func() {
			for range 1000 {
				h := w.cluster().Pick(new(Choice))
				got[h.Slot]++
			}
		})
		return got
	}
	if got := picks(); got[1] > 0 {
		t.Errorf("the slow one is chosen: %v", got)
	} else if got[3] == 0 {
		t.Errorf("the unknown one is not chosen: %v", got)
	}
	w.forward(5 * time.Minute)
	w.done(0, time.Millisecond, outlier.Success)
	if got := picks(); got[1] == 0 || got[2] == 0 || got[3] == 0 {
		t.Errorf("after a while they are chosen %v times", got)
	}
}

// TestSuspect: workers count outcomes together, and who has counted the last failure
// of a row wakes the monitor.
func TestSuspect(t *testing.T) {
	ws := newWorkers(t, 2)
	suspects := 0 // both workers are asked by the test, one after the other
	for _, w := range ws {
		w.on(func() { w.m.env.Suspect = func() { suspects++ } })
	}
	cfg := cluster(func(c *config.Cluster) {
		o := config.Default[config.OutlierDetection]()
		o.Consecutive5xx = 4
		c.OutlierDetection = &o
	}, address(0), address(1))
	s := apply(t, ws, nil, cfg)
	fail := func(worker int, o outlier.Outcome) { ws[worker].done(0, time.Millisecond, o) }
	fail(0, outlier.ServerError)
	fail(1, outlier.ConnectFailed)
	fail(0, outlier.TimedOut)
	fail(1, outlier.Success)
	ws[0].done(1, 0, outlier.Reset) // another host
	for i := range 3 {
		fail(i%2, outlier.GatewayError)
	}
	if suspects != 0 {
		t.Errorf("%d suspects, before there were enough failures in a row", suspects)
	}
	fail(1, outlier.ServerError)
	if suspects != 1 {
		t.Errorf("%d suspects after four failures in a row, want 1", suspects)
	}
	cfg.OutlierDetection = nil
	apply(t, ws, s, cfg)
	for range 10 {
		fail(0, outlier.ServerError)
	}
	if suspects != 1 {
		t.Error("hosts are suspected although none is ejected")
	}
}

func TestDoneDoesNotAllocate(t *testing.T) {
	s := newStill(t)
	for _, lb := range balancers {
		cfg := weighted(lb, 1, 1)
		o := config.Default[config.OutlierDetection]()
		cfg.OutlierDetection = &o
		c := s.manager(t, cfg).At(0)
		h := c.host(0)
		for _, o := range []outlier.Outcome{outlier.Success, outlier.ServerError, outlier.TimedOut} {
			if n := testing.AllocsPerRun(100, func() { h.Done(time.Millisecond, o) }); n != 0 {
				t.Errorf("%s: %v allocations", lb, n)
			}
		}
	}
}
