package dns

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/dns/dnsmessage"
)

var compare = cmp.Options{cmp.AllowUnexported(answer{}, service{}), cmpopts.EquateComparable(netip.Addr{})}

// message makes an answer to a question, and lets it be changed.
func message(q question, change func(*dnsmessage.Message)) []byte {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true, RecursionAvailable: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(q.name), Type: q.kind, Class: dnsmessage.ClassINET}},
	}
	change(&m)
	out, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return out
}

func record4(name string, ttl uint32, last byte) dnsmessage.Resource {
	return dnsmessage.Resource{Header: head(name, ttl), Body: &dnsmessage.AResource{A: [4]byte{10, 0, 0, last}}}
}

func cname(name, target string, ttl uint32) dnsmessage.Resource {
	return dnsmessage.Resource{Header: head(name, ttl), Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(target)}}
}

func TestReadAnswer(t *testing.T) {
	q := question{"db.example.", typeA}
	address := func(last byte) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, last})} }
	for _, test := range []struct {
		name   string
		change func(*dnsmessage.Message)
		want   *answer
		err    error
	}{
		{"one", func(m *dnsmessage.Message) { m.Answers = append(m.Answers, record4("DB.example.", 9, 1)) }, &answer{addresses: address(1), ttl: 9}, nil},
		{"nobody asked for", func(m *dnsmessage.Message) {
			txt := dnsmessage.Resource{Header: head("db.example.", 1), Body: &dnsmessage.TXTResource{TXT: []string{"x"}}}
			other := record4("db.example.", 1, 3)
			other.Header.Class = dnsmessage.ClassCHAOS
			m.Answers = append(m.Answers, record4("other.example.", 1, 2), txt, other, record4("db.example.", 9, 1))
		}, &answer{addresses: address(1), ttl: 9}, nil},
		{"chain, in disorder", func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, record4("c.example.", 8, 1), cname("b.example.", "C.example.", 7), cname("db.example.", "b.example.", 9))
		}, &answer{addresses: address(1), ttl: 7}, nil},
		{"chain to nothing", func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, cname("db.example.", "b.example.", 9))
		}, &answer{ttl: 9}, nil},
		{"loop", func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, cname("db.example.", "b.example.", 9), cname("b.example.", "db.example.", 9))
		}, nil, errLoop},
		{"sign bit", func(m *dnsmessage.Message) { m.Answers = append(m.Answers, record4("db.example.", 1<<31, 1)) }, &answer{addresses: address(1)}, nil},
		{"no such name", func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }, &answer{}, nil},
		{"lame", func(m *dnsmessage.Message) { m.RecursionAvailable = false }, nil, errLame},
		{"truncated", func(m *dnsmessage.Message) { m.Truncated = true }, nil, errTruncated},
		{"failure", func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure }, nil, codeError(2)},
		{"failure without question", func(m *dnsmessage.Message) { m.RCode, m.Questions = dnsmessage.RCodeFormatError, nil }, nil, codeError(1)},
		{"no question", func(m *dnsmessage.Message) { m.Questions = nil }, nil, errForeign},
		{"no such name, no question", func(m *dnsmessage.Message) { m.RCode, m.Questions = dnsmessage.RCodeNameError, nil }, nil, errForeign},
		{"other id", func(m *dnsmessage.Message) { m.ID = 8 }, nil, errForeign},
		{"question", func(m *dnsmessage.Message) { m.Response = false }, nil, errForeign},
		{"other kind", func(m *dnsmessage.Message) { m.OpCode = 5 }, nil, errForeign},
		{"other class", func(m *dnsmessage.Message) { m.Questions[0].Class = dnsmessage.ClassCHAOS }, nil, errForeign},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readAnswer(message(q, test.change), 7, q)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if test.want != nil && len(test.want.addresses) == 0 {
				test.want.ttl = 0
				got.ttl = 0 // it means nothing
			}
			if d := cmp.Diff(test.want, got, compare); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestPrefixes cuts an answer short at every byte.
