package e2e_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weirproxy/weir/pkg/health"
)

// often are checks that tests need not wait for.
const often = `"interval": "5ms", "interval_jitter": "0s", "timeout": "5s"`

// checkedBy is a health check by a protocol, with more members.
func checkedBy(protocol, members string) string {
	if members != "" {
		members = ", " + members
	}
	return fmt.Sprintf(`"health_check": {"protocol": %q, %s%s}`, protocol, often, members)
}

// ailing is a server that answers with its name, and under /health whether it is
// well.
type ailing struct {
	*upstream
	ill    atomic.Bool
	checks atomic.Int64
}

func newAiling(t testing.TB, name string) *ailing {
	a := &ailing{}
	a.upstream = serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" {
			io.WriteString(w, name)
			return
		}
		a.checks.Add(1)
		if a.ill.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	return a
}

const healthPath = `"check_config": {"http_check_config": {"path": "/health"}}`

// answers returns who answers twenty requests.
func answers(t testing.TB, w *weir, c *http.Client) string {
	t.Helper()
	seen := make(map[string]bool)
	for range 20 {
		seen[strings.TrimSpace(get(t, c, w.url("/")).body)] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), ",")
}

// expectAnswers waits until these are who answer, whichever worker is asked: it takes
// connections from beside the client's own, and each goes where there are fewest.
func expectAnswers(t testing.TB, w *weir, c *http.Client, want string) {
	t.Helper()
	all := []*http.Client{c, client(t), client(t)}
	eventually(t, "requests go to "+want, func() error {
		for _, c := range all {
			if got := answers(t, w, c); got != want {
				return fmt.Errorf("they go to %s", got)
			}
		}
		return nil
	})
	for _, c := range all[1:] {
		c.CloseIdleConnections()
	}
}

// state returns what is known of a host of the cluster "up".
func (w *weir) state(address string) (s health.Status) {
	w.t.Helper()
	for _, s := range w.Health() {
		if s.Cluster == "up" && s.Host == address {
			return s
		}
	}
	w.t.Fatalf("nothing is known of %s: %+v", address, w.Health())
	return s
}

// TestHealthCheck: hosts that are not well get no requests, until they are, or until
// too few are; statistics, log and states tell.
func TestHealthCheck(t *testing.T) {
	one, two, three := newAiling(t, "one"), newAiling(t, "two"), newAiling(t, "three")
	w := start(t, setup{clusters: cluster("up", checkedBy("http1", healthPath), one.addr(), two.addr(), three.addr())})
	c := client(t)
	expectAnswers(t, w, c, "one,three,two")
	until(t, "all are checked", func() bool { return one.checks.Load() > 0 && two.checks.Load() > 0 && three.checks.Load() > 0 })
	until(t, "they are well", func() bool { return w.state(one.addr()).State == health.Healthy })

	one.ill.Store(true)
	expectAnswers(t, w, c, "three,two")
	if s := w.state(one.addr()); s.State != health.Unhealthy || s.Reason != "status 503" || s.Failed == 0 {
		t.Errorf("%+v", s)
	}
	if n := w.count("upstream.cluster.up", "hosts_healthy"); n != 2 || w.count("upstream.cluster.up", "hosts") != 3 {
		t.Errorf("%d hosts are counted as well", n)
	}
	set := "upstream.cluster.up.host." + one.addr()
	if w.count(set, "healthy") != 0 || w.count(set, "health_check_failed") == 0 || w.count("upstream.cluster.up.host."+two.addr(), "healthy") != 1 {
		t.Errorf("%+v", w.counters()[set])
	}
	if log := w.log.String(); !strings.Contains(log, `level=WARN msg="a host is not well" cluster=up host=`+one.addr()+` reason="status 503"`) {
		t.Errorf("the log is\n%s", log)
	}

	two.ill.Store(true) // one of three is less than half
	expectAnswers(t, w, c, "one,three,two")
	if w.count("upstream.cluster.up", "lb_panic") == 0 {
		t.Error("no choice is counted as panic")
	}

	one.ill.Store(false)
	expectAnswers(t, w, c, "one,three")
	two.ill.Store(false)
	expectAnswers(t, w, c, "one,three,two")
	if log := w.log.String(); !strings.Contains(log, `level=INFO msg="a host is well again" cluster=up host=`+two.addr()) {
		t.Errorf("the log is\n%s", log)
	}
}

