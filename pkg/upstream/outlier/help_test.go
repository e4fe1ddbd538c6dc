package outlier

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// policy makes a policy that enforces nothing but what change says.
func policy(change func(c *config.OutlierDetection)) *Policy {
	c := config.Default[config.OutlierDetection]()
	c.EnforcingConsecutive5xx, c.EnforcingConsecutiveLocalOriginFailure, c.EnforcingSuccessRate = 0, 0, 0
	c.MaxEjectionPercent = 100
	change(&c)
	return NewPolicy(&c)
}

// inARow ejects after three failures in a row.
func inARow(c *config.OutlierDetection) { c.Consecutive5xx, c.EnforcingConsecutive5xx = 3, 100 }

// targets makes hosts that are called h0, h1, ...
func targets(n int) []Target {
	all := make([]Target, n)
	for i := range all {
		all[i] = Target{Host: fmt.Sprintf("h%d", i), Counters: &Counters{}}
	}
	return all
}

// begin is when the clusters of tests begin.
var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// newCluster makes a cluster whose draws are all the same.
func newCluster(p *Policy, hosts []Target, draw float64) *cluster {
	c := &cluster{name: "c", draw: func() float64 { return draw }}
	c.set(p, hosts, begin)
	return c
}

// outcomes are named by letters.
var outcomes = map[rune]Outcome{
	's': Success, 'c': ClientError, '5': ServerError, 'g': GatewayError, 'f': ConnectFailed, 'r': Reset, 't': TimedOut,
}

// note has a host give the outcomes.
func note(c *cluster, host int, of string) {
	for _, o := range of {
		c.hosts[host].Counters.Note(c.policy, outcomes[o])
	}
}

// rated has a host give a number of successes and failures.
func rated(h Target, p *Policy, good, bad int) {
	for range bad {
		h.Counters.Note(p, ServerError)
	}
	for range good {
		h.Counters.Note(p, Success)
	}
}

// told renders changes.
func told(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		if c.Ejected {
			fmt.Fprintf(&b, "%s/%s out: %s", c.Cluster, c.Host, c.Reason)
		} else {
			fmt.Fprintf(&b, "%s/%s in: %s", c.Cluster, c.Host, c.Reason)
		}
	}
	return b.String()
}

// records keeps what a monitor says.
type records struct {
	mu      sync.Mutex
	changes []Change
	log     bytes.Buffer
}

func (r *records) report(changes []Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, changes...)
}

// take renders the changes since the last call.
func (r *records) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes := r.changes
	r.changes = nil
	return told(changes)
}

// start runs a monitor whose draws are 0.
func start(t *testing.T) (*Monitor, *records) {
	r := &records{}
	m := New(Options{Report: r.report, Log: slog.New(slog.NewTextHandler(&r.log, nil)), draw: func() float64 { return 0 }})
	t.Cleanup(m.Close)
	return m, r
}

// pass lets the fake time of a test go by.
func pass(d time.Duration) { <-time.After(d) }
