package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/discovery/consul/consultest"
	"github.com/weirproxy/weir/pkg/stream"
)

// agent is a Consul agent with a client that keeps no connections.
type agent struct {
	*consultest.Agent
	api *api.Client
}

func startAgent(t *testing.T) *agent {
	t.Helper()
	checkLeaks(t)
	a := &agent{Agent: consultest.Start(t)}
	var err error
	a.api, err = api.NewClient(&api.Config{Address: a.Address, HttpClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// top is the part of a configuration that names the agent, with more members.
func (a *agent) top(members string) string {
	return fmt.Sprintf(`"consul": {%s}`, join(fmt.Sprintf(`"address": %q, "back_off": "10ms", "max_back_off": "50ms"`, a.Address), members))
}

// register makes hosts, by their addresses, instances of a service, until the test
// is over.
func (a *agent) register(t *testing.T, service string, hosts ...string) {
	t.Helper()
	for _, h := range hosts {
		at := netip.MustParseAddrPort(h)
		err := a.api.Agent().ServiceRegister(&api.AgentServiceRegistration{
			Name: service, ID: service + "@" + h, Address: at.Addr().String(), Port: int(at.Port()),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.api.Agent().ServiceDeregister(service + "@" + h) }) // which it may be already
	}
}

func (a *agent) deregister(t *testing.T, service string, hosts ...string) {
	t.Helper()
	for _, h := range hosts {
		if err := a.api.Agent().ServiceDeregister(service + "@" + h); err != nil {
			t.Fatal(err)
		}
	}
}

// consulCluster is a cluster of a service.
func consulCluster(name, service, members string) string {
	return cluster(name, join(fmt.Sprintf(`"type": "CONSUL", "consul": {"service": %q}`, service), members))
}

// TestConsul has one agent for all that does not hurt it.
func TestConsul(t *testing.T) {
	a := startAgent(t)
	for _, tt := range []struct {
		name string
		test func(*testing.T, *agent)
	}{
		{"instances come and go", consulInstances},
		{"the catalog is emptied", consulEmptied},
		{"the source changes", consulSourceChanges},
		{"on demand", consulOnDemand},
		{"on demand, refused", consulOnDemandRefused},
		{"on demand, forgotten", consulOnDemandForgotten},
		{"on demand, at once", consulOnDemandAtOnce},
		{"a weir announces a service", consulAnnounces},
		{"a service is published", consulPublishes},
		{"configuration", consulConfigures},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, a) })
	}
}

// consulInstances: instances are registered, deregistered and move under load, and no
// request fails. One that is gone from the catalog gets no request any more.
func consulInstances(t *testing.T, a *agent) {
	e := backends(t, "one", "two", "three")
	at := addresses(e...)
	a.register(t, "moving", at[:2]...)
	w := start(t, setup{clusters: consulCluster("up", "moving", ""), top: a.top("")})
	c := client(t)
	expectAnswers(t, w, c, "one,two") // at once: a start waits for them
	load := w.traffic(4, "/")
	for range 3 {
		a.register(t, "moving", at[2])
		expectAnswers(t, w, c, "one,three,two")
		a.deregister(t, "moving", at[0])
		expectAnswers(t, w, c, "three,two")
		gone := e[0].requests.Load()
		load.more(100)
		if now := e[0].requests.Load(); now != gone {
			t.Errorf("an instance that is gone had %d more requests", now-gone)
		}
		a.register(t, "moving", at[0])
		expectAnswers(t, w, c, "one,three,two")
		a.deregister(t, "moving", at[2])
		expectAnswers(t, w, c, "one,two")
	}
	load.end()
}

// consulEmptied: a service without instances keeps its last ones, or has none, as the
// cluster says.
func consulEmptied(t *testing.T, a *agent) {
	e := newBackend(t, "one")
	a.register(t, "emptied", e.addr())
	w := start(t, setup{
		routes:   route("/believes", "believes", "") + ", " + route("/", "up", ""),
		clusters: consulCluster("up", "emptied", "") + ", " + consulCluster("believes", "emptied", `"allow_empty": true`),
		top:      a.top(""),
	})
	c := client(t)
	load := w.traffic(4, "/")
	expect := func(status int) {
		t.Helper()
		eventually(t, fmt.Sprint("the cluster that believes it answers ", status), func() error {
			if a := get(t, c, w.url("/believes")); a.StatusCode != status {
				return fmt.Errorf("status %d %s", a.StatusCode, a.body)
			}
			return nil
		})
	}
	expect(200)
	a.deregister(t, "emptied", e.addr())
	expect(503)
	w.expectFailing("believes", "")
	w.expectFailing("up", "no hosts were discovered")
	load.more(100)
	a.register(t, "emptied", e.addr())
	expect(200)
	w.expectFailing("up", "")
	load.more(100)
	load.end()
}

