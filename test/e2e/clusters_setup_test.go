package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/pkg/admin"
)

// How a host takes requests.
const (
	well   int32 = iota // it answers them
	fails               // with status 500
	stalls              // not at all
	resets              // by ending the connection, unasked for
)

// backend is a host that answers each request with its name and the request's token,
// or fails as its mood is, and can crash and come back.
type backend struct {
	t        testing.TB
	name, at string // at is the address
	requests atomic.Int64
	mood     atomic.Int32

	mu     sync.Mutex
	better chan struct{} // closed when what stalls is let go
	server *http.Server  // nil: it has crashed
	conns  map[net.Conn]bool
	served sync.WaitGroup
}

// newBackend starts a host on a free port.
func newBackend(t testing.TB, name string) *backend { return newBackendAt(t, name, "127.0.0.1:0") }

func newBackendAt(t testing.TB, name, address string) *backend {
	t.Helper()
	checkLeaks(t)
	e := &backend{t: t, name: name, at: address, better: make(chan struct{}), conns: make(map[net.Conn]bool)}
	e.back()
	t.Cleanup(func() {
		e.heal()
		e.crash()
	})
	return e
}

// backends starts hosts of these names.
func backends(t testing.TB, names ...string) []*backend {
	all := make([]*backend, len(names))
	for i, name := range names {
		all[i] = newBackend(t, name)
	}
	return all
}

func (e *backend) addr() string { return e.at }

// back starts it, again at the same address.
func (e *backend) back() {
	e.t.Helper()
	ln := listenAt(e.t, e.at)
	e.at = ln.Addr().String()
	server := &http.Server{Handler: e, ConnState: e.note}
	e.mu.Lock()
	e.server = server
	e.mu.Unlock()
	e.served.Go(func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			e.t.Error(err)
		}
	})
}

// note keeps the connections that there are.
func (e *backend) note(c net.Conn, state http.ConnState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch state {
	case http.StateNew:
		e.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(e.conns, c)
	case http.StateActive, http.StateIdle:
	}
}

// crash ends it with all its connections, which are reset.
func (e *backend) crash() {
	e.mu.Lock()
	server := e.server
	e.server = nil
	for c := range e.conns {
		c.(*net.TCPConn).SetLinger(0)
	}
	e.mu.Unlock()
	if server != nil {
		server.Close()
		e.served.Wait()
	}
}

// heal makes it well, and lets go what stalls.
func (e *backend) heal() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mood.Store(well)
	close(e.better)
	e.better = make(chan struct{})
}

// stall keeps a request until the host recovers.
func (e *backend) stall(r *http.Request) {
	e.mu.Lock()
	better := e.better
	e.mu.Unlock()
	wait(r, better)
}

// ServeHTTP answers a request. Those for /wait stall whatever the mood, and those for
// /health are not counted.
func (e *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mood := e.mood.Load()
	if r.URL.Path == "/wait" {
		mood = stalls
	}
	if r.URL.Path != "/health" {
		e.requests.Add(1)
	}
	switch mood {
	case fails:
		w.WriteHeader(http.StatusInternalServerError)
	case stalls:
		e.stall(r)
	case resets:
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		return
	}
	io.WriteString(w, strings.TrimSpace(e.name+" "+r.Header.Get("X-Token")))
}

// addresses are those of hosts.
func addresses(hosts ...*backend) []string {
	all := make([]string, len(hosts))
	for i, h := range hosts {
		all[i] = h.addr()
	}
	return all
}

// traffic is clients that send requests, one after the other, until they are
// stopped. Each must be answered with its own token.
type traffic struct {
	t        testing.TB
	stop     chan struct{}
	all      sync.WaitGroup
	answered atomic.Int64
	failed   atomic.Int64
}

