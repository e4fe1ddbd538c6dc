package outlier

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// TestRowsEject: each row ejects with its own reason, is enforced by its own
// percentage, and begins anew.
func TestRowsEject(t *testing.T) {
	for _, tt := range []struct {
		name     string
		config   func(c *config.OutlierDetection)
		draw     float64
		outcomes string
		want     string
	}{
		{"failures", inARow, 0.99, "5gt", "c/h1 out: 3 failures in a row"},
		{"too few", inARow, 0, "5gs5g", ""},
		{"more came meanwhile", inARow, 0, "55555", "c/h1 out: 5 failures in a row"},
		{"a success came meanwhile", inARow, 0, "555s", "c/h1 out: 3 failures in a row"},
		{"enforced half of the times", func(c *config.OutlierDetection) { inARow(c); c.EnforcingConsecutive5xx = 50 }, 0.49, "555", "c/h1 out: 3 failures in a row"},
		{"not this time", func(c *config.OutlierDetection) { inARow(c); c.EnforcingConsecutive5xx = 50 }, 0.5, "555", ""},
		{"gateway failures", func(c *config.OutlierDetection) {
			c.ConsecutiveGatewayFailure, c.EnforcingConsecutiveGatewayFailure = 2, 100
		}, 0, "gf", "c/h1 out: 2 gateway failures in a row"},
		{"local failures", func(c *config.OutlierDetection) {
			c.SplitLocalOrigin, c.ConsecutiveLocalOriginFailure, c.EnforcingConsecutiveLocalOriginFailure = true, 2, 100
		}, 0, "tr", "c/h1 out: no answer 2 times in a row"},
		{"local failures are not split", func(c *config.OutlierDetection) {
			c.ConsecutiveLocalOriginFailure, c.EnforcingConsecutiveLocalOriginFailure = 2, 100
		}, 0, "tr", ""},
		{"two rules at once", func(c *config.OutlierDetection) {
			inARow(c)
			c.ConsecutiveGatewayFailure, c.EnforcingConsecutiveGatewayFailure = 3, 100
		}, 0, "ggg", "c/h1 out: 3 gateway failures in a row"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(policy(tt.config), targets(3), tt.draw)
			note(c, 1, tt.outcomes)
			c.suspects(begin)
			got := c.take()
			if told(got) != tt.want {
				t.Fatalf("%q, want %q", told(got), tt.want)
			}
			if h := c.hosts[1]; h.Counters.reached.Load() != 0 || c.policy.stirred.Load() {
				t.Error("it is suspect still")
			}
			if len(got) == 1 && (got[0].Counters != c.hosts[1].Counters || !got[0].Until.Equal(begin.Add(30*time.Second)) || got[0].Times != 1) {
				t.Errorf("%+v", got[0])
			}
			c.suspects(begin)
			if again := c.take(); again != nil {
				t.Errorf("and again: %s", told(again))
			}
		})
	}
}

