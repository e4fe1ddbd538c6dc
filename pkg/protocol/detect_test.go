package protocol

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// protocols returns protocols of all signatures, or of those named.
func protocols(tb reporter, names ...string) (ps []*Protocol) {
	if len(names) == 0 {
		for _, s := range every() {
			names = append(names, s.Name)
		}
	}
	for _, name := range names {
		ps = append(ps, &Protocol{Name: name, Match: find(tb, name).Match})
	}
	return ps
}

// detect shows b one byte at a time, and returns the protocol with the number of
// bytes that it took, which must be the answer to any longer piece too.
func detect(tb reporter, ps []*Protocol, b string) (name string, at int) {
	tb.Helper()
	d := NewDetector(ps)
	var found *Protocol
	verdicts(tb, func(part []byte) Verdict {
		p, v := d.Detect(part)
		switch {
		case (p != nil) != (v == Yes):
			tb.Fatalf("%q: %v with %v", part, v, p)
		case v == More:
		case at == 0:
			found, at = p, len(part)
		case p != found:
			tb.Fatalf("%q: another protocol than at byte %d", part, at)
		}
		return v
	}, b)
	if found == nil {
		return "", at
	}
	return found.Name, at
}

// meeting is first bytes that more than one protocol may claim, and where it shows
// which one is meant.
type meeting struct {
	between string // the names, separated by a bar
	bytes   string
	want    string
	at      int
}

