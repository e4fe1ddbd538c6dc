package router

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// rewrite is what a route makes of the host and path of its requests.
type rewrite struct {
	host       []byte      // nil: unchanged
	hostHeader *headerName // nil: none
	prefix     string      // "": unchanged
	pattern    *regexp.Regexp
	template   []byte
}

// originalPath is the header that tells a host the path before a route rewrote it.
const originalPath = "x-mosn-original-path"

// RewriteRequest changes the head of r as the route asks: first the header, by
// the route, its virtual host and the table in this order; then the host; then
// the path. It is called once per request.
//
// False means that the new path would have a segment . or .. in it, which the
// request's own path has not: the request must be refused, since a server would
// resolve it to a path that was never routed. A route with regex_rewrite allocates.
func (rt *Route) RewriteRequest(r *Request) bool {
	for i := range rt.edits {
		apply(rt.edits[i].request, r.Head, r)
	}
	w := &rt.rewrite
	switch {
	case w.host != nil:
		r.Head.SetAuthority(w.host)
	case w.hostHeader != nil:
		if value, ok := w.hostHeader.get(r); ok && isAuthority(value) {
			r.rewrite = append(r.rewrite[:0], value...)
			r.Head.SetAuthority(r.rewrite)
		}
	}
	return rt.rewritePath(r)
}

// RewriteHost makes the hostname of the chosen host the request's authority, as
// a route with AutoHost asks. A host without a hostname changes nothing. r lends
// its memory.
func RewriteHost(r *Request, hostname string) {
	if hostname != "" {
		r.rewrite = append(r.rewrite[:0], hostname...)
		r.Head.SetAuthority(r.rewrite)
	}
}

func (rt *Route) rewritePath(r *Request) bool {
	w := &rt.rewrite
	if w.prefix == "" && w.pattern == nil {
		return true
	}
	path, query := cutQuery(r.Head.Path())
	switch {
	case w.prefix != "" && len(path) >= rt.matched:
		rest := path[rt.matched:]
		if w.prefix[len(w.prefix)-1] == '/' && len(rest) > 0 && rest[0] == '/' {
			rest = rest[1:]
		}
		r.rewrite = append(append(r.rewrite[:0], w.prefix...), rest...)
	case w.pattern != nil && len(path) > 0 && path[0] == '/':
		replaced := w.pattern.ReplaceAll(path, w.template)
		r.rewrite = r.rewrite[:0]
		if len(replaced) == 0 || replaced[0] != '/' {
			r.rewrite = append(r.rewrite, '/')
		}
		r.rewrite = append(r.rewrite, replaced...)
	default:
		return true
	}
	if hasDotSegment(r.rewrite) {
		return false
	}
	changed := !bytes.Equal(r.rewrite, path)
	r.rewrite = append(r.rewrite, query...)
	r.Head.SetPath(r.rewrite)
	if changed && r.Head.RPC.Kind == stream.KindHTTP {
		r.Head.SetBytes(originalPath, path)
	}
	return true
}

// hasDotSegment tells whether a path has a segment . or .., in clear or escaped.
func hasDotSegment(path []byte) bool {
	for len(path) > 0 {
		var segment []byte
		segment, path, _ = bytes.Cut(path, []byte("/"))
		if isDots(segment) {
			return true
		}
	}
	return false
}

func isDots(segment []byte) bool {
	dots := 0
	for len(segment) > 0 && dots < 3 {
		switch {
		case segment[0] == '.':
			segment = segment[1:]
		case len(segment) >= 3 && stream.EqualFold(segment[:3], "%2e"):
			segment = segment[3:]
		default:
			return false
		}
		dots++
	}
	return dots == 1 || dots == 2
}

// rewrite compiles what a route makes of host and path.
func (c *compiler) rewrite(conf *config.Route) rewrite {
	var w rewrite
	a := conf.Route
	if a.HostRewrite != "" {
		w.host = []byte(a.HostRewrite)
		if !isAuthority(a.HostRewrite) {
			c.errorf(a.At("host_rewrite"), "%q is not a host", a.HostRewrite)
		}
	} else if a.AutoHostRewriteHeader != "" {
		h := headerNameOf(a.AutoHostRewriteHeader)
		w.hostHeader = &h
	}
	switch {
	case a.PrefixRewrite != "":
		n := a.At("prefix_rewrite")
		if conf.Match.Prefix == "" && conf.Match.Path == "" {
			c.errorf(n, "match has no prefix and no path that could be rewritten")
			return w
		}
		if a.PrefixRewrite[0] != '/' || !isPathText(a.PrefixRewrite) {
			c.errorf(n, "%q is not a path", a.PrefixRewrite)
			return w
		}
		w.prefix = a.PrefixRewrite
	case a.RegexRewrite != nil:
		c.regexRewrite(&w, a.RegexRewrite)
	}
	return w
}

func (c *compiler) regexRewrite(w *rewrite, conf *config.RegexRewrite) {
	n := conf.At("substitution")
	re, _ := c.regexp(conf.Pattern.At("regex"), conf.Pattern.Regex)
	switch {
	case re == nil:
	case !isPathText(conf.Substitution):
		c.errorf(n, "%q cannot be part of a path", conf.Substitution)
	default:
		template, highest := expandTemplate(conf.Substitution)
		if highest > re.NumSubexp() {
			c.errorf(n, `\%d: the expression has no such group`, highest)
			return
		}
		w.pattern, w.template = re, []byte(template)
	}
}

// expandTemplate turns \1 into ${1}, and \\ into \. What is left is a template as
// package regexp takes it, so that $1 works as well. It returns the highest group.
func expandTemplate(s string) (template string, highest int) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			b.WriteString("${" + s[i:i+1] + "}")
			highest = max(highest, int(c-'0'))
		case c == '$':
			b.WriteString("$$")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), highest
}

// isPathText tells whether a text can be part of a path: visible ASCII, and no
// start of a query or fragment.
func isPathText(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '?' || c == '#' {
			return false
		}
	}
	return true
}

// isAuthority tells whether a text is a host with or without a port: no user, no
// path, nothing that could end a header or be taken for another host.
func isAuthority[T string | []byte](s T) bool {
	host, _ := splitAuthority([]byte(s))
	for _, c := range host {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"#%,/;<>?@[\\]^`{|}", c) >= 0 {
			return false
		}
	}
	bracketed := len(s) > 0 && s[0] == '['
	return len(host) > 0 && (bracketed || bytes.IndexByte(host, ':') < 0)
}