// consulSourceChanges: a reload takes the hosts of a cluster from another source, and
// no request fails.
func consulSourceChanges(t *testing.T, a *agent) {
	e := backends(t, "static", "file", "consul", "all")
	a.register(t, "changing", e[2].addr(), e[3].addr())
	f := newHostsFile(t, e[1], e[3])
	s := fixed(t, setup{top: a.top("")})
	with := func(clusters string) setup {
		s.clusters = clusters
		return s
	}
	static := with(cluster("up", `"type": "STATIC"`, e[0].addr(), e[3].addr()))
	w := start(t, static)
	c := client(t)
	load := w.traffic(4, "/")
	for range 3 {
		w.reload(with(f.cluster("up", "")))
		expectAnswers(t, w, c, "all,file")
		w.reload(with(consulCluster("up", "changing", "")))
		expectAnswers(t, w, c, "all,consul")
		w.reload(static)
		expectAnswers(t, w, c, "all,static")
		load.more(50)
	}
	load.end()
}

// onDemand is a setup for requests of all protocols that name their service, with
// more members of the block on_demand.
func (a *agent) onDemand(members string) setup {
	every := `{"match": {"prefix": "/"}, "route": {"cluster_name": "consul:*"}}`
	service := `{"match": {"headers": [{"name": "service", "value": ".*"}]}, "route": {"cluster_name": "consul:*"}}`
	own := `{"match": {"prefix": "/own"}, "route": {"cluster_name": "consul:own-service"}}`
	return setup{
		routes: own + ", " + service + ", " + every,
		proxy:  anyProtocol,
		manager: `"on_demand": {` +
			join(`"services": ["com.example.*", "web", "gone"], "cluster": {"lb_type": "LB_LEAST_REQUEST"}`, members) + `}`,
		top: a.top(""),
	}
}

// boltRequest is a request of bolt's version 1 with these headers.
func boltRequest(id uint32, headers ...string) string {
	b := make([]byte, 0, 256)
	for _, h := range headers {
		b = append(b, 0, 0, byte(len(h)>>8), byte(len(h)))
		b = append(b, h...)
	}
	front := []byte{1, 1, 0, 1, 1, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id), 1, 0, 0, 0x13, 0x88, 0, 1,
		byte(len(b) >> 8), byte(len(b)), 0, 0, 0, 0, 'C'}
	return string(front) + string(b)
}

// boltHost is a host of bolt that answers all requests well, and counts them.
type boltHost struct {
	*rawUpstream
	requests atomic.Int64
}

func newBoltHost(t *testing.T) *boltHost {
	h := &boltHost{}
	p := rpcs()[1]
	h.rawUpstream = serveRaw(t, func(c *raw, _ int) {
		for b := p.read(t, c.r); b != nil; b = p.read(t, c.r) {
			if head, _ := p.parse(t, b); head != nil && head.RPC.Kind == stream.KindRequest {
				h.requests.Add(1)
				c.send(boltAnswer(string(b), 2, 0))
			}
		}
	})
	return h
}

// boltStatus sends a request and returns the status of the answer.
func boltStatus(t *testing.T, c *raw, request string) int {
	t.Helper()
	c.send(request)
	p := rpcs()[1]
	b := p.read(t, c.r)
	if b == nil {
		t.Fatal("there is no answer")
	}
	head, _ := p.parse(t, b)
	if head == nil || string(boltID(b)) != request[5:9] {
		t.Fatalf("the answer is %x", b)
	}
	return head.Status
}

const targetService = "sofa_head_target_service"

// consulOnDemand: clusters are made for the host of a request of HTTP, the interface
// of one of bolt and the service of a gRPC call, whenever one first names it, and
// take on what changes in the catalog.
func consulOnDemand(t *testing.T, a *agent) {
	e := backends(t, "one", "two")
	rpc := newBoltHost(t)
	calls := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		io.Copy(w, r.Body)
		return 0
	})
	a.register(t, "web", e[0].addr())
	a.register(t, "own-service", e[1].addr())
	a.register(t, "com.example.Orders", rpc.addr())
	a.register(t, "com.example.Echo", calls.addr())
	w := start(t, a.onDemand(""))
	if c := w.view("consul:web"); c != nil {
		t.Errorf("before a request there is %+v", c)
	}
	c := client(t)
	get(t, c, w.url("/"), "Host", "Web:8080").expect(t, 200, "one")
	get(t, c, w.url("/own"), "Host", "other").expect(t, 200, "two")
	if status := boltStatus(t, dial(t, w.addr()), boltRequest(7, targetService, "com.example.Orders")); status != 200 || rpc.requests.Load() != 1 {
		t.Errorf("status %d, %d requests", status, rpc.requests.Load())
	}
	f := dialFrames(t, w.addr())
	f.call(1, "/com.example.Echo/Say")
	f.expect(1, 200, framed("question"))
	if shown := w.view("consul:web"); shown == nil || !shown.OnDemand || shown.Balancer != "LB_LEAST_REQUEST" || shown.Source.Kind != "CONSUL" || len(shown.Hosts) != 1 {
		t.Errorf("it is shown as %+v", shown)
	}
	a.register(t, "web", e[1].addr())
	eventually(t, "the new instance has requests", func() error {
		if a := get(t, c, w.url("/"), "Host", "web"); a.body != "two" {
			return fmt.Errorf("%d %s", a.StatusCode, a.body)
		}
		return nil
	})
}