// TestRates: each rule compares the hosts that had enough requests, if these are
// enough.
func TestRates(t *testing.T) {
	success := func(hosts int, volume uint32) func(c *config.OutlierDetection) {
		return func(c *config.OutlierDetection) {
			c.EnforcingSuccessRate, c.SuccessRateMinimumHosts, c.SuccessRateRequestVolume = 100, hosts, volume
		}
	}
	failure := func(hosts int, volume uint32, percent float64) func(c *config.OutlierDetection) {
		return func(c *config.OutlierDetection) {
			c.EnforcingFailurePercentage, c.FailurePercentageMinimumHosts, c.FailurePercentageRequestVolume = 100, hosts, volume
			c.FailurePercentageThreshold = percent
		}
	}
	good := [][2]int{{998, 2}, {998, 2}, {998, 2}, {998, 2}, {998, 2}, {998, 2}}
	with := func(last ...[2]int) [][2]int { return append(good[:len(good):len(good)], last...) }
	for _, tt := range []struct {
		name   string
		config func(c *config.OutlierDetection)
		hosts  [][2]int // good and bad
		want   string
	}{
		{"success", success(5, 100), with([2]int{621, 379}), "c/h6 out: success rate 62.1 %, others 99.8 %"},
		{"all the same", success(5, 100), good, ""},
		{"all bad", success(2, 1), [][2]int{{1, 9}, {1, 9}, {1, 9}, {1, 9}, {1, 9}, {1, 9}}, ""},
		{"too few requests of it", success(5, 100), with([2]int{62, 37}), ""},
		{"enough requests of it", success(5, 99), with([2]int{62, 37}), "c/h6 out: success rate 62.6 %, others 99.8 %"},
		{"too few hosts", success(8, 100), with([2]int{0, 1000}), ""},
		{"too few hosts with enough requests", success(7, 1000), with([2]int{0, 999}), ""},
		{"idle hosts do not count", success(8, 0), with([2]int{0, 1000}, [2]int{}), ""},
		{"one host cannot be worse", success(1, 1), [][2]int{{0, 1000}}, ""},
		{"50, 100, 100, 100, 100 has its threshold at 52", success(5, 100), [][2]int{{50, 50}, {100, 0}, {100, 0}, {100, 0}, {100, 0}},
			"c/h0 out: success rate 50.0 %, others 100.0 %"},
		{"with twice the deviation at 50", func(c *config.OutlierDetection) { success(5, 100)(c); c.SuccessRateStdevFactor = 2000 },
			[][2]int{{50, 50}, {100, 0}, {100, 0}, {100, 0}, {100, 0}}, ""},
		{"the worst first", func(c *config.OutlierDetection) {
			success(5, 100)(c)
			c.SuccessRateStdevFactor = 500
			c.MaxEjectionPercent = 30
		},
			with([2]int{702, 298}, [2]int{500, 500}, [2]int{600, 400}),
			"c/h7 out: success rate 50.0 %, others 91.1 %; c/h8 out: success rate 60.0 %, others 89.9 %"},
		{"failure", failure(5, 50, 85), with([2]int{15, 85}), "c/h6 out: 85.0 % of the requests failed"},
		{"not enough failures", failure(5, 50, 85), with([2]int{16, 84}), ""},
		{"all that fail", failure(2, 1, 50), [][2]int{{4, 6}, {0, 9}}, "c/h1 out: 100.0 % of the requests failed; c/h0 out: 60.0 % of the requests failed"},
		{"failure, too few requests", failure(5, 101, 85), with([2]int{0, 100}), ""},
		{"failure, too few hosts", failure(8, 50, 85), with([2]int{0, 100}), ""},
		{"both", func(c *config.OutlierDetection) { success(5, 100)(c); failure(5, 50, 30)(c) }, with([2]int{621, 379}),
			"c/h6 out: success rate 62.1 %, others 99.8 %"},
		{"not enforced this time", func(c *config.OutlierDetection) {
			success(5, 100)(c)
			failure(5, 50, 30)(c)
			c.EnforcingSuccessRate, c.EnforcingFailurePercentage = 9, 9
		}, with([2]int{621, 379}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			hosts := targets(len(tt.hosts))
			c := newCluster(policy(tt.config), hosts, 0.1)
			for i, n := range tt.hosts {
				rated(hosts[i], c.policy, n[0], n[1])
			}
			c.suspects(begin)
			if got := c.take(); got != nil {
				t.Errorf("before the interval is over: %s", told(got))
			}
			c.look(begin)
			if got := told(c.take()); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
			for _, h := range c.hosts {
				c.out -= map[bool]int{true: 1}[h.out]
				h.out = false
			}
			c.look(begin)
			if got := c.take(); got != nil {
				t.Errorf("an interval counts twice: %s", told(got))
			}
		})
	}
}

