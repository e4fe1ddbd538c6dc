package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// TestReloadRoutes: the next request of a connection is routed by the new routes,
// one under way by the old.
func TestReloadRoutes(t *testing.T) {
	release := make(chan struct{})
	one := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			w.(http.Flusher).Flush()
			wait(r, release)
		}
		io.WriteString(w, "one")
	})
	two := named(t, "two")
	before := fixed(t, setup{routes: route("/", "one", `"response_headers_to_add": [{"header": {"key": "X-Route", "value": "old"}}]`),
		clusters: cluster("one", "", one.addr())})
	after := setup{address: before.address, routes: route("/", "two", ""), clusters: cluster("two", "", two.addr())}
	w := start(t, before)
	kept, waiting := dial(t, w.addr()), dial(t, w.addr())
	kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	kept.expect(200, "one")
	waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
	if head := waiting.head(); !strings.Contains(head, "X-Route: old") {
		t.Errorf("head %q", head)
	}
	w.reload(after)
	kept.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	kept.expect(200, "two")
	close(release)
	if body, trailers := waiting.body("Transfer-Encoding: chunked\r\n"); body != "one" || trailers != "" {
		t.Errorf("the request under way got %q %q", body, trailers)
	}
	waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
	waiting.expect(200, "two")
	until(t, "the old cluster is gone", func() bool { return w.counters()["upstream.cluster.one"] == nil })
}

// fixed is a setup whose listener has a port that stays the same.
func fixed(t testing.TB, s setup) setup {
	s.address = refusing(t)
	return s
}

// TestReloadListeners adds, renames, moves and removes listeners.
func TestReloadListeners(t *testing.T) {
	up := named(t, "up")
	s := fixed(t, setup{up: up.addr()})
	w := start(t, s)
	c := dial(t, s.address)
	ask := func(c *raw) string {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		return c.expect(200, "up")
	}
	ask(c)

	second := refusing(t)
	s.more = listener("second", second, "", "")
	w.reload(s)
	ask(c)
	ask(dial(t, second))

	s.more = listener("renamed", second, "", "")
	other := dial(t, second)
	ask(other)
	w.reload(s)
	ask(c)
	if head := ask(other); strings.Contains(head, "Connection: close") {
		t.Errorf("a connection of a listener that only changed its name is closed: %q", head)
	}
	counters := w.counters()["downstream.listener.renamed"]
	if counters["request_total"] != 1.0 || counters["connection_active"] != 2.0 || counters["request_active"] != 0.0 {
		t.Errorf("the renamed listener counts %v", counters)
	}

	first := s.address
	s.address, s.more = second, listener("renamed", first, "", "")
	w.reload(s) // they change places
	ask(c)
	ask(other)
	if got := w.Addresses(); got["main"] != second || got["renamed"] != first {
		t.Errorf("addresses %v", got)
	}
	ask(dial(t, first))

	s.address = refusing(t)
	w.reload(s) // main moves
	ask(dial(t, s.address))
	if _, err := net.Dial("tcp", second); err == nil {
		t.Error("the old address still listens")
	}
	s.more = ""
	w.reload(s)
	if _, err := net.Dial("tcp", first); err == nil {
		t.Error("the removed listener still listens")
	}
}

// TestRemovedListenerDrains: a request under way on it is finished and logged, and
// an idle connection is closed.
func TestRemovedListenerDrains(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	up := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		wait(r, release)
		io.WriteString(w, "done")
	})
	log, member := logged(t)
	s := fixed(t, setup{up: up.addr()})
	old := s
	old.more = listener("old", refusing(t), member, "")
	w := start(t, old)
	busy, idle := dial(t, w.Addresses()["old"]), dial(t, w.Addresses()["old"])
	busy.send("GET /busy HTTP/1.1\r\nHost: a\r\n\r\n")
	<-arrived
	until(t, "both connections are there", func() bool { return w.Load().Connections == 2 })
	w.reload(s)
	idle.ended()
	close(release)
	if head := busy.expect(200, "done"); !strings.Contains(head, "Connection: close") {
		t.Errorf("head %q", head)
	}
	busy.ended()
	if got := lines(t, log, 1); got[0] != "/busy 200 -" {
		t.Errorf("the log has %q", got)
	}
}

