package protocol

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// sample is what clients of a signature begin with, and, apart from what the code
// says, which bytes each place of it may have.
type sample struct {
	name string
	// places are the values of each byte in hexadecimal, or * for any; "" if the
	// signature has no fixed places.
	places string
	// begins are first bytes of connections, at least the signature.
	begins []string
}

// other are the signatures of protocols that are packages of their own.
func other() []Signature {
	return []Signature{
		made("bolt 1", `01 00-02 00 00-02,64`),
		made("bolt 2", `02 01-02 00-02`),
		made("Dubbo", `da bb`),
	}
}

func every() []Signature { return append(other(), Signatures()...) }

func unhex(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func samples() []sample {
	return []sample{
		{"HTTP/1", "", []string{
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD / HTTP/1.1\r\n", "POST /svc HTTP/1.1\r\n", "PUT /a HTTP/1.1\r\n",
			"DELETE /a HTTP/1.1\r\n", "CONNECT a:443 HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "TRACE / HTTP/1.1\r\n",
			"PATCH /a HTTP/1.1\r\n", "PROPFIND /a HTTP/1.1\r\n", "UPDATEREDIRECTREF /a HTTP/1.1\r\n",
			"a / HTTP/1.0\r\n\r\n", "!#$%&'*+-.^_`|~09azAZ /a HTTP/1.1\r\n", "ABCDEFGHIJKLMNOPQRSTUVW / HTTP/1.1\r\n",
			"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nBASELINE-CONTROL / HTTP/1.1\r\n", "\r\nABCDEFGHIJKLMNOPQRSTU / HTTP/1.1\r\n",
		}},
		{"HTTP/2", "50 52 49 20 2a 20 48 54 54 50 2f 32 2e 30 0d 0a 0d 0a 53 4d 0d 0a 0d 0a",
			[]string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"}},
		{"TLS", "16 03 00,01,02,03,04 " + upTo(0x40) + " * 01", []string{
			unhex("16 03 01 02 00 01 00 01 fc 03 03 5a5a5a5a"),
			unhex("16 03 03 00 8c 01 00 00 88 03 03 5a5a5a5a"),
			// As framed Thrift it would be a call of 352 MiB.
			unhex("16 03 01 01 80 01 00 01 7c 03 03 5a5a5a5a"),
		}},
		{"PROXY protocol 1", "50 52 4f 58 59 20 54,55", []string{
			"PROXY TCP4 192.0.2.1 192.0.2.2 1024 80\r\n", "PROXY TCP6 2001:db8::1 2001:db8::2 1024 80\r\n", "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n",
		}},
		{"PROXY protocol 2", "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a",
			[]string{unhex("0d0a0d0a000d0a515549540a 21 11 000c c0000201 c0000202 0400 0050")}},
		{"TR", "0d 00,01 01,02,03,04 00,01,02 00",
			[]string{unhex("0d 00 04 02 00 00000081 2c 000001db 4fba636f6d2e74616f62616f")}},
		{"Motan 1", "f1 f1 00 00,01", []string{
			unhex("f1f1 0000 182cdfb07e500060 0000004e f0f00100 182cdfb07e500060"),
			unhex("f1f1 0001 182ce2a0c9190260 00000051 f0f00101 182ce2a0c9190260"),
		}},
		{"Motan 2", "f1 f1 " + upTo(0x1f) + " 08,09", []string{
			unhex("f1f1 00 08 00 182cdfb07e500060 00000010 4d5f70 0a 612e42"), unhex("f1f1 12 08 30 182cdfb07e500060 00000000 00000000"),
		}},
		{"Thrift binary", "80 01 00 01,04", []string{
			unhex("80010001 00000004 70696e67 00000001 00"), unhex("80010004 00000004 70696e67 00000001 00"),
		}},
		{"Thrift compact", "82 21,81", []string{
			unhex("8221 01 04 70696e67 00"), unhex("8281 01 04 70696e67 00"),
		}},
		{"Thrift framed binary", "00 * * * 80 01 00 01,04", []string{
			unhex("00000011 80010001 00000004 70696e67 00000001 00"), unhex("00ffffff 80010004 00000004 70696e67 00000001 0b 000100"),
		}},
		{"Thrift framed compact", "00 * * * 82 21,81",
			[]string{unhex("00000009 8221 01 04 70696e67 00")}},
		{"THeader", "00 * * * 0f ff", []string{unhex("0000002b 0fff 0000 00000001 0001 00000000 80010001 00000004")}},
		{"TTHeader", "00 * * * 10 00", []string{unhex("0000002b 1000 0000 00000001 0001 00000000 80010001 00000004")}},
		{"Dubbo Thrift", "00 * * * da bc", []string{unhex("00000050 dabc 00000050 0020 01 00000008 612e622e43446566")}},
		{"Tars", "00 * * * 10 01,02,03,04,05", []string{
			unhex("0000005e 1001 2c 3c 4001 5612 546573744170702e48656c6c6f536572"), unhex("00012345 1003 2c 3c 4001 5612 546573744170702e48656c6c6f536572"),
		}},
		{"bRPC", "50 52 50 43", []string{"PRPC\x00\x00\x00\x1e\x00\x00\x00\x0f\x0a\x0d\x0a\x04Echo\x12\x05hello"}},
		{"Redis", "2a " + span('0', '9'), []string{"*1\r\n$4\r\nPING\r\n", "*12\r\n$4\r\nHSET\r\n$1\r\na\r\n"}},
		{"MySQL, SMTP and others whose server speaks first", "", nil},
		{"bolt 1", "01 00,01,02 00 00,01,02,64", []string{
			unhex("0101000001000000070100000bb8 0000 0000 00000000"), unhex("0101000101000000020100000bb8 002c 002e 000000f9 636f"),
			unhex("0102000101000000020100000bb8 002c 002e 000000f9 636f"),
		}},
		{"bolt 2", "02 01,02 00,01,02", []string{
			unhex("0201010000010000000801000000 0bb80000 0000 00000000"), unhex("0202010000010000000801010000 0bb80000 0000 00000000"),
		}},
		{"Dubbo", "da bb", []string{
			unhex("dabbe2000000000000000001000000014e"), unhex("dabbc20000000000000000000000011305322e302e32302c6f72"),
		}},
	}
}

func upTo(last int) string { return span(0, last) }

func span(first, last int) string {
	var list []string
	for c := first; c <= last; c++ {
		list = append(list, fmt.Sprintf("%02x", c))
	}
	return strings.Join(list, ",")
}

// allowed returns the values of each place.
func (s sample) allowed() (places [][256]bool) {
	for _, list := range strings.Fields(s.places) {
		if list == "*" {
			list = upTo(0xff)
		}
		var place [256]bool
		for c := range strings.SplitSeq(list, ",") {
			place[unhex(c)[0]] = true
		}
		places = append(places, place)
	}
	return places
}

// reporter is a test, a benchmark or a check of package rapid.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

// find returns the signature of a name.
func find(tb reporter, name string) Signature {
	for _, s := range every() {
		if s.Name == name {
			return s
		}
	}
	tb.Fatalf("there is no signature %q", name)
	return Signature{}
}

// verdicts shows b one byte at a time, and returns the first verdict but More with
// the number of bytes that it took. It fails if there is none, or if it changes.
func verdicts(tb reporter, m Match, b string) (v Verdict, at int) {
	tb.Helper()
	for n := 1; n <= len(b); n++ {
		now := m([]byte(b[:n]))
		switch {
		case v != More && now != v:
			tb.Fatalf("%q: %v after %v", b[:n], now, v)
		case v == More && now != More:
			v, at = now, n
		}
	}
	if at == 0 || at > MaxSignature {
		tb.Fatalf("%q: decided at byte %d", b, at)
	}
	return v, at
}
