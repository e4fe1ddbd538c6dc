package e2e_test

import (
	"fmt"
	"strings"
	"testing"
)

// refusal is raw bytes that weir refuses, and the status that says so.
type refusal struct {
	name   string
	input  string
	status int
}

// getWith, postWith and chunked put field lines, or chunks, into a request that is
// right otherwise.
func getWith(lines string) string { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" }

func postWith(lines, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body
}

func chunked(body string) string { return postWith("Transfer-Encoding: chunked\r\n", body) }

// refusals are the rules by which a request can be read in one way only; the
// numbers are those of the HTTP/1 rules.
var refusals = []refusal{
	// (1) Content-Length and Transfer-Encoding together.
	{"1 length and coding", postWith("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
	{"1 coding and length", postWith("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400},

	// (2) Several Content-Length fields, or a list.
	{"2 two equal lengths", postWith("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400},
	{"2 two different lengths", postWith("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400},
	{"2 list of lengths", postWith("Content-Length: 3, 3\r\n", "abc"), 400},

	// (3) Content-Length is digits.
	{"3 plus", postWith("Content-Length: +3\r\n", "abc"), 400},
	{"3 minus", postWith("Content-Length: -3\r\n", "abc"), 400},
	{"3 hex", postWith("Content-Length: 0x3\r\n", "abc"), 400},
	{"3 leading junk", postWith("Content-Length: a3\r\n", "abc"), 400},
	{"3 trailing junk", postWith("Content-Length: 3a\r\n", "abc"), 400},
	{"3 inner space", postWith("Content-Length: 3 3\r\n", "abc"), 400},
	{"3 empty", postWith("Content-Length:\r\n", "abc"), 400},
	{"3 blank", postWith("Content-Length:  \t\r\n", "abc"), 400},
	{"3 underscore", postWith("Content-Length: 1_0\r\n", "abc"), 400},
	{"3 overflow", postWith("Content-Length: 9223372036854775808\r\n", "abc"), 400},
	{"3 overflow to small", postWith("Content-Length: 18446744073709551619\r\n", "abc"), 400},

	// (4) Transfer-Encoding is chunked, once, last.
	{"4 identity", postWith("Transfer-Encoding: identity\r\n", ""), 501},
	{"4 xchunked", postWith("Transfer-Encoding: xchunked\r\n", ""), 501},
	{"4 gzip, chunked", postWith("Transfer-Encoding: gzip, chunked\r\n", ""), 501},
	{"4 chunked, chunked", postWith("Transfer-Encoding: chunked, chunked\r\n", ""), 400},
	{"4 chunked, gzip", postWith("Transfer-Encoding: chunked, gzip\r\n", ""), 400},
	{"4 chunked, identity", postWith("Transfer-Encoding: chunked, identity\r\n", ""), 400},
	{"4 twice", postWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
	{"4 twice, different", postWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n"), 400},
	{"4 VT padded", postWith("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400},
	{"4 FF padded", postWith("Transfer-Encoding: chunked\x0c\r\n", "0\r\n\r\n"), 400},
	{"4 quoted", postWith("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400},
	{"4 folded", postWith("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400},
	{"4 parameter", postWith("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 400},
	{"4 empty", postWith("Transfer-Encoding:\r\n", "0\r\n\r\n"), 400},
	{"4 empty item", postWith("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n"), 400},
	{"4 leading comma", postWith("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), 400},

	// (5) Transfer-Encoding in HTTP/1.0.
	{"5 coding in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},

	// (6) Chunks.
	{"6 prefix 0x", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 underscore", chunked("1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), 400},
	{"6 plus", chunked("+3\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 minus", chunked("-3\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 leading space", chunked(" 3\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 bare LF", chunked("3\nabc\r\n0\r\n\r\n"), 400},
	{"6 empty size", chunked("\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 not hex", chunked("g\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 17 digits", chunked("00000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 overflow", chunked("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 overflow of signed", chunked("8000000000000000\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 TERM.EXT bare LF", chunked("3;a\nabc\r\n0\r\n\r\n"), 400},
	{"6 EXT.TERM bare CR", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 NUL in extension", chunked("3;a\x00b\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 long extension", chunked("3;" + strings.Repeat("a", 1<<10) + "\r\nabc\r\n0\r\n\r\n"), 400},
	{"6 SPILL.TERM data runs over", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
	{"6 SPILL.TERM bare LF", chunked("3\r\nabc\n0\r\n\r\n"), 400},
	{"6 SPILL.TERM bare CR", chunked("3\r\nabc\rX0\r\n\r\n"), 400},
	{"6 SPILL.TERM none", chunked("3\r\nabc0\r\n\r\n"), 400},

	// (7) Trailers.
	{"7 space before colon", chunked("0\r\nA : b\r\n\r\n"), 400},
	{"7 folded", chunked("0\r\nA: b\r\n c\r\n\r\n"), 400},
	{"7 bare LF", chunked("0\r\nA: b\n\r\n"), 400},
	{"7 end in bare LF", chunked("0\r\n\n"), 400},
	{"7 NUL", chunked("0\r\nA: b\x00\r\n\r\n"), 400},
	{"7 too many", chunked("0\r\n" + strings.Repeat("A: b\r\n", 100+1) + "\r\n"), 431},

	// (8) Expect.
	{"8 another", postWith("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417},
	{"8 list", postWith("Expect: 100-continue, x\r\nContent-Length: 1\r\n", "a"), 417},
	{"8 empty", postWith("Expect:\r\nContent-Length: 1\r\n", "a"), 417},

	// (9) A body with any method.

	// (10) Upgrades that are none.
	{"10 CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405},

	// Syntax: line ends and control characters.
	{"bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
	{"bare LF after field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
	{"bare CR in target", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"bare CR in name", getWith("A\rb: c\r\n"), 400},
	{"bare CR in value", getWith("A: b\rc\r\n"), 400},
	{"CR CR LF", getWith("A: b\r\r\n"), 400},
	{"NUL in value", getWith("A: b\x00c\r\n"), 400},
	{"NUL in name", getWith("A\x00: b\r\n"), 400},
	{"NUL in target", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"CTL in value", getWith("A: 0123456789\x010123456789\r\n"), 400},
	{"CTL in name", getWith("A\x01: b\r\n"), 400},
	{"DEL in value", getWith("A: 0123456\x7f\r\n"), 400},
	{"ESC in a long value", getWith("A: " + strings.Repeat("x", 37) + "\x1b" + strings.Repeat("y", 40) + "\r\n"), 400},

	// Syntax: names.
	{"space before colon", getWith("A : b\r\n"), 400},
	{"tab before colon", getWith("A\t: b\r\n"), 400},
	{"space before colon of length", postWith("Content-Length : 3\r\n", "abc"), 400},
	{"folded line", getWith("A: b\r\n c\r\n"), 400},
	{"folded with tab", getWith("A: b\r\n\tc\r\n"), 400},
	{"space before first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
	{"empty name", getWith(": b\r\n"), 400},
	{"no colon", getWith("A\r\n"), 400},
	{"name with slash", getWith("A/b: c\r\n"), 400},
	{"name with quotes", getWith("\"A\": c\r\n"), 400},
	{"name with obs-text", getWith("\xc3\xa9: c\r\n"), 400},

	// Syntax: the request line.
	{"method not a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"method alone", "GET\r\n\r\n", 400},
	{"HTTP/0.9", "GET /\r\n\r\n", 400},
	{"two spaces before target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"two spaces after target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"trailing space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
	{"tab", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"obs-text in target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"DEL in target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"authority form with GET", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},

	// Syntax: the version.
	{"small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
	{"garbage version", "GET / FOO/1.1\r\nHost: a\r\n\r\n", 400},
	{"no minor version", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400},
	{"long minor version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
	{"letter in version", "GET / HTTP/1.a\r\nHost: a\r\n\r\n", 400},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
	{"HTTP/0.9 named", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},

	// Empty lines before the request.
	{"two empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"empty line in bare LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},

	// Host.
	{"missing Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400},
	{"two Hosts", getWith("Host: a\r\n"), 400},
	{"two different Hosts", getWith("host: b\r\n"), 400},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
	{"Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
	{"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
	{"Host with slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
	{"Host with backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400},
	{"Host with bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
	{"Host with large port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400},
	{"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400},
	{"Host with port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400},
	{"Host with bad percent", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", 400},
	{"Host with open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
	{"Host with bad IPv6", "GET / HTTP/1.1\r\nHost: [::1::2]\r\n\r\n", 400},
	{"Host with zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", 400},
	{"Host too long", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", 261+1) + "\r\n\r\n", 400},

	// Absolute form.
	{"absolute form without Host", "GET http://b/ HTTP/1.1\r\n\r\n", 400},
	{"absolute form with bad Host", "GET http://b/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
	{"absolute form with user", "GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400},
	{"absolute form without host", "GET http:///a HTTP/1.1\r\nHost: b\r\n\r\n", 400},
	{"absolute form of another scheme", "GET ftp://b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400},
	{"absolute form with fragment", "GET http://b/#c HTTP/1.1\r\nHost: b\r\n\r\n", 400},

	// Fields of one hop.
	{"too many nominated", getWith("Connection: " + strings.Repeat("a,", 32) + "b\r\n"), 400},

	// Limits.
	{"long request line", "GET /" + strings.Repeat("a", 8<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
	{"endless request line", "GET /" + strings.Repeat("a", 8<<10), 414},
	{"long field line", getWith("A: " + strings.Repeat("a", 60<<10) + "\r\n"), 431},
	{"endless field line", "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 60<<10), 431},
	{"many fields", getWith(strings.Repeat("A: b\r\n", 100)), 431},
	{"many cookies", getWith(strings.Repeat("Cookie: b\r\n", 100)), 431},
	{"large header", getWith(strings.Repeat("A: "+strings.Repeat("a", 8000)+"\r\n", 8)), 431},
}

// TestRefusals sends each refused request, with an ordinary one behind it. Nothing
// of either reaches the upstream, but the head of a request whose body is the bad
// part; that never becomes whole.
func TestRefusals(t *testing.T) {
	up := record(t)
	w := start(t, setup{up: up.addr()})
	const next = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, r := range refusals {
		c := dial(t, w.addr())
		c.send(r.input, next)
		head, body := c.message()
		if statusOf(head) != r.status || !strings.Contains(head, "\r\nConnection: close\r\n") || body == "" {
			t.Errorf("%s: got %q %q, want status %d", r.name, head, body, r.status)
		}
		if rest, err := c.rest(); rest != "" || isTimeout(err) {
			t.Errorf("%s: behind the refusal came %q, %v", r.name, rest, err)
		}
		c.Close()
	}
	until(t, "the upstream connections are over", func() bool { return w.count("upstream.cluster.up", "request_active") == 0 })
	got := up.recorded()
	if strings.Contains(got, "smuggled") || strings.Contains(got, "\r\n0\r\n\r\n") {
		t.Errorf("the upstream got %q", got)
	}
	for request := range strings.SplitSeq(got, "POST / HTTP/1.1\r\n") {
		if request != "" && !strings.Contains(request, "Transfer-Encoding: chunked\r\n") {
			t.Errorf("the upstream got %q", request)
		}
	}
	if n := w.count("downstream.listener.main", "request_protocol_error"); n != len(refusals) {
		t.Errorf("%d requests are counted as wrong, want %d", n, len(refusals))
	}
}

// TestAcceptedForms: what may be written in several ways reaches the upstream in
// one.
func TestAcceptedForms(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			body, trailers := c.body(head)
			c.send(ok(head + body + trailers))
		}
	})
	w := start(t, setup{up: up.addr(), proxy: `"x_forwarded_for": "keep"`})
	for _, tc := range []struct{ name, input, want string }{
		{"(3) digits", postWith("Content-Length: 0003\r\n", "abc"), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
		{"(6) extensions", chunked("3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n"), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nabc"},
		{"(7) trailers", chunked("0\r\nX-Sum: 1\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: x\r\nX-Forwarded-For: x\r\n\r\n"),
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nX-Sum: 1\r\n"},
		{"(9) GET with a body", getWith("Content-Length: 3\r\n") + "abc", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
		{"(9) DELETE with chunks", "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
			"DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na"},
		{"(10) h2c", getWith("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"),
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"(10) upgrade with a length", getWith("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n") + "a",
			"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 1\r\nConnection: Upgrade\r\n\r\na"},
		{"absolute form", "GET http://B:81/c?d HTTP/1.1\r\nHost: a\r\n\r\n", "GET /c?d HTTP/1.1\r\nHost: b:81\r\n\r\n"},
		{"hop-by-hop", getWith("Connection: x-a, host, authorization\r\nX-A: 1\r\nAuthorization: b\r\nKeep-Alive: 5\r\nTE: trailers\r\n"),
			"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: b\r\nTE: trailers\r\nConnection: TE\r\n\r\n"},
	} {
		c := dial(t, w.addr())
		c.send(tc.input)
		if head, body := c.message(); statusOf(head) != 200 || body != tc.want {
			t.Errorf("%s: got %q %q, want %q", tc.name, head, body, tc.want)
		}
		c.Close()
	}
}

// TestUnsolicitedResponses: bytes that an upstream sends on an idle connection are
// never a response to the next request.
func TestUnsolicitedResponses(t *testing.T) {
	up := serveRaw(t, func(c *raw, n int) {
		for head := c.head(); head != ""; head = c.head() {
			c.send(ok(fmt.Sprint("mine ", n)), ok("poison"))
		}
	})
	w := start(t, setup{up: up.addr()})
	c := dial(t, w.addr())
	for i := range 5 {
		c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		c.expect(200, fmt.Sprint("mine ", i+1))
	}
}

// TestSlowHeads: a head that does not come in time is answered 408.
func TestSlowHeads(t *testing.T) {
	up := record(t)
	w := start(t, setup{up: up.addr(), http1: `"request_header_timeout": "30ms", "idle_timeout": "60ms", "stream_idle_timeout": "50ms"`})
	c := dial(t, w.addr())
	c.send("GET / HTTP/1.1\r\nHost")
	c.expect(408, "the request did not arrive in time\n")
	c.ended()
	idle := dial(t, w.addr())
	idle.ended()
	body := dial(t, w.addr())
	body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
	body.expect(408, "the request did not arrive in time\n")
	body.ended()
}