// TestHealthCheckConnections: checks have one connection to a host, which is used
// again and ends with weir.
func TestHealthCheckConnections(t *testing.T) {
	requests := atomic.Int64{}
	host := serveRaw(t, func(c *raw, _ int) {
		for c.head() != "" {
			requests.Add(1)
			c.send(ok("well"))
		}
	})
	w := start(t, setup{up: host.addr(), cluster: checkedBy("Http1", `"check_config": {"http_check_config": {"expected_text": "well"}}`)})
	until(t, "the host was asked 20 times", func() bool { return requests.Load() > 20 })
	if n := host.accepted.Load(); n != 1 {
		t.Errorf("%d connections for %d checks", n, requests.Load())
	}
	if s := w.state(host.addr()); s.State != health.Healthy {
		t.Errorf("%+v", s)
	}
}

// TestHealthCheckTCP: a host that goes away and comes back; without a threshold,
// requests are refused when there is none.
func TestHealthCheckTCP(t *testing.T) {
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "one") }))
	addr := up.Listener.Addr().String()
	w := start(t, setup{up: addr, cluster: `"healthy_panic_threshold": 0, ` + checkedBy("", "")})
	up.Start()
	c := client(t)
	expectAnswers(t, w, c, "one")
	until(t, "it is known to be well", func() bool { return w.state(addr).State == health.Healthy })
	up.CloseClientConnections()
	up.Close()
	expectAnswers(t, w, c, "no host")
	if s := w.state(addr); s.State != health.Unhealthy || !strings.Contains(s.Reason, "refused") {
		t.Errorf("%+v", s)
	}
	if w.count("upstream.cluster.up", "request_no_host") == 0 || w.count("upstream.cluster.up", "lb_panic") != 0 {
		t.Errorf("%+v", w.counters()["upstream.cluster.up"])
	}
	back := &http.Server{Handler: up.Config.Handler}
	ln := listenAt(t, addr)
	go back.Serve(ln)
	t.Cleanup(func() { back.Close() })
	expectAnswers(t, w, c, "one")
}

// listenAt listens at an address that was in use until just now.
func listenAt(t testing.TB, addr string) (ln net.Listener) {
	t.Helper()
	eventually(t, "the address is free", func() (err error) {
		ln, err = net.Listen("tcp", addr)
		return err
	})
	return ln
}

// TestHealthCheckRequestsGoOn: a request under way on a host that is no longer well
// is answered.
func TestHealthCheckRequestsGoOn(t *testing.T) {
	release := make(chan struct{})
	var ill, waits atomic.Bool
	one := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/health" && ill.Load():
			w.WriteHeader(http.StatusInternalServerError)
		case r.URL.Path == "/wait":
			waits.Store(true)
			w.(http.Flusher).Flush()
			wait(r, release)
			io.WriteString(w, "done")
		default:
			io.WriteString(w, "one")
		}
	})
	two := newAiling(t, "two")
	w := start(t, setup{clusters: cluster("up", checkedBy("Http1", healthPath), one.addr(), two.addr())})
	var waiting []*raw
	until(t, "a request waits at the host", func() bool {
		if !waits.Load() { // workers begin with different hosts
			c := dial(t, w.addr())
			c.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
			waiting = append(waiting, c)
		}
		return waits.Load()
	})
	ill.Store(true)
	expectAnswers(t, w, client(t), "two")
	close(release)
	got := ""
	for _, c := range waiting {
		_, body := c.message()
		got += body + " "
	}
	if !strings.Contains(got, "done") {
		t.Errorf("the answers are %q", got)
	}
}

