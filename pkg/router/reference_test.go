package router

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
)

// reference finds routes as the package comment says, one after the other, from
// the configuration itself.
func reference(rc *config.RouterConfig, r *Request) string {
	vh := referenceHost(rc, string(r.Head.Authority()))
	if vh == nil {
		return "-"
	}
	for i := range vh.Routes {
		if referenceMatch(&vh.Routes[i].Match, r) {
			return vh.Routes[i].Name
		}
	}
	return "-"
}

func referenceHost(rc *config.RouterConfig, authority string) *config.VirtualHost {
	host, port := cutPort(strings.ToLower(authority))
	var best *config.VirtualHost
	rank := 0
	for i := range rc.VirtualHosts {
		for _, domain := range rc.VirtualHosts[i].Domains {
			if got := domainRank(strings.ToLower(domain), host, port); got > rank {
				best, rank = &rc.VirtualHosts[i], got
			}
		}
	}
	return best
}

func cutPort(s string) (host, port string) {
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// domainRank says how well a domain fits, 0 for not at all.
func domainRank(domain, host, port string) int {
	if domain == "*" {
		return 1
	}
	name, domainPort := cutPort(domain)
	suffix, wild := strings.CutPrefix(name, "*")
	if wild && (!strings.HasSuffix(host, suffix) || len(host) <= len(suffix)) || !wild && name != host {
		return 0
	}
	rank := 1000
	if wild {
		rank = 2 * (1 + len(suffix))
	} else {
		rank += 1000
	}
	switch domainPort {
	case port:
		return rank + 500
	case "*":
		return rank + 1
	case "":
		return rank
	}
	return 0
}

func referenceMatch(m *config.RouteMatch, r *Request) bool {
	path, query, _ := strings.Cut(string(r.Head.Path()), "?")
	switch {
	case m.Prefix != "":
		if !strings.HasPrefix(path, m.Prefix) {
			return false
		}
	case m.Path != "":
		if !strings.EqualFold(path, m.Path) {
			return false
		}
	case m.Regex != "":
		if !regexp.MustCompile(m.Regex).MatchString(path) {
			return false
		}
	}
	for _, h := range m.Headers {
		value, ok := r.Head.Get(h.Name)
		if h.Name == "method" {
			value, ok = r.Head.Method(), true
		}
		everyService := h.Name == "service" && h.Value == ".*" && len(m.Headers) == 1
		if !ok || !everyService && !referenceValue(h.Value, h.Regex, string(value)) {
			return false
		}
	}
	params, _ := url.ParseQuery(query)
	for _, q := range m.QueryParameters {
		if !params.Has(q.Name) || q.Value != "" && !referenceValue(q.Value, q.Regex, params.Get(q.Name)) {
			return false
		}
	}
	return referenceVariables(m.Variables, r)
}

func referenceVariables(variables []config.VariableMatcher, r *Request) bool {
	result, join := true, config.ModelAnd
	for _, x := range variables {
		value, ok := r.Head.Get(strings.TrimPrefix(x.Name, "x."))
		ok = ok && referenceValue(x.Value, false, string(value))
		if join == config.ModelAnd {
			ok = ok && result
		}
		if result, join = ok, x.Model; result && join == config.ModelOr {
			return true
		}
	}
	return result
}

func referenceValue(want string, regex bool, value string) bool {
	if regex {
		return regexp.MustCompile(want).MatchString(value)
	}
	return want == value
}

// genMatch and the other generators draw from so few words that conditions often
// hold, and often collide.
func genMatch(t *rapid.T) config.RouteMatch {
	var m config.RouteMatch
	segments := rapid.SliceOfN(rapid.SampledFrom([]string{"/a", "/b", "/A", "/ab", "/"}), 1, 3)
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0, 1:
		m.Prefix = strings.Join(segments.Draw(t, "prefix"), "")
	case 2:
		m.Path = strings.Join(segments.Draw(t, "path"), "")
	case 3:
		m.Regex = rapid.SampledFrom([]string{"/a.*", "/a/[ab]+", ".*b", "/a", "^/b/?$", "/a|/b", "(?i)/AB", "/a(/b)?", "^/a", "b$", "^/a/b$", "^/a.*", "^/a|b$", "^/(a|b)/", ".*", "^"}).Draw(t, "regex")
	}
	for range rapid.IntRange(0, 3).Draw(t, "headers") {
		m.Headers = append(m.Headers, config.HeaderMatcher{
			Name:  rapid.SampledFrom([]string{"service", "x", "y", "method", "user-agent"}).Draw(t, "name"),
			Value: rapid.SampledFrom([]string{"1", "2", "", "GET", "[12]", "1?", "^1$", "^1", "2$", ".*", "^1.*$", "^$"}).Draw(t, "value"),
			Regex: rapid.Bool().Draw(t, "regex"),
		})
	}
	if rapid.IntRange(0, 3).Draw(t, "query") == 0 {
		m.QueryParameters = append(m.QueryParameters, config.QueryMatcher{
			Name:  rapid.SampledFrom([]string{"q", "r s"}).Draw(t, "name"),
			Value: rapid.SampledFrom([]string{"1", "", "[12]"}).Draw(t, "value"),
			Regex: rapid.Bool().Draw(t, "regex"),
		})
	}
	if rapid.IntRange(0, 3).Draw(t, "variables") == 0 {
		for range rapid.IntRange(1, 3).Draw(t, "count") {
			m.Variables = append(m.Variables, config.VariableMatcher{
				Name:  rapid.SampledFrom([]string{"x.x", "x.y"}).Draw(t, "name"),
				Value: rapid.SampledFrom([]string{"1", "2"}).Draw(t, "value"),
				Model: rapid.SampledFrom([]config.VariableModel{"and", "or"}).Draw(t, "model"),
			})
		}
	}
	return m
}

