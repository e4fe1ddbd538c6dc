package router

import (
	"bytes"
	"slices"

	"github.com/weirproxy/weir/pkg/config"
)

// Ports that are no numbers.
const (
	noPort  = -1
	anyPort = -2 // :*, in domains only
)

// hostIndex finds the virtual host of a request's authority.
type hostIndex struct {
	exact  map[string]*ports
	suffix tree[*ports] // of wildcards: the part after the *, from its end
	all    *virtualHost // the domain *
}

// ports are the virtual hosts of one host, or one wildcard, by port.
type ports struct {
	numbered map[int]*virtualHost
	any      *virtualHost // :*
	none     *virtualHost // no port given
}

// definite returns the virtual host that names this port, or, like a request
// without a port, none.
func (p *ports) definite(port int) *virtualHost {
	if port == noPort {
		return p.none
	}
	return p.numbered[port]
}

// indefinite returns the virtual host that takes any port.
func (p *ports) indefinite() *virtualHost {
	if p.any != nil {
		return p.any
	}
	return p.none
}

// find returns the virtual host of a request, nil if there is none.
func (x *hostIndex) find(r *Request) *virtualHost {
	if x.exact == nil && len(x.suffix.children) == 0 && x.suffix.value == nil {
		return x.all
	}
	host, port := splitAuthority(r.Head.Authority())
	r.lower = appendLower(r.lower[:0], host)
	if p := x.exact[string(r.lower)]; p != nil {
		if vh := p.definite(port); vh != nil {
			return vh
		}
		if vh := p.indefinite(); vh != nil {
			return vh
		}
	}
	slices.Reverse(r.lower)
	if vh := x.wildcard(r.lower, port); vh != nil {
		return vh
	}
	return x.all
}

// wildcard returns the virtual host of the longest wildcard with this port, else
// of the longest with any. The * stands for at least one byte.
func (x *hostIndex) wildcard(reversed []byte, port int) *virtualHost {
	var definite, indefinite *virtualHost
	for n, key := &x.suffix, reversed; n != nil && len(key) > 0; n, key = n.step(key) {
		if n.value == nil {
			continue
		}
		if vh := n.value.definite(port); vh != nil {
			definite = vh
		}
		if vh := n.value.indefinite(); vh != nil {
			indefinite = vh
		}
	}
	if definite != nil {
		return definite
	}
	return indefinite
}

// domains adds a virtual host under all its domains.
func (c *compiler) domains(x *hostIndex, conf *config.VirtualHost, vh *virtualHost) {
	for i, domain := range conf.Domains {
		if wrong := x.add(domain, vh); wrong != "" {
			c.errorf(item(conf.At("domains"), i), "the domain %q %s", domain, wrong)
		}
	}
}

// add adds a virtual host under a domain, and says what is wrong with the domain.
func (x *hostIndex) add(domain string, vh *virtualHost) (wrong string) {
	host, port := splitDomain(appendLower(nil, domain))
	wild := len(host) > 0 && host[0] == '*'
	if wild {
		host = host[1:]
	}
	if bytes.IndexByte(host, '*') >= 0 || len(host) == 0 && !wild {
		return "is malformed"
	}
	if wild && len(host) == 0 && port < 0 {
		return setOnce(&x.all, vh)
	}
	p := x.entry(host, wild)
	switch {
	case port == anyPort:
		return setOnce(&p.any, vh)
	case port == noPort:
		return setOnce(&p.none, vh)
	case p.numbered[port] != nil:
		return duplicate
	}
	if p.numbered == nil {
		p.numbered = make(map[int]*virtualHost)
	}
	p.numbered[port] = vh
	return ""
}

const duplicate = "is that of another virtual host, or given twice"

// entry returns the ports of a host, or of the suffix of a wildcard.
func (x *hostIndex) entry(host []byte, wild bool) *ports {
	if wild {
		slices.Reverse(host)
		n := x.suffix.at(string(host))
		if n.value == nil {
			n.value = new(ports)
		}
		return n.value
	}
	if x.exact == nil {
		x.exact = make(map[string]*ports)
	}
	p := x.exact[string(host)]
	if p == nil {
		p = new(ports)
		x.exact[string(host)] = p
	}
	return p
}

func setOnce(at **virtualHost, vh *virtualHost) (wrong string) {
	if *at != nil {
		return duplicate
	}
	*at = vh
	return ""
}

// splitDomain is splitAuthority for a domain of the configuration, whose port
// may be *.
func splitDomain(domain []byte) (host []byte, port int) {
	if before, ok := bytes.CutSuffix(domain, []byte(":*")); ok && len(before) > 0 && before[len(before)-1] != ':' {
		host, port = splitAuthority(before)
		if port == noPort {
			return host, anyPort
		}
	}
	return splitAuthority(domain)
}

// splitAuthority splits an authority into host, without the brackets of an IPv6
// address, and port. An empty port is none. A malformed authority has no host, so
// that only the default virtual host takes it.
func splitAuthority(a []byte) (host []byte, port int) {
	colon := bytes.LastIndexByte(a, ':')
	switch {
	case len(a) > 0 && a[0] == '[':
		end := bytes.IndexByte(a, ']')
		switch {
		case end > 0 && end == len(a)-1:
			return a[1:end], noPort
		case end < 0 || colon != end+1:
			return nil, noPort
		}
		host = a[1:end]
	case colon < 0:
		return a, noPort
	case bytes.IndexByte(a, ':') != colon:
		if len(bytes.Trim(a, "0123456789abcdefABCDEF:.")) > 0 {
			return nil, noPort
		}
		return a, noPort // an IPv6 address without brackets
	default:
		host = a[:colon]
	}
	port, ok := parsePort(a[colon+1:])
	if !ok {
		return nil, noPort
	}
	return host, port
}

func parsePort(s []byte) (int, bool) {
	if len(s) == 0 {
		return noPort, true
	}
	if len(s) > 5 {
		return 0, false
	}
	port := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		port = port*10 + int(c-'0')
	}
	return port, port <= 65535
}

// item returns the i-th item of a list, or the list itself if there is none.
func item(list *config.Node, i int) *config.Node {
	if items := list.Items(); i < len(items) {
		return items[i]
	}
	return list
}
