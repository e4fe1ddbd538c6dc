package dns

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// ednsSize is the size of a datagram that passes every network in one piece.
	ednsSize = 1232
	// mostRecords bounds the addresses, and the targets, of one name. Further ones
	// are left out.
	mostRecords = 4096
	// longestChain bounds how often a name may stand for another.
	longestChain = 16
)

// question is a full name, in lower case and with its last dot, and what is asked
// of it.
type question struct {
	name string
	kind dnsmessage.Type // A, AAAA or SRV
}

// String renders the question as logs do.
func (q question) String() string {
	return strings.TrimSuffix(q.name, ".") + " (" + strings.TrimPrefix(q.kind.String(), "Type") + ")"
}

// service is one SRV record.
type service struct {
	target           string // a full name, in lower case
	port             uint16
	priority, weight uint16
}

// answer is what a server says. One without records says that there are none.
type answer struct {
	addresses []netip.Addr
	services  []service
	ttl       uint32 // seconds; the least of the records that led here. Without records it means nothing
}

// empty reports whether there is nothing.
func (a *answer) empty() bool { return len(a.addresses) == 0 && len(a.services) == 0 }

var (
	// errForeign is a message that is not the answer to the question: a late one, or
	// one of somebody who guesses.
	errForeign = errors.New("the answer is one to another question")
	// errTruncated is an answer that is not all there.
	errTruncated = errors.New("the answer is truncated")
	// errMalformed is an answer that cannot be read.
	errMalformed = errors.New("the answer is malformed")
	// errLame is an answer of a server that does not know, and asks nobody.
	errLame = errors.New("the server does not answer for this name")
	// errLoop is a name that stands for itself, or for a name that does and so on.
	errLoop = errors.New("the answer's chain of aliases has no end")
)

// codeError is an answer that says that there is no answer.
type codeError dnsmessage.RCode

// Error names the code.
func (e codeError) Error() string {
	switch code := dnsmessage.RCode(e); code {
	case dnsmessage.RCodeFormatError:
		return "FORMERR"
	case dnsmessage.RCodeServerFailure:
		return "SERVFAIL"
	case dnsmessage.RCodeNotImplemented:
		return "NOTIMP"
	case dnsmessage.RCodeRefused:
		return "REFUSED"
	default:
		return fmt.Sprintf("response code %d", code)
	}
}

// appendQuestion appends the message that asks a question.
func appendQuestion(dst []byte, id uint16, q question, edns bool) ([]byte, error) {
	name, err := dnsmessage.NewName(q.name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a name", q.name)
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: q.kind, Class: dnsmessage.ClassINET}},
	}
	if edns {
		opt := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(".")}
		if err := opt.SetEDNS0(ednsSize, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		m.Additionals = []dnsmessage.Resource{{Header: opt, Body: &dnsmessage.OPTResource{}}}
	}
	out, err := m.AppendPack(dst)
	if err != nil {
		return nil, fmt.Errorf("%q is not a name", q.name)
	}
	return out, nil
}

// readAnswer reads a message that should answer a question. After errForeign the
// answer may still come; after other errors it has come, and is of no use.
func readAnswer(msg []byte, id uint16, q question) (*answer, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil || h.ID != id || !h.Response || h.OpCode != 0 {
		return nil, errForeign
	}
	asked, err := p.AllQuestions()
	if err != nil || len(asked) > 1 || len(asked) == 1 && !q.is(&asked[0]) {
		return nil, errForeign
	}
	absent := h.RCode == dnsmessage.RCodeNameError
	switch {
	case h.RCode != dnsmessage.RCodeSuccess && !absent:
		// Servers that cannot read a question may leave it out.
		return nil, codeError(h.RCode)
	case len(asked) == 0:
		return nil, errForeign
	case h.Truncated:
		return nil, errTruncated
	case absent:
		return new(answer), nil
	}
	records, err := readRecords(&p, q.kind)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 && !h.Authoritative && !h.RecursionAvailable {
		return nil, errLame
	}
	return follow(records, q)
}

// is reports whether a server's copy of a question is this one. Servers may change
// its case.
func (q question) is(other *dnsmessage.Question) bool {
	return other.Type == q.kind && other.Class == dnsmessage.ClassINET && strings.EqualFold(other.Name.String(), q.name)
}

// record is one record of an answer, of the kind that was asked for or an alias.
type record struct {
	owner   string // in lower case
	ttl     uint32
	alias   string // in lower case; if it is an alias
	address netip.Addr
	service service
}

// readRecords reads what an answer has for its question, aliases included.
func readRecords(p *dnsmessage.Parser, kind dnsmessage.Type) ([]record, error) {
	var records []record
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return records, nil
		}
		if err != nil {
			return nil, errMalformed
		}
		wanted := h.Class == dnsmessage.ClassINET && (h.Type == kind || h.Type == dnsmessage.TypeCNAME)
		if !wanted || len(records) >= mostRecords+longestChain {
			if err := p.SkipAnswer(); err != nil {
				return nil, errMalformed
			}
			continue
		}
		r := record{owner: strings.ToLower(h.Name.String()), ttl: lifetime(h.TTL)}
		if err := r.read(p, h.Type); err != nil {
			return nil, errMalformed
		}
		records = append(records, r)
	}
}

// lifetime returns a record's time to live; one with the sign bit set is none
// (RFC 2181, 8).
func lifetime(ttl uint32) uint32 {
	if ttl > math.MaxInt32 {
		return 0
	}
	return ttl
}

// read reads the record's body.
func (r *record) read(p *dnsmessage.Parser, kind dnsmessage.Type) error {
	switch kind {
	case dnsmessage.TypeA:
		body, err := p.AResource()
		r.address = netip.AddrFrom4(body.A)
		return err
	case dnsmessage.TypeAAAA:
		body, err := p.AAAAResource()
		r.address = netip.AddrFrom16(body.AAAA).Unmap()
		return err
	case dnsmessage.TypeSRV:
		body, err := p.SRVResource()
		r.service = service{strings.ToLower(body.Target.String()), body.Port, body.Priority, body.Weight}
		return err
	default:
		body, err := p.CNAMEResource()
		r.alias = strings.ToLower(body.CNAME.String())
		return err
	}
}

// follow goes from the name that was asked for along the aliases, and gathers what
// the last name has. Records of other names are nobody's business.
func follow(records []record, q question) (*answer, error) {
	a := &answer{ttl: math.MaxInt32}
	name := q.name
	for range longestChain {
		alias := ""
		for i := range records {
			r := &records[i]
			if r.owner != name {
				continue
			}
			a.ttl = min(a.ttl, r.ttl)
			if r.alias != "" {
				alias = r.alias
				continue
			}
			a.add(r, q.kind)
		}
		if alias == "" || !a.empty() {
			return a, nil
		}
		name = alias
	}
	return nil, errLoop
}

// add takes a record, unless it can be no host.
func (a *answer) add(r *record, kind dnsmessage.Type) {
	switch {
	case kind != dnsmessage.TypeSRV:
		if usable(r.address) && len(a.addresses) < mostRecords {
			a.addresses = append(a.addresses, r.address)
		}
	case r.service.target != "." && r.service.port != 0 && len(a.services) < mostRecords:
		a.services = append(a.services, r.service)
	}
}

// usable reports whether an address can be a host's. A connection to an address that
// is not specified would go to this machine itself, which filters that hide names
// answer for them.
func usable(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