func genConfig(t *rapid.T) *config.RouterConfig {
	domain := rapid.SampledFrom([]string{
		"a", "a:1", "a:*", "b", "*.a", "*.a:1", "*.a:*", "*.b.a", "*.b.a:1", "*:2", "[::1]", "[::1]:1", "*",
	})
	domains := []string{"*"}
	if rapid.Bool().Draw(t, "hosts") {
		domains = rapid.SliceOfNDistinct(domain, 1, 8, rapid.ID[string]).Draw(t, "domains")
	}
	rc := &config.RouterConfig{}
	for i, domain := range domains {
		vh := config.VirtualHost{Domains: []string{domain}}
		// One virtual host is large, so that its groups are divided.
		least, most := 0, 3
		if i == 0 {
			least, most = 10, 60
		}
		for j := range rapid.IntRange(least, most).Draw(t, "routes") {
			vh.Routes = append(vh.Routes, forward(fmt.Sprintf("%d.%d", i, j), genMatch(t)))
		}
		rc.VirtualHosts = append(rc.VirtualHosts, vh)
	}
	return rc
}

func genRequest(t *rapid.T) *Request {
	method := rapid.SampledFrom([]string{"GET", "1", "PUT"}).Draw(t, "method")
	host := rapid.SampledFrom([]string{"a", "A:1", "a:2", "b", "b:1", "x.a", "x.a:1", "x.b.a", "x.B.a:1", "x.b.a:2", ".a", "[::1]", "[::1]:1", "[::1]:2", "z", ""})
	path := rapid.SliceOfN(rapid.SampledFrom([]string{"/a", "/b", "/A", "/ab", "/"}), 1, 4)
	query := rapid.SampledFrom([]string{"", "?", "?q=1", "?q", "?r+s=2&q=3", "?q=%31", "?q=%3", "?q=1;&r%20s=1"})
	line := method + " " + host.Draw(t, "host") + strings.Join(path.Draw(t, "path"), "") + query.Draw(t, "query")
	var headers []string
	for range rapid.IntRange(0, 4).Draw(t, "headers") {
		name := rapid.SampledFrom([]string{"Service", "X", "y", "User-Agent"}).Draw(t, "name")
		headers = append(headers, name+": "+rapid.SampledFrom([]string{"1", "2", "3", "12", "21", ""}).Draw(t, "value"))
	}
	return request(line, headers...)
}

func TestSameAsReference(t *testing.T) {
	matched, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rc := genConfig(t)
		var report config.Report
		table := Compile(rc, testOptions(), &report)
		if err := report.Err(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			r := genRequest(t)
			got, want := nameOf(table.Match(r)), reference(rc, r)
			if got != want {
				t.Fatalf("%s %s%s: route %s, want %s", r.Head.Method(), r.Head.Authority(), r.Head.Path(), got, want)
			}
			if all++; got != "-" {
				matched++
			}
		}
	})
	if matched*5 < all {
		t.Errorf("only %d of %d requests matched: the test says little", matched, all)
	}
}