// TestWrongReload: a wrong file changes nothing, and says where it is wrong.
func TestWrongReload(t *testing.T) {
	up := named(t, "up")
	s := fixed(t, setup{up: up.addr()})
	w := start(t, s)
	c := client(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	missing, busy, unwritable := s, s, s
	missing.routes = route("/", "upp", "")
	busy.more = listener("new", refusing(t), "", "") + ", " + listener("busy", taken.Addr().String(), "", "")
	unwritable.listener = fmt.Sprintf(`"access_logs": [{"log_path": %q}]`, "/dev/null/access.log")
	for name, bad := range map[string]struct{ text, want string }{
		"missing cluster": {missing.String(), `4:167: servers[0].routers[0].virtual_hosts[0].routers[0].route.cluster_name: there is no cluster "upp" (did you mean "up"?)`},
		"not JSON":        {"{", "weir.json:1:2: "},
		"no servers":      {"{}", "there must be one entry in servers"},
		"address in use":  {busy.String(), "address already in use"},
		"log":             {unwritable.String(), "not a directory"},
	} {
		open := len(descriptors(t))
		w.write(bad.text)
		err := w.Reload()
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: error %v, want %q", name, err, bad.want)
		}
		if now := len(descriptors(t)); now != open {
			t.Errorf("%s: %d descriptors, %d before", name, now, open)
		}
		get(t, c, w.url("/")).expect(t, 200, "up")
	}
	if got := w.LastReload(); got == nil || got.Err == nil {
		t.Errorf("the last reload is %+v", got)
	}
	var problems config.Problems
	w.write("{}")
	if err := w.Reload(); !errors.As(err, &problems) || len(problems) == 0 {
		t.Errorf("the error is no list of problems: %v", err)
	}
	w.reload(s)
	if got := w.LastReload(); got.Err != nil || w.count("process", "reload_total.result.failed") != 6 {
		t.Errorf("the last reload is %+v", got)
	}
}

// TestReloadUnderLoad reloads again and again, with listeners, clusters, hosts and
// routes that come, go and change their names, and no request fails.
func TestReloadUnderLoad(t *testing.T) {
	duration := 3 * time.Second
	if testing.Short() {
		duration = 500 * time.Millisecond
	}
	one, two := mirror(t), mirror(t)
	s := fixed(t, setup{})
	second := refusing(t)
	variant := func(i int) setup {
		v := s
		switch i % 3 {
		case 0:
			v.routes, v.clusters = route("/", "a", ""), cluster("a", "", one.addr(), two.addr())
		case 1:
			v.routes, v.clusters = route("/", "b", `"timeout": "10s"`), cluster("b", "", two.addr())
		case 2:
			v.routes = route("/x", "a", "") + ", " + route("/", "b", "")
			v.clusters = cluster("a", "", one.addr()) + ", " + cluster("b", "", one.addr(), two.addr())
		}
		v.more = listener(fmt.Sprintf("second-%d", i%2), second, "", "")
		return v
	}
	w := start(t, variant(0))
	var sent atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for n := range 8 {
		c := client(t)
		addr := s.address
		if n%2 == 1 {
			addr = second
		}
		if n%4 >= 2 {
			c.Transport.(*http.Transport).DisableKeepAlives = true
		}
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				body := fmt.Sprint(n, i)
				a, err := try(c, "POST", "http://"+addr+"/", strings.NewReader(body), "Host", "a")
				if err != nil || a.StatusCode != 200 || a.body != "POST / a\n"+body {
					t.Errorf("request %d of client %d: %v %+v", i, n, err, a)
					return
				}
				sent.Add(1)
			}
		})
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	reloads := 0
	for end := time.After(duration); ; {
		select {
		case <-tick.C:
			reloads++
			w.reload(variant(reloads))
			continue
		case <-end:
		}
		break
	}
	close(stop)
	all.Wait()
	t.Logf("%d requests, %d reloads", sent.Load(), reloads)
}
