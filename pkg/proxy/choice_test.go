package proxy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
)

// TestHash: requests that belong together go to the same host, where the cluster's
// balancer hashes.
func TestHash(t *testing.T) {
	byHeader := `,"hash_policy":[{"header":{"key":"x-user"}}]`
	across(t, func(t *testing.T, k kind) {
		if k.rpc() {
			byHeader = `,"hash_policy":[{"service":{}}]`
		}
		w := newWorld(t, plan{kind: k, hosts: 5, route: byHeader, cluster: `,"lb_type":"LB_MAGLEV"`})
		hosts := map[int]bool{}
		for range 8 {
			from := w.client.ask(t.Context(), request{method: "GET", header: map[string]string{"X-User": "one"}})
			c := w.asked()
			hosts[c.host] = true
			c.answer(k.ok(), "")
			w.expect(from, k.ok(), "")
		}
		if len(hosts) != 1 {
			t.Errorf("%d hosts got what belongs together", len(hosts))
		}
	})
}

// TestCookie: a request without the cookie gets one, and leads to the same host with
// it.
func TestCookie(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2} {
		w := newWorld(t, plan{kind: k, hosts: 5, cluster: `,"lb_type":"LB_RING_HASH"`,
			route: `,"hash_policy":[{"cookie":{"name":"session","path":"/","ttl":"60s"}}]`})
		seen := map[string]bool{}
		for range 4 {
			from := w.ask()
			first := w.asked()
			first.answer(200, "")
			set := w.got(from).header.Values("Set-Cookie")
			if len(set) != 1 || !strings.HasPrefix(set[0], "session=") || !strings.Contains(set[0], "Path=/") {
				t.Fatalf("%s: Set-Cookie: %q", k, set)
			}
			cookie, _, _ := strings.Cut(set[0], ";")
			seen[cookie] = true
			for range 3 {
				from := w.client.ask(t.Context(), request{method: "GET", header: map[string]string{"Cookie": cookie}})
				again := w.asked()
				again.answer(200, "")
				if r := w.got(from); again.host != first.host || r.header.Get("Set-Cookie") != "" {
					t.Errorf("%s: it leads to host %d instead of %d, and sets %q", k, again.host, first.host, r.header.Get("Set-Cookie"))
				}
			}
		}
		if len(seen) != 4 {
			t.Errorf("%s: %d different cookies of 4", k, len(seen))
		}
	}
}

// TestNoCookie: no cookie is set where it makes no difference, nor with an answer that
// is none of a host's.
func TestNoCookie(t *testing.T) {
	policy := `,"hash_policy":[{"cookie":{"name":"session","ttl":"60s"}}]`
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, route: policy})
	from := w.ask()
	w.asked().answer(200, "")
	if r := w.got(from); r.header.Get("Set-Cookie") != "" {
		t.Errorf("Set-Cookie: %q", r.header.Get("Set-Cookie"))
	}
	w = newWorld(t, plan{kind: kindHTTP1, dead: 1, route: policy, cluster: `,"lb_type":"LB_MAGLEV"`})
	if r := w.got(w.ask()); r.status != 503 || r.header.Get("Set-Cookie") != "" {
		t.Errorf("%d, Set-Cookie: %q", r.status, r.header.Get("Set-Cookie"))
	}
}

const originalDst = `,"type":"ORIGINAL_DST","lb_type":"LB_ORIGINAL_DST"`

// TestDestination: a cluster without hosts of its own takes the request's.
func TestDestination(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 3, cluster: originalDst + `,"original_dst_lb_config":{"use_header":true,"header_name":"X-To"}`})
	for i, addr := range w.hosts {
		from := w.client.ask(t.Context(), request{method: "GET", header: map[string]string{"X-To": addr}})
		c := w.asked()
		if c.host != i {
			t.Errorf("host %d got what is for %s", c.host, addr)
		}
		c.answer(200, "")
		w.expect(from, 200, "")
	}
	for _, to := range []string{"", "nowhere", "127.0.0.1", "127.0.0.1:99999"} {
		from := w.client.ask(t.Context(), request{method: "GET", header: map[string]string{"X-To": to}})
		w.expect(from, 503, "no host\n")
	}
	w.settled()
	if got := w.last().Flags; got != stream.NoHealthyUpstream {
		t.Errorf("flags %v", got)
	}
}

