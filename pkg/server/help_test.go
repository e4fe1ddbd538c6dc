package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panjf2000/ants/v2"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/server/clusters"
)

func TestMain(m *testing.M) {
	ants.Release() // the pool that importing the package starts
	m.Run()
}

// patience is how long anything that must happen may take.
const patience = 20 * time.Second

// eventually waits until a condition holds, which returns what is wrong with it.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s: %v", what, err)
		}
	}
}

// soon fails the test if something that blocks does not end in time.
func soon(t testing.TB, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("never ends: %s", what)
	}
}

// setup is a configuration, in the parts that tests differ by: members of JSON
// objects.
type setup struct {
	routes, clusters, manager, listener, logs, server, top string
}

func (s setup) String() string {
	and := func(members string) string {
		if members != "" {
			members = ", " + members
		}
		return members
	}
	routes := `"routers": [{"router_config_name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"], "routers": [` +
		cmp.Or(s.routes, route("/", "up")) + `]}]}]`
	if s.routes == "none" {
		routes = `"routers": []`
	}
	return fmt.Sprintf(`{"servers": [{"listeners": [{"name": "main", "address": %q, "bind_port": true, "access_logs": %s, "filter_chains": [{"filters": [
  {"type": "proxy", "config": {"downstream_protocol": "Http1", "router_config_name": "r"}}]}]}], %s%s}],
 "cluster_manager": {"clusters": [%s]%s}%s}`, cmp.Or(s.listener, "127.0.0.1:0"), cmp.Or(s.logs, "[]"), routes, and(s.server), s.clusters, and(s.manager), and(s.top))
}

func route(prefix, cluster string) string {
	return fmt.Sprintf(`{"match": {"prefix": %q}, "route": {"cluster_name": %q}}`, prefix, cluster)
}

// found is a cluster whose hosts a fake source finds.
func found(name, members string) string {
	if members != "" {
		members = ", " + members
	}
	return fmt.Sprintf(`{"name": %q, "type": "FILE", "hosts_file": {"path": "/%s"}%s}`, name, name, members)
}

// weir is a server that runs within a test.
type weir struct {
	*Server
	t       testing.TB
	path    string
	log     *safeBuffer
	sources *fakes
}

// newWeir makes a server that has not started. When the test is over it is stopped,
// and nothing must be left of it.
func newWeir(t testing.TB, c setup) *weir {
	t.Helper()
	goroutines := goleak.IgnoreCurrent()
	w := &weir{t: t, path: filepath.Join(t.TempDir(), "weir.json"), log: &safeBuffer{}, sources: &fakes{}}
	w.write(c)
	level := &slog.LevelVar{}
	g := testRegistry()
	g.Discovery = discovery.Registry{config.ClusterFile: w.sources.make, config.ClusterConsul: w.sources.make}
	w.Server = New(Options{
		Registry: g, Workers: 2, Level: level,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: level})),
	})
	t.Cleanup(func() {
		soon(t, "the stop", w.Stop)
		if err := goleak.Find(goroutines); err != nil {
			t.Error(err)
		}
		if n := w.sources.left(); n != 0 {
			t.Errorf("%d sources or watches are left", n)
		}
		if log := w.log.String(); strings.Contains(log, "panic") {
			t.Error(log)
		}
	})
	return w
}

// start starts one.
func start(t testing.TB, c setup) *weir {
	t.Helper()
	w := newWeir(t, c)
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *weir) write(c setup) {
	w.t.Helper()
	if err := os.WriteFile(w.path, []byte(c.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *weir) reload(c setup) {
	w.t.Helper()
	w.write(c)
	if err := w.Reload(); err != nil {
		w.t.Fatal(err)
	}
}

// refuse reloads something that must be refused, with a text in the error.
func (w *weir) refuse(c setup, text string) {
	w.t.Helper()
	w.write(c)
	err := w.Reload()
	if err == nil || !strings.Contains(err.Error(), text) {
		w.t.Fatalf("the reload ends with %v, want %q", err, text)
	}
	if last := w.LastReload(); last == nil || last.Err == nil {
		w.t.Errorf("the last reload is %+v", last)
	}
}

// client has connections of its own.
func client(t testing.TB) *http.Client {
	c := &http.Client{Transport: &http.Transport{}, Timeout: patience}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// get asks for a path, and returns the status with the body.
func (w *weir) get(c *http.Client, path, host string) string {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+w.Addresses()["main"]+path, nil)
	if err != nil {
		return err.Error()
	}
	r.Host = host
	answer, err := c.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return fmt.Sprintf("%d %s", answer.StatusCode, strings.TrimSpace(string(body)))
}

// answers expects an answer of a path, and waits for it.
func (w *weir) answers(path, host, want string) {
	w.t.Helper()
	c := client(w.t)
	eventually(w.t, fmt.Sprintf("%s of %q is answered by %q", path, host, want), func() error {
		if got := w.get(c, path, host); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

// seen returns a cluster as the admin interface sees it; nil: there is none.
func (w *weir) seen(name string) (c *admin.Cluster) {
	w.Clusters(name, func(of *admin.Cluster) bool { c = of; return true })
	return c
}

// shows waits until the hosts of a cluster are these, written ADDRESS=STATE.
func (w *weir) shows(cluster string, want ...string) {
	w.t.Helper()
	slices.Sort(want)
	eventually(w.t, fmt.Sprintf("the hosts of %s are %v", cluster, want), func() error {
		var got []string
		if c := w.seen(cluster); c != nil {
			for _, h := range c.Hosts {
				got = append(got, h.Address+"="+h.State)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Errorf("they are %v", got)
		}
		return nil
	})
}

// logs waits until the log has a text.
func (w *weir) logs(text string) {
	w.t.Helper()
	eventually(w.t, "the log says "+text, func() error {
		if log := w.log.String(); !strings.Contains(log, text) {
			return errors.New(log)
		}
		return nil
	})
}

// backend is a host that answers with its name, or fails.
type backend struct {
	*httptest.Server
	at    string
	fails atomic.Bool
}

func newBackend(t testing.TB, name string) *backend {
	b := &backend{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if b.fails.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(b.Close)
	b.at = b.Listener.Addr().String()
	return b
}

// safeBuffer is a log that may be read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// manager returns the clusters of a server that has started.
func (w *weir) manager() *clusters.Manager { return w.parts.Load().clusters }

// counts returns the statistics, nil before the start.
func (w *weir) counts() []*metrics.Snapshot {
	if p := w.parts.Load(); p != nil {
		return p.view.counts()
	}
	return nil
}