// TestOutDoesNotCount: requests to a host that is ejected say nothing, not even in
// the interval in which it comes back.
func TestOutDoesNotCount(t *testing.T) {
	hosts := targets(3)
	c := newCluster(policy(func(c *config.OutlierDetection) {
		inARow(c)
		c.EnforcingFailurePercentage, c.FailurePercentageMinimumHosts, c.FailurePercentageRequestVolume = 100, 1, 1
	}), hosts, 0)
	note(c, 0, "555")
	c.suspects(begin)
	for s := 10; s < 30; s += 10 {
		note(c, 0, "555555")
		c.suspects(begin)
		c.look(begin.Add(time.Duration(s) * time.Second))
	}
	note(c, 0, "55")
	c.look(begin.Add(30 * time.Second))
	if got, want := told(c.take()), "c/h0 out: 3 failures in a row; c/h0 in: after 30s"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	note(c, 0, "5")
	c.suspects(begin.Add(31 * time.Second))
	if got := c.take(); got != nil {
		t.Errorf("a row goes on over an ejection: %s", told(got))
	}
	c.look(begin.Add(40 * time.Second))
	if got, want := told(c.take()), "c/h0 out: 100.0 % of the requests failed"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestLimit: no more hosts than the percentage are ejected, but one always may be.
func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		hosts   int
		percent float64
		want    int
	}{
		{10, 10, 1}, {10, 19, 1}, {10, 20, 2}, {10, 0, 1}, {10, 100, 10}, {1, 0, 1}, {1, 100, 1}, {3, 50, 1}, {3, 66.6, 1}, {3, 66.7, 2}, {100, 12.5, 12},
	} {
		c := newCluster(policy(func(c *config.OutlierDetection) { inARow(c); c.MaxEjectionPercent = tt.percent }), targets(tt.hosts), 0)
		for i := range c.hosts {
			note(c, i, "555")
		}
		c.suspects(begin)
		if n := len(c.take()); n != tt.want || c.out != n || c.spared != tt.hosts-n {
			t.Errorf("%+v: %d are ejected, %d spared", tt, n, c.spared)
		}
	}
}