// TestDestinationOfConnection: without such a header, it is where the client's
// connection was meant to go, for requests and for bytes.
func TestDestinationOfConnection(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 2, cluster: originalDst})
		addr := netip.MustParseAddrPort(w.hosts[1])
		w.on(func() { w.w.OriginalDst = func(*eventloop.Conn) netip.AddrPort { return addr } }) // as if it was redirected
		if k.rpc() {
			w.client.close()
			w.client = newClient(t, w)
		}
		from := w.ask()
		c := w.asked()
		if c.host != 1 {
			t.Errorf("host %d is asked", c.host)
		}
		c.answer(k.ok(), "")
		w.expect(from, k.ok(), "")
	})
}

// TestDestinationIsWeir: a connection that nobody redirected was meant for weir, which
// does not send requests to itself.
func TestDestinationIsWeir(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, cluster: originalDst, local: "0.0.0.0:15001"})
	w.on(func() {
		w.w.OriginalDst = func(*eventloop.Conn) netip.AddrPort { return netip.MustParseAddrPort("10.0.0.1:15001") }
	})
	w.expect(w.ask(), 503, "no host\n")
}

// TestAvoid: a retry prefers hosts of another zone, or priority, than that which has
// failed, if the policy says so.
func TestAvoid(t *testing.T) {
	for what, labels := range map[string][]string{
		"zone":     {`,"zone":"a"`, `,"zone":"a"`, `,"zone":"a"`, `,"zone":"a"`, `,"zone":"b"`},
		"priority": {"", "", "", "", `,"priority":1`},
	} {
		for range 8 {
			w := newWorld(t, plan{kind: kindHTTP1, hosts: 5, labels: labels, cluster: `,"lb_type":"LB_RANDOM"`,
				route: fmt.Sprintf(`,"retry_policy":{"retry_on":true,"num_retries":1,"status_codes":[500],"avoid":[%q],"back_off":"1ms"}`, what)})
			from := w.ask()
			first := w.asked()
			first.answer(500, "")
			w.until("it is retried", func() bool { return w.w.Stats.Cluster("c").RequestRetry == 1 })
			w.forward(delay)
			second := w.asked()
			if (first.host == 4) == (second.host == 4) {
				t.Errorf("%s: first host %d, then host %d", what, first.host, second.host)
			}
			second.answer(200, "")
			w.expect(from, 200, "")
		}
	}
}

func TestParseAddrPort(t *testing.T) {
	for in, want := range map[string]string{
		"1.2.3.4:80":        "1.2.3.4:80",
		"255.0.0.255:65535": "255.0.0.255:65535",
		"[::1]:443":         "[::1]:443",
		"[fe80::1%eth0]:1":  "[fe80::1%eth0]:1",
		"1.2.3.4:0":         "1.2.3.4:0",
		"1.2.3.4":           "", "1.2.3:80": "", "1.2.3.4.5:80": "", "1.2.3.256:80": "", "1.2.3.4:65536": "", "1.2.3.4:": "",
		"01.2.3.4:80": "", "1..3.4:80": "", "::1:80": "", "host:80": "", "": "", ":80": "", "1.2.3.4:080": "", "1.2.3.4:+80": "",
	} {
		got := parseAddrPort([]byte(in))
		if got.IsValid() != (want != "") || want != "" && got.String() != want {
			t.Errorf("%q is %v, want %q", in, got, want)
		}
	}
	in := []byte("10.20.30.40:8080")
	if n := testing.AllocsPerRun(100, func() { parseAddrPort(in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestChoiceAllocates: what a choice depends on, and the choice, cost no memory.
func TestChoiceAllocates(t *testing.T) {
	for name, p := range map[string]plan{
		"by header":      {route: `,"hash_policy":[{"header":{"key":"x-user"}}]`, cluster: `,"lb_type":"LB_MAGLEV"`},
		"by cookie":      {route: `,"hash_policy":[{"cookie":{"name":"session","ttl":"60s"}}]`, cluster: `,"lb_type":"LB_RING_HASH"`},
		"by destination": {cluster: originalDst + `,"original_dst_lb_config":{"use_header":true,"header_name":"X-To"}`},
	} {
		p.kind, p.hosts = kindHTTP1, 3
		w := newWorld(t, p)
		from := w.client.ask(t.Context(), request{method: "GET", header: map[string]string{"X-To": w.hosts[0]}})
		w.asked().answer(200, "")
		w.expect(from, 200, "")
		w.settled()
		w.on(func() {
			s := w.w.free[len(w.w.free)-1]
			s.req = w.w.heads.Get()
			s.req.Set("X-User", "one")
			s.req.Set("X-To", w.hosts[0])
			w.w.request.Reset(s.req, &s.info)
			if n := testing.AllocsPerRun(200, func() { s.target.aim(); s.attempts.pick() }); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
			w.w.heads.Put(s.req)
			s.req = nil
		})
	}
}