// TestHealthCheckReload: what is known outlives a reload, as long as the check is the
// same; hosts that are no longer there are no longer asked.
func TestHealthCheckReload(t *testing.T) {
	one, two := newAiling(t, "one"), newAiling(t, "two")
	s := fixed(t, setup{})
	with := func(check string, hosts ...string) setup {
		s.clusters = cluster("up", check, hosts...)
		return s
	}
	check := `"health_check": {"protocol": "Http1", "interval": "5ms", "unhealthy_interval": "1h", "timeout": "5s", ` + healthPath + `}`
	one.ill.Store(true)
	w := start(t, with(check, one.addr(), two.addr()))
	c := client(t)
	expectAnswers(t, w, c, "two")
	since := w.state(one.addr()).Since
	one.ill.Store(false) // which is not asked for an hour
	w.reload(with(check, two.addr(), one.addr(), one.addr(), two.addr()))
	expectAnswers(t, w, c, "two")
	if s := w.state(one.addr()); s.State != health.Unhealthy || !s.Since.Equal(since) {
		t.Errorf("%+v", s)
	}
	w.reload(with(checkedBy("Http1", healthPath), one.addr(), two.addr()))
	expectAnswers(t, w, c, "one,two")
	until(t, "it is known to be well", func() bool { return w.state(one.addr()).State == health.Healthy })

	one.ill.Store(true)
	expectAnswers(t, w, c, "two")
	w.reload(with(checkedBy("Http1", healthPath), two.addr()))
	before := one.checks.Load()
	asked := two.checks.Load()
	until(t, "the other is asked ten times", func() bool { return two.checks.Load() > asked+10 })
	if n := one.checks.Load(); n > before+1 { // one may have been on its way
		t.Errorf("a host that is gone is asked %d times", n-before)
	}
	w.reload(with(`"idle_timeout": "1s"`, one.addr(), two.addr()))
	expectAnswers(t, w, c, "one,two")
	if len(w.Health()) != 0 {
		t.Errorf("%+v", w.Health())
	}
	if w.count("upstream.cluster.up.host."+one.addr(), "healthy") != 1 {
		t.Error("a host that is not checked does not count as well")
	}
}

// TestHealthCheckBolt: heartbeats, answered well, not well, and not at all.
func TestHealthCheckBolt(t *testing.T) {
	var mood atomic.Int32 // what it answers: 0 well, 1 not well, 2 nothing
	asked := make(chan struct{}, 1)
	host := serveRaw(t, func(c *raw, _ int) {
		for {
			frame := c.boltFrame()
			if frame == "" {
				return
			}
			answer := beats[0].answer
			switch mood.Load() {
			case 1:
				answer = beats[0].failure
			case 2:
				continue
			}
			b, _ := hex.DecodeString(answer)
			copy(boltID(b), boltID([]byte(frame)))
			c.send(string(b))
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	})
	w := start(t, setup{up: host.addr(), cluster: `"health_check": {"protocol": "Bolt", "interval": "5ms", "timeout": "100ms"}`})
	expect := func(state health.State, reason string) {
		t.Helper()
		eventually(t, "the host is "+state.String(), func() error {
			if s := w.state(host.addr()); s.State != state || s.Reason != reason {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	}
	<-asked
	expect(health.Healthy, "")
	mood.Store(1)
	expect(health.Unhealthy, "the host answers that it is not well")
	mood.Store(0)
	expect(health.Healthy, "")
	mood.Store(2)
	expect(health.Unhealthy, "no answer within 100ms")
}

// TestHealthCheckGRPC: the standard health service of a server of HTTP/2.
func TestHealthCheckGRPC(t *testing.T) {
	checkLeaks(t)
	var state atomic.Int32
	state.Store(1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/grpc.health.v1.Health/Check" || string(body) != "\x00\x00\x00\x00\x06\x0a\x04echo" {
			t.Errorf("%s %q", r.URL, body)
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		message := []byte{8, byte(state.Load())}
		w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...))
		w.Header().Set("Grpc-Status", "0")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	addr := s.Listener.Addr().String()
	w := start(t, setup{up: addr, cluster: checkedBy("GRPC", `"check_config": {"grpc_check_config": {"service": "echo"}}`)})
	until(t, "it is well", func() bool { return w.state(addr).State == health.Healthy })
	state.Store(2)
	until(t, "it is not", func() bool {
		s := w.state(addr)
		return s.State == health.Unhealthy && s.Reason == "the service is NOT_SERVING"
	})
	state.Store(1)
	until(t, "it is again", func() bool { return w.state(addr).State == health.Healthy })
}