// TestBackOff: an ejection takes longer each time, up to a maximum, and less again
// for each interval in between.
func TestBackOff(t *testing.T) {
	for _, tt := range []struct {
		name   string
		jitter time.Duration
		quiet  []int // intervals between an ejection's end and the next
		want   []time.Duration
	}{
		{"grows", 0, []int{0, 0, 0, 0, 0, 0}, []time.Duration{30, 60, 90, 100, 100, 100}},
		{"shrinks", 0, []int{0, 0, 1, 2, 0, 9}, []time.Duration{30, 60, 90, 90, 60, 90}},
		{"stays at the first", 0, []int{1, 1, 5, 9}, []time.Duration{30, 30, 30, 30}},
		{"shrinks from the maximum at once", 0, []int{0, 0, 0, 0, 0, 2, 0}, []time.Duration{30, 60, 90, 100, 100, 100, 90}},
		{"jitter", 8 * time.Second, []int{0, 0, 0, 0}, []time.Duration{34, 64, 94, 104}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(policy(func(c *config.OutlierDetection) {
				inARow(c)
				c.MaxEjectionTime, c.MaxEjectionTimeJitter = 100*time.Second, tt.jitter
			}), targets(2), 0.5)
			now := begin
			var got []time.Duration
			for i, quiet := range tt.quiet {
				note(c, 0, "555")
				c.suspects(now)
				h := c.hosts[0]
				if !h.out || h.times != i+1 {
					t.Fatalf("it is not ejected for the time %d", i+1)
				}
				got = append(got, h.until.Sub(now)/time.Second)
				for end := h.until; h.out; now = now.Add(10 * time.Second) {
					if c.look(now); h.out != now.Before(end) {
						t.Fatalf("out is %v %v after the end", h.out, now.Sub(end))
					}
				}
				now = now.Add(-10 * time.Second)
				for range quiet {
					now = now.Add(10 * time.Second)
					c.look(now)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSet: what is known of a host is known as long as it is the same one.
func TestSet(t *testing.T) {
	hosts := targets(4)
	p := policy(inARow)
	c := newCluster(p, hosts, 0)
	for i := range 3 {
		note(c, i, "555")
	}
	c.suspects(begin)
	c.take()
	renewed := Target{Host: "h1", Counters: &Counters{}}
	c.set(p, []Target{hosts[0], renewed, hosts[3], hosts[0]}, begin)
	if got, want := told(c.take()), "c/h1 in: it is a new host"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if len(c.hosts) != 3 || c.out != 1 || !c.hosts[0].out || c.hosts[1].times != 0 {
		t.Errorf("%d of %d hosts are ejected", c.out, len(c.hosts))
	}
	c.set(policy(inARow), hosts, begin) // h2 is there again
	if got := c.take(); got != nil || c.hosts[2].out || !c.hosts[0].out {
		t.Errorf("%q", told(got))
	}
	c.stop(begin)
	if got, want := told(c.take()), "c/h0 in: outlier detection is off"; got != want || c.out != 0 {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestPolicyTimes: settings that contradict each other are made to agree.
func TestPolicyTimes(t *testing.T) {
	for _, tt := range []struct{ interval, base, longest, wantInterval, wantLongest time.Duration }{
		{time.Second, time.Minute, time.Hour, time.Second, time.Hour},
		{0, time.Minute, time.Second, 10 * time.Second, time.Minute},
		{1, 0, 0, time.Millisecond, 0},
	} {
		p := policy(func(c *config.OutlierDetection) {
			c.Interval, c.BaseEjectionTime, c.MaxEjectionTime = tt.interval, tt.base, tt.longest
		})
		if p.interval != tt.wantInterval || p.longest != tt.wantLongest {
			t.Errorf("%+v: %v, %v", tt, p.interval, p.longest)
		}
	}
}

// TestInvariants: whatever happens, the changes that are told are the state, no more
// hosts are out than may be, and all come back in time.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.SampledFrom([]float64{0, 10, 34, 100}).Draw(t, "percent")
		p := policy(func(c *config.OutlierDetection) {
			inARow(c)
			c.EnforcingConsecutive5xx = 60
			c.EnforcingFailurePercentage, c.FailurePercentageMinimumHosts, c.FailurePercentageRequestVolume = 60, 2, 1
			c.EnforcingSuccessRate, c.SuccessRateMinimumHosts, c.SuccessRateRequestVolume, c.SuccessRateStdevFactor = 60, 2, 1, 500
			c.MaxEjectionPercent, c.MaxEjectionTimeJitter = percent, time.Second
		})
		c := &cluster{name: "c", draw: func() float64 { return rapid.Float64Range(0, 0.999).Draw(t, "draw") }}
		all, now, told := targets(12), begin, make(map[string]bool)
		c.set(p, all[:6], now)
		t.Repeat(map[string]func(*rapid.T){
			"note": func(t *rapid.T) {
				h := rapid.IntRange(0, len(c.hosts)-1).Draw(t, "host")
				note(c, h, rapid.StringOfN(rapid.SampledFrom([]rune("sc5gfrt555")), 1, 10, -1).Draw(t, "outcomes"))
			},
			"suspects": func(*rapid.T) { c.suspects(now) },
			"look": func(*rapid.T) {
				now = now.Add(p.interval)
				c.look(now)
				for _, h := range c.hosts {
					if h.out && !now.Before(h.until) {
						t.Fatalf("%s is out for too long", h.Host)
					}
				}
			},
			"set": func(t *rapid.T) {
				from := rapid.IntRange(0, 5).Draw(t, "from")
				c.set(p, all[from:from+rapid.IntRange(1, 7).Draw(t, "hosts")], now)
			},
			"": func(t *rapid.T) {
				before, out := 0, 0
				for _, was := range told {
					before += map[bool]int{true: 1}[was]
				}
				for _, change := range c.take() {
					if told[change.Host] == change.Ejected {
						t.Fatalf("%+v is no change", change)
					}
					told[change.Host] = change.Ejected
				}
				for host := range told {
					if c.known[host] == nil {
						delete(told, host) // it went without a word
					}
				}
				for _, h := range c.hosts {
					if h.out != told[h.Host] {
						t.Fatalf("%s is out: %v", h.Host, h.out)
					}
					out += map[bool]int{true: 1}[h.out]
				}
				if out != c.out || out > before && out > max(1, int(percent*float64(len(c.hosts))/100)) {
					t.Fatalf("%d of %d are out, before there were %d; counted %d", out, len(c.hosts), before, c.out)
				}
			},
		})
	})
}

// BenchmarkLook is what an interval of a large cluster costs the monitor.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := newCluster(policy(func(c *config.OutlierDetection) { c.EnforcingSuccessRate = 100 }), targets(n), 0)
			for b.Loop() {
				for _, h := range c.hosts {
					h.Counters.good.Store(1000)
				}
				c.look(begin)
			}
		})
	}
}