func TestPrefixes(t *testing.T) {
	q := question{"db.example.", typeSRV}
	whole := message(q, func(m *dnsmessage.Message) {
		for i := range 3 {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head(q.name, 9), Body: &dnsmessage.SRVResource{
				Port: 80, Target: dnsmessage.MustNewName(fmt.Sprintf("t%d.example.", i)),
			}})
		}
	})
	for n := range whole {
		if a, err := readAnswer(whole[:n], 7, q); err == nil {
			t.Fatalf("%d of %d bytes are an answer: %+v", n, len(whole), a)
		}
	}
	if a, err := readAnswer(whole, 7, q); err != nil || len(a.services) != 3 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestMostRecords has a message as large as they come.
func TestMostRecords(t *testing.T) {
	q := question{"d.", typeA}
	msg := message(q, func(m *dnsmessage.Message) {
		for i := range mostRecords + 200 {
			r := record4("d.", 9, 1)
			r.Body = &dnsmessage.AResource{A: [4]byte{10, 0, byte(i >> 8), byte(i)}}
			m.Answers = append(m.Answers, r)
		}
	})
	a, err := readAnswer(msg, 7, q)
	if err != nil || len(a.addresses) != mostRecords {
		t.Errorf("%d addresses, %v; want %d", len(a.addresses), err, mostRecords)
	}
}

func TestAppendQuestion(t *testing.T) {
	for _, edns := range []bool{true, false} {
		msg, err := appendQuestion([]byte("xy"), 7, question{"db.example.", typeAAAA}, edns)
		if err != nil {
			t.Fatal(err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(msg[2:]); err != nil {
			t.Fatal(err)
		}
		want := dnsmessage.Question{Name: dnsmessage.MustNewName("db.example."), Type: typeAAAA, Class: dnsmessage.ClassINET}
		if m.ID != 7 || m.Response || !m.RecursionDesired || len(m.Questions) != 1 || m.Questions[0] != want {
			t.Errorf("the question is %v", m.GoString())
		}
		if has := len(m.Additionals) == 1 && m.Additionals[0].Header.Class == ednsSize; has != edns {
			t.Errorf("EDNS: %v, want %v", m.Additionals, edns)
		}
	}
	for _, name := range []string{"a..b.", strings.Repeat("a", 64) + ".", strings.Repeat("a.", 200), "x"} {
		if _, err := appendQuestion(nil, 7, question{name, typeA}, true); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

// FuzzReadAnswer reads anything as an answer to questions of all kinds.
func FuzzReadAnswer(f *testing.F) {
	kinds := []dnsmessage.Type{typeA, typeAAAA, typeSRV}
	for i, kind := range kinds {
		q := question{"db.example.", kind}
		f.Add(uint8(i), message(q, func(m *dnsmessage.Message) {
			m.Answers = append(m.Answers, cname("db.example.", "b.example.", 9), record4("b.example.", 9, 1),
				dnsmessage.Resource{Header: head("b.example.", 9), Body: &dnsmessage.AAAAResource{AAAA: [16]byte{0xfd, 15: 1}}},
				dnsmessage.Resource{Header: head("b.example.", 9), Body: &dnsmessage.SRVResource{Port: 1, Target: dnsmessage.MustNewName("t.")}})
		}))
	}
	f.Fuzz(func(t *testing.T, kind uint8, msg []byte) {
		q := question{"db.example.", kinds[int(kind)%len(kinds)]}
		a, err := readAnswer(msg, 7, q)
		if (a == nil) == (err == nil) {
			t.Fatalf("answer %v, error %v", a, err)
		}
		if a == nil {
			return
		}
		if len(a.addresses) > mostRecords || len(a.services) > mostRecords || a.ttl > 1<<31-1 {
			t.Errorf("out of bounds: %d addresses, %d services, %d s", len(a.addresses), len(a.services), a.ttl)
		}
		if q.kind == typeSRV && len(a.addresses) > 0 || q.kind != typeSRV && len(a.services) > 0 {
			t.Errorf("records that nobody asked for: %+v", a)
		}
		for _, address := range a.addresses {
			if !address.IsValid() || !usable(address) {
				t.Errorf("address %v", address)
			}
		}
		for _, s := range a.services {
			if s.port == 0 || !strings.HasSuffix(s.target, ".") {
				t.Errorf("service %+v", s)
			}
		}
	})
}
