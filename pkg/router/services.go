package router

import (
	"bytes"
	"strings"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
)

// services are those that requests may name, and so have clusters made of: the
// list on_demand.services. Nil are none.
type services struct {
	exact map[string]struct{}
	globs []glob
}

// glob is a pattern, cut at its stars: there are at least two parts, of which any
// may be empty.
type glob [][]byte

func newServices(conf *config.OnDemand) *services {
	if conf == nil {
		return nil
	}
	s := &services{exact: make(map[string]struct{})}
	for _, pattern := range conf.Services {
		if !strings.Contains(pattern, config.AnyService) {
			s.exact[pattern] = struct{}{}
			continue
		}
		s.globs = append(s.globs, bytes.Split([]byte(pattern), []byte(config.AnyService)))
	}
	return s
}

// mayName tells whether a request may name a cluster: any that is not on demand,
// because it is there or is not; and of the others those of the services listed.
func (s *services) mayName(cluster []byte) bool {
	const n = len(config.OnDemandPrefix)
	if len(cluster) < n || string(cluster[:n]) != config.OnDemandPrefix {
		return true
	}
	return s != nil && s.allow(cluster[n:])
}

// allow tells whether a service is one of those listed, and has a name that one can
// have: a pattern allows no other.
func (s *services) allow(service []byte) bool {
	if !config.ValidService(service) {
		return false
	}
	if _, ok := s.exact[string(service)]; ok {
		return true
	}
	for _, g := range s.globs {
		if g.matches(service) {
			return true
		}
	}
	return false
}

// matches tells whether a name consists of the parts with anything between them.
// Each part is looked for as far in front as there is one, so that none is looked
// for twice.
func (g glob) matches(name []byte) bool {
	first, last := g[0], g[len(g)-1]
	if len(name) < len(first)+len(last) || !bytes.HasPrefix(name, first) || !bytes.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, part := range g[1 : len(g)-1] {
		i := bytes.Index(name, part)
		if i < 0 {
			return false
		}
		name = name[i+len(part):]
	}
	return true
}

// onDemand returns the name of the cluster of the service that the request names:
// the one that an RPC request or a gRPC call is for, else its host, in lower case
// and without a port. It is valid until the request is used again.
func (r *Request) onDemand() []byte {
	name := append(r.service[:0], config.OnDemandPrefix...)
	if service, ok := r.Head.Attribute(stream.Service); ok {
		name = append(name, service...)
	} else {
		host, _ := splitAuthority(r.Head.Authority())
		name = appendLower(name, host)
	}
	r.service = name
	return name
}
