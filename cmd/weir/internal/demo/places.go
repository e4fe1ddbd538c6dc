package demo

import (
	"net"
	"strings"
)

// places finds addresses to listen at: those that are configured, or others
// where these are taken.
type places struct {
	anyPort   bool
	upstreams map[string]net.Listener // by the address that is configured
	held      []net.Listener          // at the addresses that weir is to listen at itself
	taken     []string                // ports that somebody else has
}

// upstream returns where an upstream server listens, by its configured address.
func (p *places) upstream(address string) (string, error) {
	if l := p.upstreams[address]; l != nil {
		return l.Addr().String(), nil
	}
	l, err := p.listen(address)
	if err != nil {
		return "", err
	}
	if p.upstreams == nil {
		p.upstreams = make(map[string]net.Listener)
	}
	p.upstreams[address] = l
	return l.Addr().String(), nil
}

// own returns where weir itself can listen. The address is held until release,
// lest another one gets it.
func (p *places) own(address string) (string, error) {
	l, err := p.listen(address)
	if err != nil {
		return "", err
	}
	p.held = append(p.held, l)
	return l.Addr().String(), nil
}

// listen listens at an address, or else at any free port of the same host.
func (p *places) listen(address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !p.anyPort {
		if l, err := net.Listen("tcp", address); err == nil {
			return l, nil
		}
		p.taken = append(p.taken, port)
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// release lets weir listen at its own addresses.
func (p *places) release() {
	for _, l := range p.held {
		l.Close()
	}
	p.held = nil
}

// free gives up every address.
func (p *places) free() {
	p.release()
	for _, l := range p.upstreams {
		l.Close()
	}
}

// notice says which ports are not as configured, "" if all are.
func (p *places) notice() string {
	switch len(p.taken) {
	case 0:
		return ""
	case 1:
		return "Port " + p.taken[0] + " is taken: a free one is used instead."
	}
	return "Ports " + strings.Join(p.taken, ", ") + " are taken: free ones are used instead."
}
