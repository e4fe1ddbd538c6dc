package router

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream/streamtest"
	"github.com/weirproxy/weir/pkg/upstream"
)

func weighted(weights ...uint32) []config.WeightedCluster {
	var all []config.WeightedCluster
	for i, w := range weights {
		name := "c" + string(rune('0'+i))
		all = append(all, config.WeightedCluster{Cluster: config.ClusterWeight{
			Name: name, Weight: w, MetadataMatch: config.Metadata{"who": name},
		}})
	}
	return all
}

func TestWeightsAreExact(t *testing.T) {
	for _, weights := range [][]uint32{{1}, {1, 1}, {0, 3, 0, 5, 0}, {90, 9, 1}, {7, 0, 0, 0, 11, 13, 1, 2}} {
		rt := compile(t, everyHost(action(config.RouteAction{WeightedClusters: weighted(weights...)}))).Routes()[0]
		r := request("GET h/")
		total := uint64(0)
		for _, w := range weights {
			total += uint64(w)
		}
		// Twice over, from a draw far above the sum.
		got := make([]uint32, len(weights))
		start := total * 1_000_000_007
		for draw := start; draw < start+2*total; draw++ {
			target, ok := rt.Target(r, draw)
			if !ok {
				t.Fatalf("%v: no target for %d", weights, draw)
			}
			got[target.Cluster]++
		}
		for i := range got {
			if got[i] != 2*weights[i] {
				t.Errorf("%v: shares %v of two rounds", weights, got)
				break
			}
		}
	}
}