// traffic sends GETs of a path, with some more fields.
func (w *weir) traffic(clients int, path string, fields ...string) *traffic {
	l := &traffic{t: w.t, stop: make(chan struct{})}
	url := w.url(path)
	for n := range clients {
		c := client(w.t)
		l.all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.stop:
					return
				default:
					l.send(c, url, fmt.Sprintf("%d-%d", n, i), fields)
				}
			}
		})
	}
	w.t.Cleanup(l.end)
	return l
}

func (l *traffic) send(c *http.Client, url, token string, fields []string) {
	a, err := try(c, "GET", url, nil, append([]string{"X-Token", token}, fields...)...)
	if err == nil && a.StatusCode == 200 && strings.HasSuffix(a.body, " "+token) {
		l.answered.Add(1)
		return
	}
	if l.failed.Add(1) <= 5 {
		if err != nil {
			l.t.Errorf("request %s: %v", token, err)
		} else {
			l.t.Errorf("request %s: status %d, %.100q", token, a.StatusCode, a.body)
		}
	}
}

// more waits until n more requests are answered.
func (l *traffic) more(n int64) {
	l.t.Helper()
	from := l.answered.Load()
	eventually(l.t, fmt.Sprint(n, " requests are answered"), func() error {
		if now := l.answered.Load(); now < from+n {
			return fmt.Errorf("%d are, %d have failed", now-from, l.failed.Load())
		}
		return nil
	})
}

// end stops it.
func (l *traffic) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.all.Wait()
	if n := l.failed.Load(); n > 0 {
		l.t.Errorf("%d of %d requests have failed", n, n+l.answered.Load())
	}
}

// view returns what is shown of a cluster, nil if there is none of that name.
func (w *weir) view(name string) (c *admin.Cluster) {
	w.Clusters(name, func(one *admin.Cluster) bool {
		c = one
		return true
	})
	return c
}

// host returns what is shown of a host.
func (w *weir) host(cluster, address string) (h admin.Host, ok bool) {
	if c := w.view(cluster); c != nil {
		for _, h := range c.Hosts {
			if h.Address == address {
				return h, true
			}
		}
	}
	return admin.Host{}, false
}

// expectState waits until a host is in a state.
func (w *weir) expectState(cluster, address, state string) {
	w.t.Helper()
	eventually(w.t, "a host is "+state, func() error {
		if h, _ := w.host(cluster, address); h.State != state {
			return fmt.Errorf("it is %+v", h)
		}
		return nil
	})
}

// expectFailing waits until a cluster's source fails in that way, or does not ("").
func (w *weir) expectFailing(cluster, how string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("the source fails with %q", how), func() error {
		c := w.view(cluster)
		if c == nil {
			return errors.New("there is no such cluster")
		}
		if s := c.Source; !s.Ready || (s.Failing == "") != (how == "") || !strings.Contains(s.Failing, how) || s.Since.IsZero() != (how == "") {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// hostsFile is a file of hosts.
type hostsFile struct {
	t    testing.TB
	path string
}

func newHostsFile(t testing.TB, hosts ...*backend) hostsFile {
	f := hostsFile{t, filepath.Join(t.TempDir(), "hosts.json")}
	f.hold(hosts...)
	return f
}

// hold makes the file hold these hosts.
func (f hostsFile) hold(hosts ...*backend) {
	lines := make([]string, len(hosts))
	for i, h := range hosts {
		lines[i] = fmt.Sprintf(`{"address": %q}`, h.addr())
	}
	f.write("[" + strings.Join(lines, ", ") + "]")
}

// write replaces it at once, as deployments do.
func (f hostsFile) write(text string) {
	f.t.Helper()
	err := errors.Join(os.WriteFile(f.path+".new", []byte(text), 0o600), os.Rename(f.path+".new", f.path))
	if err != nil {
		f.t.Fatal(err)
	}
}

// cluster is a cluster of these hosts.
func (f hostsFile) cluster(name, members string) string {
	return cluster(name, join(fmt.Sprintf(`"type": "FILE", "hosts_file": {"path": %q, "refresh": "5ms"}`, f.path), members))
}
