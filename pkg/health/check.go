package health

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/protocol"
)

// Check is what hosts are asked, and how often. It does not change, and many
// targets may share one.
type Check struct {
	settings
	protocol *protocol.Protocol // nil for byTCP
	beat     *heartbeat         // what is asked of hosts of an RPC protocol
}

// settings are what makes two checks the same.
type settings struct {
	kind kind
	name string // of the protocol

	timeout       time.Duration // for the whole answer
	interval      time.Duration // between checks of a host that is well
	whileIll      time.Duration // of one that is not
	jitter        time.Duration // added to both, at most
	delay         time.Duration // before the first
	rise, fall    int           // answers in a row that make a host well, or not
	port          uint16        // that is asked; 0: the host's own
	mark          uint32        // SO_MARK of the sockets
	authority     string        // what requests call the host; "": its address
	method, path  string
	codes         codes
	text, service string
}

// kind is what sort of question is asked.
type kind uint8

const (
	byTCP kind = iota
	byHTTP
	byGRPC
	byHeartbeat
)

// codes is a set of statuses.
type codes [(maxCode + 63) / 64]uint64

const maxCode = 600

func (c *codes) add(from, to int) {
	for i := max(from, 0); i <= to && i < maxCode; i++ {
		c[i/64] |= 1 << (i % 64)
	}
}

func (c *codes) has(code int) bool {
	return code >= 0 && code < maxCode && c[code/64]&(1<<(code%64)) != 0
}

// NewCheck makes the check that a configuration asks for, one that the loader has
// checked. mark is the SO_MARK of its sockets, 0 for none. It is an error if the
// protocol has no heartbeats.
func NewCheck(c *config.HealthCheck, mark uint32, protocols protocol.Registry) (*Check, error) {
	check := &Check{settings: settings{
		timeout: c.Timeout, interval: c.Interval, whileIll: cmp.Or(c.UnhealthyInterval, c.Interval),
		jitter: c.IntervalJitter, delay: c.InitialDelay,
		rise: c.HealthyThreshold, fall: c.UnhealthyThreshold, mark: mark, name: c.Protocol,
	}}
	name := c.Protocol
	switch name {
	case config.CheckTCP:
		return check, nil
	case config.CheckHTTP1, config.CheckHTTP2:
		check.setHTTP(c.Config.HTTP)
	case config.CheckGRPC:
		name = config.CheckHTTP2
		check.kind = byGRPC
		check.authority, check.service = c.Config.GRPC.Authority, c.Config.GRPC.Service
	default:
		check.kind = byHeartbeat
	}
	p, ok := protocols.Find(name)
	if !ok {
		return nil, fmt.Errorf("there is no protocol %q", name)
	}
	check.protocol = p
	if check.kind == byHeartbeat {
		var err error
		if check.beat, err = newHeartbeat(p); err != nil {
			return nil, err
		}
	}
	return check, nil
}

func (s *settings) setHTTP(c *config.HTTPCheck) {
	s.kind = byHTTP
	s.port, s.method, s.path, s.authority, s.text = c.Port, c.Method, c.Path, c.Domain, c.ExpectedText
	if c.Timeout > 0 {
		s.timeout = min(s.timeout, c.Timeout)
	}
	for i := range c.Codes {
		s.codes.add(c.Codes[i].Start, c.Codes[i].End)
	}
	if len(c.Codes) == 0 {
		s.codes.add(200, 200)
	}
}

// question returns what a host of an address is asked; nil if a connection to it is
// enough.
func (c *Check) question(host string) question {
	switch c.kind {
	case byHTTP:
		return &httpQuestion{check: c, authority: c.nameOf(host)}
	case byGRPC:
		return &grpcQuestion{check: c, authority: c.nameOf(host)}
	case byHeartbeat:
		return c.beat
	default:
		return nil
	}
}

// nameOf returns what a request calls a host.
func (c *Check) nameOf(host string) string {
	if c.authority != "" {
		return c.authority
	}
	if _, ok := socketPath(host); ok {
		return "localhost" // a path is no host
	}
	if name, _, err := net.SplitHostPort(host); err == nil && c.port != 0 {
		return net.JoinHostPort(name, strconv.Itoa(int(c.port)))
	}
	return host
}

// where returns where a host is asked.
func (c *Check) where(addr netip.AddrPort) netip.AddrPort {
	if c.port == 0 {
		return addr
	}
	return netip.AddrPortFrom(addr.Addr(), c.port)
}
