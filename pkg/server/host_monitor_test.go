package server

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
)

// one host of a cluster as it is shown.
func (w *weir) host(cluster, address string) admin.Host {
	if c := w.seen(cluster); c != nil {
		for _, h := range c.Hosts {
			if h.Address == address {
				return h
			}
		}
	}
	return admin.Host{}
}

// A reload adds a health check, changes it and takes it away, and the hosts follow.
func TestHealthCheckByReload(t *testing.T) {
	one := newBackend(t, "one")
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := ln.Addr().String()
	ln.Close()
	w := newWeir(t, setup{clusters: found("up", "")})
	w.sources.knows("up", one.at, dead)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	w.shows("up", one.at+"=healthy", dead+"=healthy")
	const check = `"health_check": {"protocol": "Http1", "interval": "5ms", "unhealthy_threshold": 1, "healthy_threshold": 1}`
	w.reload(setup{clusters: found("up", check)})
	w.shows("up", one.at+"=healthy", dead+"=unhealthy")
	if h := w.host("up", dead); !strings.HasPrefix(h.Why, "failed health check ") || h.Checks == 0 || h.ChecksFailed == 0 || h.WeightNow != 0 || h.Since.IsZero() {
		t.Errorf("it is shown as %+v", h)
	}
	if states := w.Health(); len(states) != 2 {
		t.Errorf("the checks are %+v", states)
	}
	w.sources.deliver("up", one.at) // which is all
	w.sources.deliver("up", one.at, dead)
	w.shows("up", one.at+"=healthy", dead+"=unhealthy")
	w.reload(setup{clusters: strings.Replace(found("up", check), `"path": "/up"`, `"path": "/elsewhere"`, 1)})
	w.shows("up", one.at+"=healthy", dead+"=unhealthy") // of another source
	w.reload(setup{clusters: found("up", "")})
	w.shows("up", one.at+"=healthy", dead+"=healthy")
	if states := w.Health(); len(states) != 0 {
		t.Errorf("the checks are %+v", states)
	}
	wantEvents(t, w, "unhealthy "+dead, "removed "+dead, "added "+dead, "unhealthy "+dead)
}

// A host that answers with errors is ejected, shown with the reason and the time, and
// comes back.
func TestEjection(t *testing.T) {
	one, two := newBackend(t, "one"), newBackend(t, "two")
	one.fails.Store(true)
	up := func(base string) setup {
		return setup{clusters: found("up", `"outlier_detection": {"consecutive_5xx": 3, "interval": "10ms", "base_ejection_time": "`+base+
			`", "max_ejection_time": "2h", "enforcing_consecutive_gateway_failure": 0, "max_ejection_percent": 50}`)}
	}
	w := newWeir(t, up("1h"))
	w.sources.knows("up", one.at, two.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	fail := func() {
		t.Helper()
		c := client(t)
		eventually(t, "it is ejected", func() error {
			w.get(c, "/", "")
			if h := w.host("up", one.at); h.State != admin.StateEjected {
				return fmt.Errorf("it is shown as %+v", h)
			}
			return nil
		})
	}
	fail()
	h := w.host("up", one.at)
	if until := time.Until(h.EjectedUntil); until < 30*time.Minute || until > time.Hour || !strings.Contains(h.Why, "(1st time): ") || h.WeightNow != 0 || h.Failed < 3 {
		t.Errorf("it is shown as %+v", h)
	}
	for range 10 {
		if got := w.get(client(t), "/", ""); got != "200 two" {
			t.Errorf("a request gets %q", got)
		}
	}
	w.reload(up("2h")) // an ejection that has begun keeps its time
	if again := w.host("up", one.at); !again.EjectedUntil.Equal(h.EjectedUntil) {
		t.Errorf("after a reload it is shown as %+v", again)
	}
	w.reload(setup{clusters: found("up", "")})
	w.shows("up", one.at+"=healthy", two.at+"=healthy")
	w.reload(up("1ms"))
	fail()
	one.fails.Store(false)
	w.shows("up", one.at+"=healthy", two.at+"=healthy")
	wantEvents(t, w, "ejected "+one.at, "returned "+one.at, "ejected "+one.at, "returned "+one.at)
}

// Members that others replace do nothing any more by themselves, and nobody keeps
// them.
func TestReplacedMembers(t *testing.T) {
	one := newBackend(t, "one")
	with := func(path string) setup {
		c := found("up", `"slow_start": {"mode": "duration", "slow_start_duration": "1h"}`)
		return setup{clusters: strings.Replace(c, `"path": "/up"`, `"path": "`+path+`"`, 1) + "," + found("local", ""), manager: `"local_cluster_name": "local"`}
	}
	w := newWeir(t, with("/up"))
	w.sources.knows("up", one.at)
	w.sources.knows("local", one.at)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	before := w.manager().Members("up")
	w.reload(with("/elsewhere"))
	if w.manager().Members("up") == before {
		t.Fatal("the members are the same")
	}
	set := before.Current()
	w.sources.deliver("local", one.at, "127.0.0.1:1")
	w.shows("local", one.at+"=healthy", "127.0.0.1:1=healthy")
	if before.Current() != set {
		t.Error("what is replaced is made anew")
	}
}