// consulOnDemandRefused: a service that there is not, and one that requests may not
// name, is answered 503, as the caller's protocol says it.
func consulOnDemandRefused(t *testing.T, a *agent) {
	w := start(t, a.onDemand(""))
	c := client(t)
	for range 2 {
		for _, host := range []string{"gone", "private"} {
			if a := get(t, c, w.url("/"), "Host", host); a.StatusCode != 503 || !strings.HasPrefix(a.body, "no such ") {
				t.Errorf("%s: status %d %q", host, a.StatusCode, a.body)
			}
		}
	}
	conn := dial(t, w.addr())
	for i, service := range []string{"com.example.None", "org.private"} {
		if status := boltStatus(t, conn, boltRequest(uint32(i+1), targetService, service)); status < 400 {
			t.Errorf("%s: the status is %d", service, status)
		}
	}
	f := dialFrames(t, w.addr())
	f.call(1, "/com.example.Never/Say")
	f.answersAlone(1, 14, "no such service")
	if c := w.view("consul:gone"); c != nil {
		t.Errorf("there is %+v", c)
	}
	e := newBackend(t, "one")
	a.register(t, "gone", e.addr())
	eventually(t, "the service is there", func() error {
		if a := get(t, c, w.url("/"), "Host", "gone"); a.StatusCode != 200 {
			return fmt.Errorf("%d %s", a.StatusCode, a.body)
		}
		return nil
	})
}

// consulOnDemandForgotten: a cluster that nobody asks for is forgotten, and made again
// when somebody does.
func consulOnDemandForgotten(t *testing.T, a *agent) {
	e := newBackend(t, "one")
	a.register(t, "web", e.addr())
	w := start(t, a.onDemand(`"idle_timeout": "20ms"`))
	c := client(t)
	for range 3 {
		if a := get(t, c, w.url("/"), "Host", "web"); a.StatusCode != 200 {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		until(t, "the cluster is forgotten", func() bool { return w.view("consul:web") == nil })
	}
}

// consulOnDemandAtOnce: of many requests that are the first to name services, each is
// answered, while clusters come and go.
func consulOnDemandAtOnce(t *testing.T, a *agent) {
	e := newBackend(t, "one")
	services := []string{"com.example.a", "com.example.b", "com.example.c"}
	for _, s := range services {
		a.register(t, s, e.addr())
	}
	w := start(t, a.onDemand(`"idle_timeout": "1ms"`))
	var load []*traffic
	for _, s := range services {
		load = append(load, w.traffic(2, "/", "Host", s))
	}
	for _, l := range load {
		l.more(100)
	}
	for _, l := range load {
		l.end()
	}
}

// TestConsulAway: as long as the agent is away, the last hosts stay. One that comes
// back without its catalog changes nothing either, until services are registered
// anew. A weir that starts meanwhile has the clusters of its file.
func TestConsulAway(t *testing.T) {
	a := startAgent(t)
	e := backends(t, "one", "two")
	a.register(t, "web", e[0].addr())
	s := setup{
		routes:   route("/static", "static", "") + ", " + route("/", "up", ""),
		clusters: consulCluster("up", "web", "") + ", " + cluster("static", "", e[1].addr()),
		top:      a.top(""),
	}
	w := start(t, s)
	c := client(t)
	expectAnswers(t, w, c, "one")
	load := w.traffic(4, "/")
	a.Stop()
	w.expectFailing("up", "refused")
	load.more(100)

	s.manager = `"warm_up": "10ms"`
	late := start(t, s)
	lateClient := client(t)
	get(t, lateClient, late.url("/static")).expect(t, 200, "two")
	get(t, lateClient, late.url("/")).expect(t, 503, "no host\n")
	if shown := late.view("up"); shown.Source.Ready {
		t.Errorf("what was never heard of is shown as %+v", shown)
	}

	a.Restart()
	w.expectFailing("up", "no hosts were discovered")
	expectAnswers(t, w, c, "one")
	load.more(100)
	a.register(t, "web", addresses(e...)...)
	expectAnswers(t, w, c, "one,two")
	expectAnswers(t, late, lateClient, "one,two")
	w.expectFailing("up", "")
	load.more(100)
	load.end()
}
