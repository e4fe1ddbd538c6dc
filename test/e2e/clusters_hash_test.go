package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// hashedBy is a route to "up" with a hash policy.
func hashedBy(policy string) string {
	return route("/", "up", fmt.Sprintf(`"hash_policy": [%s]`, policy))
}

// owners returns who answers the requests of each of a hundred keys. Each is asked
// several times, on connections of their own, and so by all workers.
func owners(t *testing.T, w *weir, keyed func(c *http.Client, key string) string) map[string]string {
	t.Helper()
	of := make(map[string]string)
	for range 4 {
		c := client(t)
		for i := range 100 {
			key := fmt.Sprint("key-", i)
			name := keyed(c, key)
			if before, ok := of[key]; ok && before != name {
				t.Errorf("%s is answered by %s and by %s", key, before, name)
			}
			of[key] = name
		}
		c.CloseIdleConnections()
	}
	return of
}

// TestHashing: requests of the same key go to the same host, on all workers and after
// a restart; when a host goes, only its own keys move, and when it is back, they are
// its own again.
func TestHashing(t *testing.T) {
	for _, balancer := range []string{"LB_MAGLEV", "LB_RING_HASH"} {
		t.Run(balancer, func(t *testing.T) {
			e := backends(t, "1", "2", "3", "4", "5")
			f := newHostsFile(t, e...)
			s := setup{routes: hashedBy(`{"header": {"key": "X-Key"}}`), clusters: f.cluster("up", fmt.Sprintf(`"lb_type": %q`, balancer))}
			w := start(t, s)
			byHeader := func(w *weir) func(*http.Client, string) string {
				return func(c *http.Client, key string) string { return get(t, c, w.url("/"), "X-Key", key).body }
			}
			before := owners(t, w, byHeader(w))
			shares := make(map[string]int)
			for _, name := range before {
				shares[name]++
			}
			for _, h := range e {
				if n := shares[h.name]; n < 5 || n > 45 {
					t.Errorf("%s has %d keys of 100", h.name, n)
				}
			}
			f.hold(e[0], e[1], e[3], e[4])
			expectAnswers(t, w, client(t), "1,2,4,5") // those without a key go anywhere
			moved := 0
			for key, name := range owners(t, w, byHeader(w)) {
				if name != before[key] {
					moved++
					if before[key] != "3" && balancer == "LB_RING_HASH" {
						t.Errorf("%s has moved from %s to %s", key, before[key], name)
					}
				}
			}
			if moved < shares["3"] || moved > shares["3"]+10 {
				t.Errorf("%d keys have moved, and the host that is gone had %d", moved, shares["3"])
			}
			f.hold(e[4], e[3], e[2], e[1], e[0])
			expectAnswers(t, w, client(t), "1,2,3,4,5")
			other := start(t, s)
			for key, name := range owners(t, other, byHeader(other)) {
				if name != before[key] {
					t.Errorf("%s has moved from %s to %s", key, before[key], name)
				}
			}
		})
	}
}

// TestHashingByCookie: a client without the cookie gets one, and then always the same
// host.
func TestHashingByCookie(t *testing.T) {
	e := backends(t, "1", "2", "3")
	w := start(t, setup{
		routes:   hashedBy(`{"cookie": {"name": "at", "path": "/", "ttl": "1h"}}`),
		clusters: cluster("up", `"lb_type": "LB_MAGLEV"`, addresses(e...)...),
	})
	c := client(t)
	for range 5 {
		first := get(t, c, w.url("/"))
		cookies := first.Cookies()
		if len(cookies) != 1 || cookies[0].Name != "at" || cookies[0].MaxAge != 3600 {
			t.Fatalf("the cookies are %v", cookies)
		}
		for range 10 {
			a := get(t, c, w.url("/"), "Cookie", "at="+cookies[0].Value)
			a.expect(t, 200, first.body)
			if len(a.Cookies()) != 0 {
				t.Errorf("a client with a cookie gets %v", a.Cookies())
			}
		}
	}
}

// TestHashingBolt: calls go to the same host by what a header of theirs says.
func TestHashingBolt(t *testing.T) {
	hosts := []*boltHost{newBoltHost(t), newBoltHost(t), newBoltHost(t)}
	at := make([]string, len(hosts))
	for i, h := range hosts {
		at[i] = h.addr()
	}
	for kind, name := range map[string]string{"header": "user", "metadata": "user"} {
		t.Run(kind, func(t *testing.T) {
			w := start(t, setup{
				routes: `{"match": {"headers": [{"name": "service", "value": ".*"}]}, "route": {"cluster_name": "up",
					"hash_policy": [{` + fmt.Sprintf(`%q: {"key": %q}`, kind, name) + `}]}}`,
				proxy: anyProtocol, clusters: cluster("up", `"lb_type": "LB_MAGLEV"`, slices.Clone(at)...),
			})
			used := make(map[int]bool)
			for key := range 20 {
				owner := -1
				for range 4 {
					before := [3]int64{hosts[0].requests.Load(), hosts[1].requests.Load(), hosts[2].requests.Load()}
					c := dial(t, w.addr())
					if status := boltStatus(t, c, boltRequest(7, targetService, "echo", "user", fmt.Sprint("user-", key))); status != 200 {
						t.Fatalf("status %d", status)
					}
					c.Close()
					for i, h := range hosts {
						if h.requests.Load() == before[i] {
							continue
						}
						if owner >= 0 && owner != i {
							t.Errorf("the calls of user %d go to hosts %d and %d", key, owner, i)
						}
						owner, used[i] = i, true
					}
				}
			}
			if len(used) != len(hosts) {
				t.Errorf("only hosts %v are used", used)
			}
		})
	}
}
