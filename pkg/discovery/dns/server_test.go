package dns

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	typeA     = dnsmessage.TypeA
	typeAAAA  = dnsmessage.TypeAAAA
	typeSRV   = dnsmessage.TypeSRV
	typeCNAME = dnsmessage.TypeCNAME
)

// server is a name server of a zone that tests change.
type server struct {
	address string

	mu     sync.Mutex
	zone   map[question][]dnsmessage.Resource
	codes  map[string]dnsmessage.RCode // names that are answered with a code
	asked  map[question]int
	byTCP  int
	silent bool
	noEDNS bool // FORMERR to questions with EDNS
	// cut makes answers over UDP truncated.
	cut bool
	// before are messages that are sent before each answer over UDP.
	before func(asked, answer []byte) [][]byte
}

// serve starts a server, until the test ends.
func serve(t *testing.T) *server {
	t.Helper()
	udp, tcp := listen(t)
	s := &server{
		address: udp.LocalAddr().String(), zone: make(map[question][]dnsmessage.Resource),
		codes: make(map[string]dnsmessage.RCode), asked: make(map[question]int),
	}
	var all sync.WaitGroup
	all.Go(func() { s.runUDP(udp, &all) })
	all.Go(func() { s.runTCP(tcp, &all) })
	t.Cleanup(func() {
		udp.Close()
		tcp.Close()
		all.Wait()
	})
	return s
}

// listen opens sockets of both kinds on one port.
func listen(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 100 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err == nil {
			return udp, tcp
		}
		tcp.Close()
	}
	t.Fatal("there is no port that is free for UDP and TCP")
	return nil, nil
}

func (s *server) runUDP(c net.PacketConn, all *sync.WaitGroup) {
	buf := make([]byte, 4096)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		asked := append([]byte(nil), buf[:n]...)
		all.Go(func() {
			answer, before := s.answer(asked, true)
			for _, m := range before {
				c.WriteTo(m, from)
			}
			if answer != nil {
				c.WriteTo(answer, from)
			}
		})
	}
}

func (s *server) runTCP(l net.Listener, all *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer c.Close()
			var length [2]byte
			if _, err := io.ReadFull(c, length[:]); err != nil {
				return
			}
			asked := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(c, asked); err != nil {
				return
			}
			if answer, _ := s.answer(asked, false); answer != nil {
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
			}
		})
	}
}

// answer answers a message; nil: not at all.
func (s *server) answer(msg []byte, udp bool) (answer []byte, before [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var m dnsmessage.Message
	if err := m.Unpack(msg); err != nil || len(m.Questions) != 1 {
		return nil, nil
	}
	q := question{strings.ToLower(m.Questions[0].Name.String()), m.Questions[0].Type}
	s.asked[q]++
	if !udp {
		s.byTCP++
	}
	if s.silent {
		return nil, nil
	}
	edns := len(m.Additionals) > 0
	m.Header.Response, m.Header.RecursionAvailable, m.Additionals = true, true, nil
	m.Header.RCode, m.Answers = s.find(q)
	switch {
	case s.noEDNS && edns:
		m.Header.RCode, m.Answers = dnsmessage.RCodeFormatError, nil
	case s.cut && udp:
		m.Header.Truncated, m.Answers = true, m.Answers[:len(m.Answers)/2]
	}
	answer, err := m.Pack()
	if err != nil {
		panic(err)
	}
	if s.before != nil && udp {
		before = s.before(msg, answer)
	}
	return answer, before
}

// find answers a question from the zone.
func (s *server) find(q question) (dnsmessage.RCode, []dnsmessage.Resource) {
	if code, ok := s.codes[q.name]; ok {
		return code, nil
	}
	var all []dnsmessage.Resource
	for {
		if alias := s.zone[question{q.name, typeCNAME}]; len(alias) > 0 && len(all) < 100 {
			all = append(all, alias...)
			target := alias[0].Body.(*dnsmessage.CNAMEResource).CNAME.String()
			q.name = strings.ToLower(target)
			continue
		}
		if records := s.zone[q]; len(records) > 0 {
			return dnsmessage.RCodeSuccess, append(all, records...)
		}
		for other := range s.zone {
			if other.name == q.name {
				return dnsmessage.RCodeSuccess, all
			}
		}
		return dnsmessage.RCodeNameError, all
	}
}

// head is the head of a record.
func head(name string, ttl uint32) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Class: dnsmessage.ClassINET, TTL: ttl}
}

// set gives a name these addresses, of both families, and no others. Without any, it
// has some other record only.
func (s *server) set(name string, ttl uint32, addresses ...string) {
	s.change(func() {
		delete(s.codes, name)
		delete(s.zone, question{name, typeA})
		delete(s.zone, question{name, typeAAAA})
		s.zone[question{name, dnsmessage.TypeTXT}] = nil
		for _, text := range addresses {
			a := netip.MustParseAddr(text)
			q, r := question{name, typeA}, dnsmessage.Resource{Header: head(name, ttl)}
			if a.Is4() {
				r.Body = &dnsmessage.AResource{A: a.As4()}
			} else {
				q.kind, r.Body = typeAAAA, &dnsmessage.AAAAResource{AAAA: a.As16()}
			}
			s.zone[q] = append(s.zone[q], r)
		}
	})
}

// alias makes a name stand for another.
func (s *server) alias(name, target string) {
	s.change(func() {
		s.zone[question{name, typeCNAME}] = []dnsmessage.Resource{
			{Header: head(name, 60), Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)}},
		}
	})
}

// offer gives a service these records.
func (s *server) offer(name string, list ...service) {
	s.change(func() {
		q := question{name, typeSRV}
		s.zone[q] = nil
		for _, r := range list {
			s.zone[q] = append(s.zone[q], dnsmessage.Resource{Header: head(name, 60), Body: &dnsmessage.SRVResource{
				Priority: r.priority, Weight: r.weight, Port: r.port, Target: dnsmessage.MustNewName(r.target),
			}})
		}
	})
}

// remove makes a name unknown.
func (s *server) remove(name string) {
	s.change(func() {
		delete(s.codes, name)
		for q := range s.zone {
			if q.name == name {
				delete(s.zone, q)
			}
		}
	})
}

// fail makes questions for a name be answered with a code.
func (s *server) fail(name string, code dnsmessage.RCode) {
	s.change(func() { s.codes[name] = code })
}

// change changes the server.
func (s *server) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// questions returns how often a question was asked.
func (s *server) questions(name string, kind dnsmessage.Type) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[question{name, kind}]
}
