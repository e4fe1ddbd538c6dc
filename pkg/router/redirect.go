package router

import (
	"bytes"
	"slices"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
)

// redirect is the answer of a route that sends clients elsewhere. What is empty is
// taken from the request.
type redirect struct {
	status       int
	scheme, host string
	path         string // with its query, if it has one
}

// RedirectStatus returns the status of the response of a route with the action
// SendRedirect.
func (rt *Route) RedirectStatus() int { return rt.redirect.status }

// AppendLocation appends the value of the Location field that sends the request
// elsewhere, for a route with the action SendRedirect. It is an absolute URL; only
// if the request names no host that could be part of one, it is a path, which never
// starts with two slashes.
func (rt *Route) AppendLocation(dst []byte, r *Request) []byte {
	d := rt.redirect
	before := d.appendOrigin(dst, r)
	relative := len(before) == len(dst)
	dst = before
	path, query := r.target()
	if d.path != "" {
		dst = append(dst, d.path...)
		if strings.IndexByte(d.path, '?') >= 0 {
			return dst
		}
		return appendEscaped(dst, query)
	}
	if len(path) == 0 || path[0] != '/' {
		dst = append(dst, '/') // CONNECT has no path, that of OPTIONS may be *
		return appendEscaped(dst, query)
	}
	if relative {
		// Two slashes would make the first segment a host.
		dst = append(dst, '/')
		path = bytes.TrimLeft(path, `/\`)
	}
	return appendEscaped(appendEscaped(dst, path), query)
}

// appendOrigin appends scheme and host, or nothing if there is no host.
func (d *redirect) appendOrigin(dst []byte, r *Request) []byte {
	authority := r.Head.Authority()
	if d.host == "" && !isAuthority(authority) {
		return dst
	}
	old := r.Head.Scheme()
	if len(old) == 0 {
		old = []byte("http")
	}
	if d.scheme != "" {
		dst = append(dst, d.scheme...)
	} else {
		dst = append(dst, old...)
	}
	dst = append(dst, "://"...)
	if d.host != "" {
		return append(dst, d.host...)
	}
	if d.scheme != "" && d.scheme != string(old) {
		// The default port of one scheme makes no sense with the other.
		if _, port := splitAuthority(authority); port == 80 || port == 443 {
			authority = authority[:bytes.LastIndexByte(authority, ':')]
		}
	}
	return append(dst, authority...)
}

// appendEscaped appends b with what cannot be part of a URL escaped, so that it
// ends neither the header nor the URL, and so that no client reads a backslash as
// a slash.
func appendEscaped(dst, b []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0 {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

func (c *compiler) redirect(conf *config.Redirect) *redirect {
	d := &redirect{
		status: conf.ResponseCode,
		scheme: strings.ToLower(conf.SchemeRedirect),
		host:   conf.HostRedirect,
		path:   conf.PathRedirect,
	}
	if !slices.Contains([]int{301, 302, 303, 307, 308}, d.status) {
		c.errorf(conf.At("response_code"), "must be 301, 302, 303, 307 or 308, is %d", d.status)
	}
	if !slices.Contains([]string{"", "http", "https"}, d.scheme) {
		c.errorf(conf.At("scheme_redirect"), "must be http or https, is %q", d.scheme)
	}
	if d.host != "" && !isAuthority(d.host) {
		c.errorf(conf.At("host_redirect"), "%q is not a host", d.host)
	}
	path, query, _ := strings.Cut(d.path, "?")
	switch {
	case d.path == "":
	case path == "" || path[0] != '/' || !isPathText(path) || !isPathText(strings.ReplaceAll(query, "?", "")):
		c.errorf(conf.At("path_redirect"), "%q is not a path", d.path)
	case strings.HasPrefix(path, "//") || strings.HasPrefix(path, `/\`):
		c.errorf(conf.At("path_redirect"), "%q would lead to another host", d.path)
	}
	if d.scheme == "" && d.host == "" && d.path == "" {
		c.report.Warnf(conf.Node(), "the redirect leads to where the request came from")
	}
	return d
}
