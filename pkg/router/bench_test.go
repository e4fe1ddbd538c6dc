package router

import (
	"fmt"
	"testing"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream/streamtest"
)

// kind makes virtual hosts with n routes of one kind, and requests that find some
// of them, the last among them.
type kind struct {
	name    string
	make    func(n int) ([]config.VirtualHost, []*Request)
	regexps bool // some of the conditions are regular expressions
}

func kinds() []kind {
	return []kind{
		{"Exact", exactRoutes, false}, {"Prefix", prefixRoutes, false}, {"Regex", regexRoutes, true},
		{"Hosts", hostRoutes, false}, {"Wildcards", wildcardRoutes, false}, {"Headers", headerRoutes, false},
		{"Mixed", mixedRoutes, true},
	}
}

// picks are 64 routes, evenly spread: enough that not all of a large table that
// matters stays in the fastest cache.
func picks(n int) []int {
	all := make([]int, 64)
	for i := range all {
		all[i] = i * (n - 1) / (len(all) - 1)
	}
	return all
}

func pathRoutes(n int, match func(i int) config.RouteMatch) ([]config.VirtualHost, []*Request) {
	var routes []config.Route
	for i := range n {
		routes = append(routes, forward("r", match(i)))
	}
	var requests []*Request
	for _, i := range picks(n) {
		requests = append(requests, request(fmt.Sprintf("GET shop.example/api/service-%d/items?id=7", i), ordinary()...))
	}
	return []config.VirtualHost{everyHost(routes...)}, requests
}

// ordinary are headers that clients send anyway.
func ordinary() []string {
	return []string{
		"User-Agent: client/1.0", "Accept: */*", "Accept-Encoding: gzip", "X-Request-Id: 0123456789", "Content-Type: application/json",
	}
}

func exactRoutes(n int) ([]config.VirtualHost, []*Request) {
	return pathRoutes(n, func(i int) config.RouteMatch {
		return config.RouteMatch{Path: fmt.Sprintf("/api/service-%d/items", i)}
	})
}

func prefixRoutes(n int) ([]config.VirtualHost, []*Request) {
	return pathRoutes(n, func(i int) config.RouteMatch {
		return config.RouteMatch{Prefix: fmt.Sprintf("/api/service-%d/", i)}
	})
}

func regexRoutes(n int) ([]config.VirtualHost, []*Request) {
	return pathRoutes(n, func(i int) config.RouteMatch {
		return config.RouteMatch{Regex: fmt.Sprintf(`^/api/service-%d/[a-z]+$`, i)}
	})
}

func manyHosts(n int, domain string) ([]config.VirtualHost, []*Request) {
	var hosts []config.VirtualHost
	for i := range n {
		hosts = append(hosts, config.VirtualHost{
			Domains: []string{fmt.Sprintf(domain, i)}, Routes: []config.Route{forward("r", config.RouteMatch{Prefix: "/"})},
		})
	}
	hosts = append(hosts, everyHost())
	var requests []*Request
	for _, i := range picks(n) {
		requests = append(requests, request(fmt.Sprintf("GET www.shop-%d.example:8080/api", i), ordinary()...))
	}
	return hosts, requests
}

func hostRoutes(n int) ([]config.VirtualHost, []*Request) { return manyHosts(n, "www.shop-%d.example") }

func wildcardRoutes(n int) ([]config.VirtualHost, []*Request) {
	return manyHosts(n, "*.shop-%d.example")
}

func headerRoutes(n int) ([]config.VirtualHost, []*Request) {
	var routes []config.Route
	for i := range n {
		routes = append(routes, forward("r", config.RouteMatch{
			Headers: []config.HeaderMatcher{{Name: "service", Value: fmt.Sprintf("com.example.Service%d", i)}},
		}))
	}
	var requests []*Request
	for _, i := range picks(n) {
		requests = append(requests, request("GET h/", append(ordinary(), fmt.Sprintf("service: com.example.Service%d", i))...))
	}
	return []config.VirtualHost{everyHost(routes...)}, requests
}

// mixedRoutes are routes of all kinds, with conditions of all kinds, on one host
// among many.
func mixedRoutes(n int) ([]config.VirtualHost, []*Request) {
	var routes []config.Route
	for i := range n {
		var m config.RouteMatch
		switch path := fmt.Sprintf("/api/service-%d/", i/8*8); i % 8 {
		case 0:
			m.Path = path + "items"
			m.QueryParameters = []config.QueryMatcher{{Name: "id", Value: "8"}}
		case 1:
			m.Regex = "^" + path + "[a-z]+/detail$"
		case 2:
			m.Headers = []config.HeaderMatcher{{Name: "service", Value: fmt.Sprint("s", i)}, {Name: "method", Value: "GET"}}
		case 3:
			m.Prefix = path
			m.Variables = []config.VariableMatcher{{Name: "x.user-agent", Regex: "bot.*", Model: config.ModelOr}, {Name: "x.gray", Value: "1"}}
		default:
			m.Prefix = path
			m.Headers = []config.HeaderMatcher{{Name: "x-version", Value: fmt.Sprint("v", i%8)}}
		}
		routes = append(routes, forward("r", m))
	}
	hosts := []config.VirtualHost{{Domains: []string{"*.example"}, Routes: append(routes, forward("r", config.RouteMatch{Prefix: "/"}))}}
	for i := range n / 10 {
		hosts = append(hosts, config.VirtualHost{Domains: []string{fmt.Sprintf("h%d.test", i), fmt.Sprintf("*.h%d.test", i)}})
	}
	var requests []*Request
	for i, pick := range picks(n) {
		line := fmt.Sprintf("GET shop.example/api/service-%d/items?id=7&x=%%20", pick/8*8)
		requests = append(requests, request(line, append(ordinary(), "Service: s", fmt.Sprint("X-Version: v", 4+i%4))...))
	}
	return hosts, requests
}

