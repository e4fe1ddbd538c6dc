package e2e_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/weirproxy/weir/pkg/admin"
)

// withAdmin opens the admin interface on a free port.
const withAdmin = `"admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}`

// TestFileHosts: the hosts of a cluster are those of a file, from its next change on,
// and no request fails by that. A file that is wrong, gone or empty changes nothing,
// and is told of.
func TestFileHosts(t *testing.T) {
	e := backends(t, "one", "two", "three")
	f := newHostsFile(t, e[0], e[1])
	w := start(t, setup{clusters: f.cluster("up", ""), top: withAdmin})
	c := client(t)
	load := w.traffic(4, "/")
	expectAnswers(t, w, c, "one,two")
	f.hold(e[1], e[2])
	expectAnswers(t, w, c, "three,two")
	load.more(100)
	w.expectFailing("up", "")

	f.write(`[{"address": "127.0.0.1:1"}, {"adr": "127.0.0.1:2"}]`)
	w.expectFailing("up", "adr")
	expectAnswers(t, w, c, "three,two")
	a := get(t, c, fmt.Sprintf("http://%s/api/v1/clusters?name=up", w.AdminAddr()), "Accept", "application/json")
	var shown struct{ Clusters []admin.Cluster }
	if err := json.Unmarshal([]byte(a.body), &shown); err != nil || len(shown.Clusters) != 1 {
		t.Fatalf("%v: %s", err, a.body)
	}
	if up := shown.Clusters[0]; up.Source.Kind != "FILE" || !strings.Contains(up.Source.Failing, "adr") || len(up.Hosts) != 2 {
		t.Errorf("the admin interface shows %+v", up)
	}

	if err := os.Remove(f.path); err != nil {
		t.Fatal(err)
	}
	w.expectFailing("up", "no such file")
	f.write("[]")
	w.expectFailing("up", "no hosts were discovered")
	expectAnswers(t, w, c, "three,two")
	load.more(100)
	f.hold(e...)
	w.expectFailing("up", "")
	expectAnswers(t, w, c, "one,three,two")
	load.more(100)
	load.end()
}

// TestFileEmptied: with allow_empty, an empty file is believed.
func TestFileEmptied(t *testing.T) {
	e := newBackend(t, "one")
	f := newHostsFile(t, e)
	w := start(t, setup{clusters: f.cluster("up", `"allow_empty": true`)})
	c := client(t)
	expectAnswers(t, w, c, "one")
	f.hold()
	expectAnswers(t, w, c, "no host")
	w.expectFailing("up", "")
	f.hold(e)
	expectAnswers(t, w, c, "one")
}

// TestRemovedHostFinishes: a request that is under way on a host that is taken out of
// the file is answered.
func TestRemovedHostFinishes(t *testing.T) {
	e := backends(t, "one", "two")
	f := newHostsFile(t, e[0])
	w := start(t, setup{clusters: f.cluster("up", "")})
	waiting := dial(t, w.addr())
	waiting.send("GET /wait HTTP/1.1\r\nHost: a\r\nX-Token: late\r\n\r\n")
	until(t, "the request is at the host", func() bool { h, _ := w.host("up", e[0].addr()); return h.Active == 1 })
	f.hold(e[1])
	expectAnswers(t, w, client(t), "two")
	e[0].heal()
	waiting.expect(200, "one late")
}

// names is a server of DNS that knows the IPv4 addresses of one name.
type names struct {
	conn net.PacketConn
	done sync.WaitGroup

	mu        sync.Mutex
	addresses []string
	silent    bool // it does not answer
}

func serveNames(t testing.TB) *names {
	t.Helper()
	checkLeaks(t)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{conn: conn}
	n.done.Go(func() {
		b := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := n.answer(b[:size]); answer != nil {
				conn.WriteTo(answer, from)
			}
		}
	})
	t.Cleanup(func() {
		conn.Close()
		n.done.Wait()
	})
	return n
}

func (n *names) set(addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses, n.silent = addresses, false
}

// hush makes it silent.
func (n *names) hush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = true
}

func (n *names) answer(question []byte) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil || len(m.Questions) != 1 || n.silent {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	for _, a := range n.addresses {
		if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
			h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 1}
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(net.ParseIP(a).To4())}})
		}
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// TestNamesHosts: the hosts are the addresses of a name, or one of them, as they come
// and go. As long as the server is away, or knows none, the last ones stay.
func TestNamesHosts(t *testing.T) {
	one := newBackendAt(t, "1", "127.0.0.1:0")
	_, port, _ := net.SplitHostPort(one.addr())
	e := []*backend{one, newBackendAt(t, "2", "127.0.0.2:"+port), newBackendAt(t, "3", "127.0.0.3:"+port)}
	n := serveNames(t)
	n.set("127.0.0.1", "127.0.0.2")
	members := fmt.Sprintf(`"dns_refresh_rate": "5ms", "dns_resolvers": {"servers": [%q], "timeout": "50ms", "attempts": 1}`, n.conn.LocalAddr())
	w := start(t, setup{
		routes:   route("/logical", "logical", "") + ", " + route("/", "up", ""),
		clusters: cluster("up", `"type": "STRICT_DNS", `+members, "web.test:"+port) + ", " + cluster("logical", `"type": "LOGICAL_DNS", `+members, "web.test:"+port),
	})
	c := client(t)
	load := w.traffic(4, "/")
	expectAnswers(t, w, c, "1,2")
	n.set("127.0.0.3", "127.0.0.2")
	expectAnswers(t, w, c, "2,3")
	load.more(100)

	n.hush()
	w.expectFailing("up", "web.test")
	expectAnswers(t, w, c, "2,3")
	n.set("127.0.0.2")
	expectAnswers(t, w, c, "2")
	eventually(t, "the one address is the cluster's", func() error {
		if a := get(t, c, w.url("/logical")); a.body != "2" {
			return fmt.Errorf("requests go to %s", a.body)
		}
		return nil
	})
	n.set()
	w.expectFailing("up", "no hosts were discovered")
	expectAnswers(t, w, c, "2")
	load.more(100)
	load.end()
	if e[0].requests.Load() == 0 || e[2].requests.Load() == 0 {
		t.Error("not all hosts had requests")
	}
}

// TestOriginalDestination: each request goes where it says, and nowhere without.
func TestOriginalDestination(t *testing.T) {
	e := backends(t, "one", "two")
	w := start(t, setup{clusters: cluster("up", `"type": "ORIGINAL_DST", "lb_type": "LB_ORIGINAL_DST", "original_dst_lb_config": {"use_header": true, "header_name": "X-To"}`)})
	c := client(t)
	for range 3 {
		for _, h := range e {
			get(t, c, w.url("/"), "X-To", h.addr()).expect(t, 200, h.name)
		}
	}
	for _, to := range []string{"", "nowhere", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999"} {
		get(t, c, w.url("/"), "X-To", to).expect(t, 503, "no host\n")
	}
	if a := get(t, c, w.url("/"), "X-To", refusing(t)); a.StatusCode != 503 {
		t.Errorf("status %d", a.StatusCode)
	}
}