var meetings = []meeting{
	{"HTTP/1|HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2", 24},
	{"HTTP/1|HTTP/2", "PRI /a HTTP/1.1\r\n", "HTTP/1", 5},
	{"HTTP/1|HTTP/2", "PROPFIND / HTTP/1.1\r\n", "HTTP/1", 9},
	{"HTTP/1|PROXY protocol 1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY protocol 1", 7},
	{"HTTP/1|PROXY protocol 1", "PROXY /a HTTP/1.1\r\n", "HTTP/1", 7},
	{"HTTP/1|bRPC", "PRPC\x00\x00\x00\x1e\x00\x00\x00\x0f", "bRPC", 5},
	{"HTTP/1|bRPC", "PRPC /a HTTP/1.1\r\n", "HTTP/1", 5},
	{"HTTP/1|Redis", "*1\r\n$4\r\nPING\r\n", "Redis", 3},
	{"HTTP/1|TR|PROXY protocol 2", "\r\nGET / HTTP/1.1\r\n", "HTTP/1", 6},
	{"HTTP/1|TR|PROXY protocol 2", "\r\x00\x04\x02\x00\x00\x00\x00\x81\x2c\x00\x00\x01\xdb", "TR", 5},
	{"HTTP/1|TR|PROXY protocol 2", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", "PROXY protocol 2", 12},
	{"Motan 1|Motan 2", "\xf1\xf1\x00\x00\x18\x2c\xdf\xb0\x7e", "Motan 1", 4},
	{"Motan 1|Motan 2", "\xf1\xf1\x00\x08\x00\x2c\xdf\xb0\x7e", "Motan 2", 4},
	{"Tars|TTHeader", "\x00\x00\x00\x5e\x10\x03\x2c\x3c\x40\x01\x56\x12", "Tars", 6},
	{"Tars|TTHeader", "\x00\x00\x00\x5e\x10\x00\x2c\x3c\x40\x01\x56\x12", "TTHeader", 6},
	{"Thrift framed binary|Thrift framed compact|THeader|Dubbo Thrift", unhex("00000011 80010001 00000004 70696e67 00000001 00"), "Thrift framed binary", 8},
	{"Dubbo|Dubbo Thrift", unhex("dabbe2000000000000000001000000014e"), "Dubbo", 2},
}

func TestMeetings(t *testing.T) {
	for _, m := range meetings {
		ps := protocols(t, strings.Split(m.between, "|")...)
		for range ps {
			if name, at := detect(t, ps, m.bytes); name != m.want || at != m.at {
				t.Errorf("%s: %q: %q at byte %d, want %q at %d", m.between, m.bytes, name, at, m.want, m.at)
			}
			ps = append(ps[1:], ps[0])
		}
		if name, at := detect(t, protocols(t), m.bytes); name != m.want || at != m.at {
			t.Errorf("all: %q: %q at byte %d, want %q at %d", m.bytes, name, at, m.want, m.at)
		}
	}
}

// TestPairs detects every sample between its protocol and each other one, in
// either order.
func TestPairs(t *testing.T) {
	for _, s := range samples() {
		for _, o := range every() {
			for _, begin := range s.begins {
				ps := protocols(t, s.name, o.Name)
				first, at1 := detect(t, ps, begin)
				slices.Reverse(ps)
				second, at2 := detect(t, ps, begin)
				if first != s.name || second != s.name || at1 != at2 {
					t.Errorf("%s or %s: %q: %s at byte %d, %s at byte %d", s.name, o.Name, begin, first, at1, second, at2)
				}
			}
		}
	}
}

func TestAllTogether(t *testing.T) {
	ps := protocols(t)
	for _, s := range samples() {
		for _, begin := range s.begins {
			if name, at := detect(t, ps, begin); name != s.name {
				t.Errorf("%s: %q: %q at byte %d", s.name, begin, name, at)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		bytes string
		at    int
	}{
		{"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: msts", 1}, // RDP
		{"ls\r\n", 3},
		{"\x00\x00\x00\x00\x00\x00\x00\x00", 5},
		{"\x01\x01\x00\x03", 4},
		{"\x16\x03\x01\x02\x00\x02", 6}, // a server's hello
		{"{\"id\":1,\"method\":\"a\"}", 1},
		{strings.Repeat("A", 40), MaxSignature},
	} {
		if name, at := detect(t, protocols(t), c.bytes); name != "" || at != c.at {
			t.Errorf("%q: %q at byte %d, want none at %d", c.bytes, name, at, c.at)
		}
	}
}

// TestOrder: the first of the list wins between signatures of one length only.
func TestOrder(t *testing.T) {
	prefix := func(name, signature string) *Protocol {
		return &Protocol{Name: name, Match: func(b []byte) Verdict { return MatchPrefix(b, signature) }}
	}
	long, one, two := prefix("long", "abcd"), prefix("one", "ab"), prefix("two", "ab")
	undecided := &Protocol{Name: "undecided", Match: func([]byte) Verdict { return More }}
	rest := strings.Repeat("x", MaxSignature)
	for _, c := range []struct {
		ps   []*Protocol
		text string
		want string
		at   int
	}{
		{[]*Protocol{one, two}, "ab" + rest, "one", 2},
		{[]*Protocol{two, one}, "ab" + rest, "two", 2},
		{[]*Protocol{two, one, long}, "abcd" + rest, "long", 4},
		{[]*Protocol{long, two, one}, "abcd" + rest, "long", 4},
		{[]*Protocol{two, one, long}, "abc" + rest, "two", 4},
		{[]*Protocol{one, undecided}, "ab" + rest, "one", MaxSignature},
		{[]*Protocol{undecided, one, long}, "abcd" + rest, "long", MaxSignature},
		{[]*Protocol{undecided}, rest, "", MaxSignature},
		{[]*Protocol{one, {Name: "unmatched"}}, "ab" + rest, "one", 2},
		{[]*Protocol{{Name: "unmatched"}}, rest, "", 1},
		{nil, rest, "", 1},
	} {
		if name, at := detect(t, c.ps, c.text); name != c.want || at != c.at {
			t.Errorf("%q: %q at byte %d, want %q at %d", c.text, name, at, c.want, c.at)
		}
	}
}

func TestDetectorKeepsItsList(t *testing.T) {
	ps := protocols(t, "HTTP/1", "Redis")
	d := NewDetector(ps)
	ps[0] = ps[1]
	if p, v := d.Detect([]byte("GET /")); v != Yes || p.Name != "HTTP/1" {
		t.Errorf("%v, %v", p, v)
	}
	if p, v := d.Detect(nil); v != More || p != nil {
		t.Errorf("no bytes: %v, %v", p, v)
	}
}

// expected is Detect by its definition: byte after byte, until nobody says More,
// then the one that said Yes last.
func expected(ps []*Protocol, b []byte) (*Protocol, Verdict) {
	var found *Protocol
	claimed := map[*Protocol]bool{}
	for n := 1; n <= len(b); n++ {
		more, earlier := false, len(claimed)
		for _, p := range ps {
			v := p.Match(b[:n])
			more = more || v == More
			if v == Yes && !claimed[p] {
				claimed[p] = true
				if len(claimed) == earlier+1 {
					found = p
				}
			}
		}
		switch {
		case more && n < MaxSignature:
		case found == nil:
			return nil, No
		default:
			return found, Yes
		}
	}
	return nil, More
}

// TestDetectProperties: for any protocols, in any order, and any bytes, Detect is
// what its definition says, and so is it for the bytes one at a time.
func TestDetectProperties(t *testing.T) {
	all := protocols(t)
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.Permutation(all).Draw(t, "order")
		ps = ps[:rapid.IntRange(1, len(ps)).Draw(t, "number")]
		b := anyBytes().Draw(t, "bytes")
		checkDetect(t, ps, b)
	})
}

func checkDetect(tb reporter, ps []*Protocol, b []byte) {
	d := NewDetector(ps)
	for n := 1; n <= len(b); n++ {
		p, v := d.Detect(b[:n])
		if wantP, wantV := expected(ps, b[:n]); p != wantP || v != wantV {
			tb.Fatalf("%q: %v %v, want %v %v", b[:n], p, v, wantP, wantV)
		}
		if n >= MaxSignature && v == More {
			tb.Fatalf("%q: undecided", b[:n])
		}
	}
}

// FuzzDetect also checks that the order of the list does not matter among all the
// signatures there are, since no two of one length claim the same bytes.
func FuzzDetect(f *testing.F) {
	for _, s := range samples() {
		for _, begin := range s.begins {
			f.Add([]byte(begin), uint(0))
		}
	}
	for i, m := range meetings {
		f.Add([]byte(m.bytes), uint(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, turn uint) {
		if len(b) == 0 {
			return
		}
		b = b[:min(len(b), 2*MaxSignature)]
		ps := protocols(t)
		n := int(turn % uint(len(ps)))
		turned := slices.Concat(ps[n:], ps[:n])
		checkDetect(t, turned, b)
		p, v := NewDetector(ps).Detect(b)
		if q, w := NewDetector(turned).Detect(b); p != q || v != w {
			t.Fatalf("%q: %v %v, or in another order %v %v", b, p, v, q, w)
		}
	})
}

func TestDetectDoesNotAllocate(t *testing.T) {
	d := NewDetector(protocols(t))
	for _, m := range meetings {
		b := []byte(m.bytes)
		if n := testing.AllocsPerRun(100, func() { d.Detect(b) }); n != 0 {
			t.Errorf("%q: %v allocations", m.bytes, n)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	for _, c := range []struct {
		name, bytes string
		of          []string
	}{
		{"http1 of http1,bolt,dubbo", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", []string{"HTTP/1", "bolt 1", "Dubbo"}},
		{"dubbo of http1,bolt,dubbo", unhex("dabbe2000000000000000001000000014e"), []string{"HTTP/1", "bolt 1", "Dubbo"}},
		{"http2 of all", preface, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := NewDetector(protocols(b, c.of...))
			first := []byte(c.bytes)
			b.ReportAllocs()
			for b.Loop() {
				d.Detect(first)
			}
		})
	}
}