func benchmarkMatch(b *testing.B, tableOf func(n int) ([]config.VirtualHost, []*Request)) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			hosts, requests := tableOf(n)
			table := compile(b, hosts...)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				r := requests[i&63]
				i++
				r.Reset(r.Head, r.Info)
				if table.Match(r) == nil {
					b.Fatal("no route")
				}
			}
		})
	}
}

func BenchmarkMatchExact(b *testing.B)     { benchmarkMatch(b, exactRoutes) }
func BenchmarkMatchPrefix(b *testing.B)    { benchmarkMatch(b, prefixRoutes) }
func BenchmarkMatchRegex(b *testing.B)     { benchmarkMatch(b, regexRoutes) }
func BenchmarkMatchHosts(b *testing.B)     { benchmarkMatch(b, hostRoutes) }
func BenchmarkMatchWildcards(b *testing.B) { benchmarkMatch(b, wildcardRoutes) }
func BenchmarkMatchHeaders(b *testing.B)   { benchmarkMatch(b, headerRoutes) }
func BenchmarkMatchMixed(b *testing.B)     { benchmarkMatch(b, mixedRoutes) }

func BenchmarkCompile(b *testing.B) {
	hosts, _ := mixedRoutes(10000)
	b.ReportAllocs()
	for b.Loop() {
		compile(b, hosts...)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	for _, k := range kinds() {
		if raceDetector && k.regexps {
			continue
		}
		hosts, requests := k.make(100)
		table := compile(t, hosts...)
		// One Request for all, as a worker has it, with memory from the first round.
		var r Request
		round := func() {
			for _, q := range requests {
				if r.Reset(q.Head, q.Info); table.Match(&r) == nil {
					t.Fatalf("%s: no route", k.name)
				}
			}
		}
		round()
		if n := testing.AllocsPerRun(100, round); n != 0 {
			t.Errorf("%s: %v allocations", k.name, n)
		}
	}
}

// Everything that is done for a request that is forwarded.
func TestForwardingDoesNotAllocate(t *testing.T) {
	cookie := config.HashPolicy{Cookie: &config.CookieHashPolicy{Name: "sid"}}
	source := config.HashPolicy{SourceIP: &config.SourceIPHashPolicy{}}
	header := config.HashPolicy{Header: &config.HeaderHashPolicy{Key: "x-user"}}
	param := config.HashPolicy{QueryParameter: &config.QueryHashPolicy{Name: "user"}}
	metadata := config.HashPolicy{Metadata: &config.HeaderHashPolicy{Key: "user"}}
	method := config.HashPolicy{Service: &config.ServiceHashPolicy{Method: true}}
	targets := []config.RouteAction{
		{WeightedClusters: weighted(1, 2, 3)}, {ClusterHeader: "to"}, {ClusterVariable: "x.to"},
		{ClusterName: "consul:shop"}, {ClusterName: "consul:*"},
		{ClusterHeader: "on-demand", HashPolicy: []config.HashPolicy{metadata, param, method}},
	}
	for i, a := range targets {
		if a.HashPolicy == nil {
			a.HashPolicy = []config.HashPolicy{header, cookie, source}
		}
		a.PrefixRewrite, a.AutoHostRewriteHeader, a.HeaderEdits = "/new/", "to", edit3("route", true)
		table := compile(t, everyHost(action(a)))
		base := request("GET h/a/b?c", "to: c1", "on-demand: consul:x.internal", "call: com.example.Shop buy")
		base.Info.Downstream = streamtest.Between(1, "10.0.0.1:1", "")
		r := *base
		r.Head = nil
		head := *base.Head
		once := func() {
			head.CopyFrom(base.Head)
			r.Reset(&head, base.Info)
			rt := table.Match(&r)
			if _, ok := rt.Target(&r, 5); !ok {
				t.Fatal("no target")
			}
			if _, _, ok := rt.Hash(&r, 5); !ok {
				t.Fatal("no hash")
			}
			if !rt.RewriteRequest(&r) {
				t.Fatal("refused")
			}
			rt.RewriteResponse(&head, &r)
		}
		once()
		if n := testing.AllocsPerRun(100, once); n != 0 {
			t.Errorf("target %d: %v allocations", i, n)
		}
	}
}

// The name of a cluster that is made of the service that a request names.
func BenchmarkOnDemand(b *testing.B) {
	for _, line := range []string{"call: com.example.Shop buy", "host"} {
		b.Run(line[:4], func(b *testing.B) {
			rt := compile(b, everyHost(action(config.RouteAction{ClusterName: "consul:*"}))).Routes()[0]
			r := request("GET orders.internal:8080/", line)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := rt.Target(r, 1); !ok {
					b.Fatal("no target")
				}
			}
		})
	}
}