func TestTarget(t *testing.T) {
	labels := config.Metadata{"zone": "a", "who": "route"}
	tests := []struct {
		name   string
		action config.RouteAction
		line   string
		want   Target
		ok     bool
	}{
		{"name", config.RouteAction{ClusterName: "c4", MetadataMatch: labels}, "GET h/", Target{Cluster: 4, Name: "c4", Metadata: labels}, true},
		{"weights", config.RouteAction{WeightedClusters: weighted(0, 1), MetadataMatch: labels}, "GET h/",
			Target{Cluster: 1, Name: "c1", Metadata: map[string]string{"zone": "a", "who": "c1"}}, true},
		{"header", config.RouteAction{ClusterHeader: "X-Cluster", MetadataMatch: labels}, "GET h/|x-cluster: any",
			Target{Cluster: -1, Dynamic: []byte("any"), Metadata: labels}, true},
		{"no header", config.RouteAction{ClusterHeader: "X-Cluster"}, "GET h/", Target{Cluster: -1}, false},
		{"empty header", config.RouteAction{ClusterHeader: "X-Cluster"}, "GET h/|X-Cluster: ", Target{Cluster: -1, Dynamic: []byte{}}, false},
		{"variable", config.RouteAction{ClusterVariable: "x.to"}, "GET h/|to: any", Target{Cluster: -1, Dynamic: []byte("any")}, true},
		{"no variable", config.RouteAction{ClusterVariable: "x.to"}, "GET h/", Target{Cluster: -1, Dynamic: []byte{}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt := compile(t, everyHost(action(tt.action))).Routes()[0]
			parts := strings.Split(tt.line, "|")
			got, ok := rt.Target(request(parts[0], parts[1:]...), 12345)
			if ok != tt.ok {
				t.Fatalf("ok is %v", ok)
			}
			tt.want.Subset = upstream.SubsetKey(tt.want.Metadata)
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRetryPolicy(t *testing.T) {
	conf := config.Default[config.RetryPolicy]()
	if retryPolicy(&conf) != nil || retryPolicy(nil) != nil {
		t.Error("a policy without retry_on retries")
	}
	conf.RetryOn, conf.StatusCodes, conf.NumRetries, conf.Idempotent = true, []int{502, 503, 100, 599}, 4, true
	conf.RetryTimeout = time.Second
	p := retryPolicy(&conf)
	if p.PerTry != time.Second || p.Retries != 4 || !p.Idempotent || p.AvoidZone || p.AvoidPriority {
		t.Errorf("policy %+v", p)
	}
	conf.Avoid = []config.Avoidance{config.AvoidZone}
	if p := retryPolicy(&conf); !p.AvoidZone || p.AvoidPriority {
		t.Errorf("avoids %+v", p)
	}
	conf.Avoid = []config.Avoidance{config.AvoidPriority, config.AvoidZone}
	if p := retryPolicy(&conf); !p.AvoidZone || !p.AvoidPriority {
		t.Errorf("avoids %+v", p)
	}
	for status := -1; status < 1000; status++ {
		want := status == 502 || status == 503 || status == 100 || status == 599
		if p.Status(status) != want {
			t.Errorf("status %d: %v", status, !want)
		}
	}
	conf.StatusCodes = nil
	for status := range 1000 { // as in MOSN
		if got := retryPolicy(&conf).Status(status); got != (status >= 500 && status < 600) {
			t.Errorf("without codes, status %d: %v", status, got)
		}
	}
	conf.GRPCStatusCodes = []int{14}
	if p := retryPolicy(&conf); p.Status(503) || !p.Call(14) {
		t.Error("with statuses of gRPC, others are retried")
	}
	for i, want := range []string{"25ms", "50ms", "100ms", "200ms", "250ms", "250ms"} {
		if got := p.Delay(i + 1); got.String() != want {
			t.Errorf("retry %d waits %v, want %v", i+1, got, want)
		}
	}
	conf.BackOff, conf.MaxBackOff = 1<<62, 1<<63-1
	if got := retryPolicy(&conf).Delay(100); got != 1<<62 {
		t.Errorf("the longest wait is %v", got)
	}
}

func TestHash(t *testing.T) {
	header := config.HashPolicy{Header: &config.HeaderHashPolicy{Key: "X-User"}}
	cookie := config.HashPolicy{Cookie: &config.CookieHashPolicy{Name: "sid", Path: "/p", TTL: time.Minute}}
	source := config.HashPolicy{SourceIP: &config.SourceIPHashPolicy{}}
	param := config.HashPolicy{QueryParameter: &config.QueryHashPolicy{Name: "user"}}
	service := config.HashPolicy{Service: &config.ServiceHashPolicy{}}
	method := config.HashPolicy{Service: &config.ServiceHashPolicy{Method: true}}
	metadata := func(key string) config.HashPolicy {
		return config.HashPolicy{Metadata: &config.HeaderHashPolicy{Key: key}}
	}
	hashOf := func(t *testing.T, line string, address string, policies ...config.HashPolicy) (uint64, bool, bool) {
		rt := compile(t, everyHost(action(config.RouteAction{HashPolicy: policies}))).Routes()[0]
		parts := strings.Split(line, "|")
		r := request(parts[0], parts[1:]...)
		if address != "" {
			r.Info.Downstream = streamtest.Between(1, address, "")
		}
		return rt.Hash(r, 7)
	}
	ann, bob := hashBytes([]byte("ann")), hashBytes([]byte("bob"))
	v4 := netip.MustParseAddr("::ffff:10.0.0.1").As16()
	tests := []struct {
		name, line, address string
		policies            []config.HashPolicy
		sum                 uint64
		newCookie, ok       bool
	}{
		{"none", "GET h/", "10.0.0.1:1", nil, hashBytes(v4[:]), false, true},
		{"none, and no address", "GET h/", "", nil, 0, false, false},
		{"header", "GET h/|x-user: ann|x-user: bob", "", []config.HashPolicy{header}, ann, false, true},
		{"no header", "GET h/", "", []config.HashPolicy{header}, 0, false, false},
		{"the first that yields a value", "GET h/|Cookie: sid=bob", "", []config.HashPolicy{header, cookie}, bob, false, true},
		{"header first", "GET h/|Cookie: sid=bob|X-User: ann", "", []config.HashPolicy{header, cookie}, ann, false, true},
		{"cookie among others", "GET h/|Cookie: xsid=1; a|Cookie: b=2;sid=bob ; sid=ann", "", []config.HashPolicy{cookie}, bob, false, true},
		{"no cookie", "GET h/|Cookie: SID=bob", "10.0.0.1:1", []config.HashPolicy{cookie, source}, hashBytes([]byte("0000000000000007")), true, true},
		{"address without port", "GET h/", "10.0.0.1:1", []config.HashPolicy{header, source}, hashBytes(v4[:]), false, true},
		{"same address, mapped", "GET h/", "[::ffff:10.0.0.1]:2", []config.HashPolicy{source}, hashBytes(v4[:]), false, true},
		{"parameter", "GET h/?x=1&user=%61nn&user=bob", "", []config.HashPolicy{param}, ann, false, true},
		{"empty parameter", "GET h/?user", "", []config.HashPolicy{param}, hashBytes(nil), false, true},
		{"no parameter", "GET h/?User=ann", "", []config.HashPolicy{param}, 0, false, false},
		{"service", "GET h/|call: ann say", "", []config.HashPolicy{service}, ann, false, true},
		{"no service", "GET h/|service: ann", "", []config.HashPolicy{service, method}, 0, false, false},
		{"service and method", "GET h/|call: ann say", "", []config.HashPolicy{method}, hashBytes([]byte("ann/say")), false, true},
		{"service without method", "GET h/|call: ann", "", []config.HashPolicy{method}, hashBytes([]byte("ann/")), false, true},
		{"metadata", "GET h/|call: s m|X-User: ann", "", []config.HashPolicy{metadata("x-user")}, ann, false, true},
		{"metadata of a reserved name", "GET h/|method: bob|call: s", "", []config.HashPolicy{metadata("method")}, bob, false, true},
		{"no metadata", "GET h/|call: s m", "", []config.HashPolicy{metadata("x-user"), service}, hashBytes([]byte("s")), false, true},
		{"no address", "GET h/", "", []config.HashPolicy{source}, 0, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sum, newCookie, ok := hashOf(t, tt.line, tt.address, tt.policies...)
			if sum != tt.sum || newCookie != tt.newCookie || ok != tt.ok {
				t.Errorf("%#x, new cookie %v, %v; want %#x, %v, %v", sum, newCookie, ok, tt.sum, tt.newCookie, tt.ok)
			}
		})
	}
}

// The cookie that a response sets leads the next request to the same place.
func TestNewCookieHashesAlike(t *testing.T) {
	policy := config.HashPolicy{Cookie: &config.CookieHashPolicy{Name: "sid", Path: "/p", TTL: 90 * time.Second}}
	rt := compile(t, everyHost(action(config.RouteAction{HashPolicy: []config.HashPolicy{policy}}))).Routes()[0]
	const draw = 0xdeadbeef01020304
	first, newCookie, _ := rt.Hash(request("GET h/"), draw)
	set := string(rt.AppendCookie(nil, draw))
	if want := "sid=deadbeef01020304; Path=/p; Max-Age=90; HttpOnly"; !newCookie || set != want {
		t.Fatalf("Set-Cookie %q, want %q", set, want)
	}
	value, _, _ := strings.Cut(set, ";")
	second, newCookie, _ := rt.Hash(request("GET h/", "Cookie: "+value), 1)
	if newCookie || first != second {
		t.Errorf("hash %#x, then %#x", first, second)
	}
}

// The hash is part of what processes agree on: it may not change.
func TestHashIsFixed(t *testing.T) {
	for in, want := range map[string]uint64{"": 0xefd01f60ba992926, "a": 0x82a2a958a9bece5b, "weir": 0x928ebc5f622cac17} {
		if got := hashBytes([]byte(in)); got != want {
			t.Errorf("hash of %q: %#x, want %#x", in, got, want)
		}
	}
}
