package admin

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

var (
	errHost = errors.New("the Host header must be an IP address, localhost, or the address that the admin interface listens on")
	errSite = errors.New("another site may not change anything here, nor embed what is here")
)

// guard refuses what an operator's browser sends on behalf of others. A page of another site can send requests to loopback, and once
// its own name resolves to loopback it can read the answers as well: so no name is good but those that are known.
type guard struct {
	anyHost bool
	hosts   map[string]bool
	origins *http.CrossOriginProtection
}

func newGuard(anyHost bool) guard {
	return guard{anyHost: anyHost, hosts: map[string]bool{"localhost": true}, origins: http.NewCrossOriginProtection()}
}

// allow adds a host that requests may name. It must not run while requests do.
func (g *guard) allow(host string) {
	if host != "" {
		g.hosts[plainHost(host)] = true
	}
}

// check returns the status and the reason of a refusal, or no error.
func (g *guard) check(r *http.Request) (int, error) {
	if !g.anyHost && !g.knows(r.Host) {
		return http.StatusMisdirectedRequest, errHost
	}
	if g.origins.Check(r) != nil || embedded(r) {
		return http.StatusForbidden, errSite
	}
	return 0, nil
}

// knows reports whether a Host header names this server. An HTTP/1.0 client may send none, a browser cannot.
func (g *guard) knows(host string) bool {
	if host == "" {
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	} else if rest, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(rest, "]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return g.hosts[plainHost(host)]
}

func plainHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// embedded reports whether a page of another site asks for a part of itself: an image, a frame, a fetch. It may not read the answer,
// but a profile costs. Following a link from another site is fine.
func embedded(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
}

// harden sets the headers that every answer has.
func harden(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
}
