package http1

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"

	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
)

// rule is raw bytes from a client and what becomes of them: a refusal with a
// status, or, with status 0, the message that the sink gets.
type rule struct {
	name   string
	input  string
	status int
	want   string
}

// get puts field lines into a request that is right otherwise.
func get(lines string) string { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" }

func post(lines, body string) string {
	return "POST / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" + body
}

func chunks(body string) string { return post("Transfer-Encoding: chunked\r\n", body) }

// request is a request's dump with only a Host field.
func request(line, fields string) string { return line + "\n  Host: a\n" + fields + "end\n" }

var rules = []rule{
	// (1) Content-Length and Transfer-Encoding together.
	{"1 length and coding", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, ""},
	{"1 coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400, ""},

	// (2) Several Content-Length fields, or a list.
	{"2 two equal lengths", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400, ""},
	{"2 two different lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), 400, ""},
	{"2 list of lengths", post("Content-Length: 3, 3\r\n", "abc"), 400, ""},

	// (3) Content-Length is digits.
	{"3 plus", post("Content-Length: +3\r\n", "abc"), 400, ""},
	{"3 minus", post("Content-Length: -3\r\n", "abc"), 400, ""},
	{"3 hex", post("Content-Length: 0x3\r\n", "abc"), 400, ""},
	{"3 leading junk", post("Content-Length: a3\r\n", "abc"), 400, ""},
	{"3 trailing junk", post("Content-Length: 3a\r\n", "abc"), 400, ""},
	{"3 inner space", post("Content-Length: 3 3\r\n", "abc"), 400, ""},
	{"3 empty", post("Content-Length:\r\n", "abc"), 400, ""},
	{"3 blank", post("Content-Length:  \t\r\n", "abc"), 400, ""},
	{"3 underscore", post("Content-Length: 1_0\r\n", "abc"), 400, ""},
	{"3 overflow", post("Content-Length: 9223372036854775808\r\n", "abc"), 400, ""},
	{"3 overflow to small", post("Content-Length: 18446744073709551619\r\n", "abc"), 400, ""},
	{"3 digits", post("Content-Length: 0003\r\n", "abc"), 0,
		request("POST http://a / 1.1 length 3", "  Content-Length: \nbody \"abc\"\n")},

	// (4) Transfer-Encoding is chunked, once, last.
	{"4 identity", post("Transfer-Encoding: identity\r\n", ""), 501, ""},
	{"4 xchunked", post("Transfer-Encoding: xchunked\r\n", ""), 501, ""},
	{"4 gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", ""), 501, ""},
	{"4 chunked, chunked", post("Transfer-Encoding: chunked, chunked\r\n", ""), 400, ""},
	{"4 chunked, gzip", post("Transfer-Encoding: chunked, gzip\r\n", ""), 400, ""},
	{"4 chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", ""), 400, ""},
	{"4 twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400, ""},
	{"4 twice, different", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", "0\r\n\r\n"), 400, ""},
	{"4 VT padded", post("Transfer-Encoding: \x0bchunked\r\n", "0\r\n\r\n"), 400, ""},
	{"4 FF padded", post("Transfer-Encoding: chunked\x0c\r\n", "0\r\n\r\n"), 400, ""},
	{"4 quoted", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n"), 400, ""},
	{"4 folded", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400, ""},
	{"4 parameter", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), 400, ""},
	{"4 empty", post("Transfer-Encoding:\r\n", "0\r\n\r\n"), 400, ""},
	{"4 empty item", post("Transfer-Encoding: chunked,\r\n", "0\r\n\r\n"), 400, ""},
	{"4 leading comma", post("Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"), 400, ""},
	{"4 any case, with blanks", post("transfer-encoding: \t ChunKed \r\n", "0\r\n\r\n"), 0,
		request("POST http://a / 1.1 length -1", "")},

	// (5) Transfer-Encoding in HTTP/1.0.
	{"5 coding in 1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, ""},

	// (6) Chunks.
	{"6 prefix 0x", chunks("0x3\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 underscore", chunks("1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), 400, ""},
	{"6 plus", chunks("+3\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 minus", chunks("-3\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 leading space", chunks(" 3\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 padding", chunks("3 \t  \r\nabc\r\n0  \r\n\r\n"), 0,
		request("POST http://a / 1.1 length -1", "body \"abc\"\n")},
	{"6 blanks before extension", chunks("3 \t;x = y ; z\r\nabc\r\n0\r\n\r\n"), 0,
		request("POST http://a / 1.1 length -1", "body \"abc\"\n")},
	{"6 long padding", chunks("3" + strings.Repeat(" ", maxChunkLine) + "\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 padding and more", chunks("3 3\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 padding with VT", chunks("3 \x0b\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 padding and bare CR", chunks("3 \r \r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 padding and bare LF", chunks("3 \nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 padding behind the data", chunks("3\r\nabc \r\n0\r\n\r\n"), 400, ""},
	{"6 bare LF", chunks("3\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 empty size", chunks("\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 not hex", chunks("g\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 17 digits", chunks("00000000000000003\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 16 digits", chunks("0000000000000003\r\nabc\r\n0\r\n\r\n"), 0,
		request("POST http://a / 1.1 length -1", "body \"abc\"\n")},
	{"6 overflow", chunks("ffffffffffffffff\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 overflow of signed", chunks("8000000000000000\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 extension", chunks("3;a=b;c=\"d\"\r\nabc\r\n0;e\r\n\r\n"), 0,
		request("POST http://a / 1.1 length -1", "body \"abc\"\n")},
	{"6 TERM.EXT bare LF", chunks("3;a\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 EXT.TERM bare CR", chunks("3;a\rb\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 NUL in extension", chunks("3;a\x00b\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 long extension", chunks("3;" + strings.Repeat("a", maxChunkLine) + "\r\nabc\r\n0\r\n\r\n"), 400, ""},
	{"6 SPILL.TERM data runs over", chunks("3\r\nabcd\r\n0\r\n\r\n"), 400, ""},
	{"6 SPILL.TERM bare LF", chunks("3\r\nabc\n0\r\n\r\n"), 400, ""},
	{"6 SPILL.TERM bare CR", chunks("3\r\nabc\rX0\r\n\r\n"), 400, ""},
	{"6 SPILL.TERM none", chunks("3\r\nabc0\r\n\r\n"), 400, ""},
	{"6 chunks", chunks("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), 0,
		request("POST http://a / 1.1 length -1", "body \"abc0123456789\"\n")},

	// (7) Trailers.
	{"7 kept and dropped", chunks("0\r\nX-Sum: 1\r\nContent-Length: 5\r\ntransfer-encoding: x\r\nHost: b\r\n" +
		"Authorization: x\r\nProxy-Authorization: x\r\nForwarded: x\r\nX-Forwarded-For: x\r\nX-Forwarded-Any: x\r\n" +
		"Cookie: x\r\nSet-Cookie: x\r\nTE: x\r\nTrailer: x\r\nUpgrade: x\r\nExpect: x\r\nConnection: x\r\n" +
		"Keep-Alive: x\r\nProxy-Connection: x\r\nContent-Type: x\r\nContent-Encoding: x\r\nDate: d\r\nX-Sum: 2\r\n\r\n"), 0,
		"POST http://a / 1.1 length -1\n  Host: a\ntrailers\n  X-Sum: 1\n  Date: d\n  X-Sum: 2\nend\n"},
	{"7 all dropped", chunks("0\r\nHost: b\r\n\r\n"), 0, request("POST http://a / 1.1 length -1", "")},
	{"7 space before colon", chunks("0\r\nA : b\r\n\r\n"), 400, ""},
	{"7 folded", chunks("0\r\nA: b\r\n c\r\n\r\n"), 400, ""},
	{"7 bare LF", chunks("0\r\nA: b\n\r\n"), 400, ""},
	{"7 end in bare LF", chunks("0\r\n\n"), 400, ""},
	{"7 NUL", chunks("0\r\nA: b\x00\r\n\r\n"), 400, ""},
	{"7 too many", chunks("0\r\n" + strings.Repeat("A: b\r\n", DefaultMaxHeaderCount+1) + "\r\n"), 431, ""},

	// (8) Expect.
	{"8 100-continue", post("Expect: 100-Continue\r\nContent-Length: 1\r\n", "a"), 0,
		request("POST http://a / 1.1 length 1", "  Expect: 100-Continue\n  Content-Length: \nbody \"a\"\n")},
	{"8 another", post("Expect: 200-ok\r\nContent-Length: 1\r\n", "a"), 417, ""},
	{"8 list", post("Expect: 100-continue, x\r\nContent-Length: 1\r\n", "a"), 417, ""},
	{"8 empty", post("Expect:\r\nContent-Length: 1\r\n", "a"), 417, ""},
	{"8 ignored from 1.0", "POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na", 0,
		request("POST http://a / 1.0 length 1", "  Content-Length: \nbody \"a\"\n")},

	// (9) A body with any method.
	{"9 GET with length", get("Content-Length: 3\r\n") + "abc", 0,
		request("GET http://a / 1.1 length 3", "  Content-Length: \nbody \"abc\"\n")},
	{"9 DELETE chunked", "DELETE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 0,
		request("DELETE http://a / 1.1 length -1", "body \"a\"\n")},
	{"9 OPTIONS with length", "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", 0,
		request("OPTIONS http://a * 1.1 length 1", "  Content-Length: \nbody \"a\"\n")},

	// (10) Upgrades that are none.
	{"10 upgrade with a length", get("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n") + "a", 0,
		"GET http://a / 1.1 length 1 opaque\n  Host: a\n  Upgrade: websocket\n  Content-Length: \n"},
	{"10 upgrade chunked", get("Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 0,
		request("GET http://a / 1.1 length -1", "")},
	{"10 h2c", get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"), 0,
		request("GET http://a / 1.1 length 0", "")},
	{"10 two protocols", get("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n"), 0,
		request("GET http://a / 1.1 length 0", "")},
	{"10 two fields", get("Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n"), 0,
		request("GET http://a / 1.1 length 0", "")},
	{"10 not in Connection", get("Upgrade: websocket\r\n"), 0, request("GET http://a / 1.1 length 0", "")},
	{"10 CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, ""},

	// Syntax: line ends and control characters.
	{"bare LF after request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, ""},
	{"bare LF after field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400, ""},
	{"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, ""},
	{"bare CR in target", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"bare CR in name", get("A\rb: c\r\n"), 400, ""},
	{"bare CR in value", get("A: b\rc\r\n"), 400, ""},
	{"CR CR LF", get("A: b\r\r\n"), 400, ""},
	{"NUL in value", get("A: b\x00c\r\n"), 400, ""},
	{"NUL in name", get("A\x00: b\r\n"), 400, ""},
	{"NUL in target", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"CTL in value", get("A: 0123456789\x010123456789\r\n"), 400, ""},
	{"CTL in name", get("A\x01: b\r\n"), 400, ""},
	{"DEL in value", get("A: 0123456\x7f\r\n"), 400, ""},
	{"ESC in a long value", get("A: " + strings.Repeat("x", 37) + "\x1b" + strings.Repeat("y", 40) + "\r\n"), 400, ""},
	{"tab and obs-text in value", get("A: b\tc\xe9\r\n"), 0, request("GET http://a / 1.1 length 0", "  A: b\tc\xe9\n")},
	{"white space around value", get("A:\t b \t\r\n"), 0, request("GET http://a / 1.1 length 0", "  A: b\n")},
	{"empty value", get("A:\r\n"), 0, request("GET http://a / 1.1 length 0", "  A: \n")},

	// Syntax: names.
	{"space before colon", get("A : b\r\n"), 400, ""},
	{"tab before colon", get("A\t: b\r\n"), 400, ""},
	{"space before colon of length", post("Content-Length : 3\r\n", "abc"), 400, ""},
	{"folded line", get("A: b\r\n c\r\n"), 400, ""},
	{"folded with tab", get("A: b\r\n\tc\r\n"), 400, ""},
	{"space before first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, ""},
	{"empty name", get(": b\r\n"), 400, ""},
	{"no colon", get("A\r\n"), 400, ""},
	{"name with slash", get("A/b: c\r\n"), 400, ""},
	{"name with quotes", get("\"A\": c\r\n"), 400, ""},
	{"name with obs-text", get("\xc3\xa9: c\r\n"), 400, ""},
	{"name of all token characters", get("!#$%&'*+-.^_`|~09aZ: c\r\n"), 0,
		request("GET http://a / 1.1 length 0", "  !#$%&'*+-.^_`|~09aZ: c\n")},

	// Syntax: the request line.
	{"method not a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"method alone", "GET\r\n\r\n", 400, ""},
	{"HTTP/0.9", "GET /\r\n\r\n", 400, ""},
	{"two spaces before target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"two spaces after target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"trailing space", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, ""},
	{"tab", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"obs-text in target", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"DEL in target", "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"asterisk and more", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"authority form with GET", "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"target", "GET /a%2Fb;c?d=|{}\"<>\\^` HTTP/1.1\r\nHost: a\r\n\r\n", 0,
		request("GET http://a /a%2Fb;c?d=|{}\"<>\\^` 1.1 length 0", "")},
	{"any method", "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", 0, request("M-SEARCH http://a / 1.1 length 0", "")},

	// Syntax: the version.
	{"small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"garbage version", "GET / FOO/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"no minor version", "GET / HTTP/1\r\nHost: a\r\n\r\n", 400, ""},
	{"long minor version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, ""},
	{"letter in version", "GET / HTTP/1.a\r\nHost: a\r\n\r\n", 400, ""},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, ""},
	{"HTTP/0.9 named", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505, ""},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""},
	{"HTTP/1.2 is 1.1", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 0, request("GET http://a / 1.1 length 0", "")},
	{"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0, "GET http:// / 1.0 length 0\nend\n"},
	{"HTTP/1.0 with an empty Host", "GET / HTTP/1.0\r\nHost:\r\n\r\n", 0, "GET http:// / 1.0 length 0\n  Host: \nend\n"},

	// Empty lines before the request.
	{"one empty line", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, request("GET http://a / 1.1 length 0", "")},
	{"two empty lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
	{"empty line in bare LF", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},

	// Host.
	{"missing Host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", 400, ""},
	{"two Hosts", get("Host: a\r\n"), 400, ""},
	{"two different Hosts", get("host: b\r\n"), 400, ""},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, ""},
	{"Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, ""},
	{"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, ""},
	{"Host with slash", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, ""},
	{"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, ""},
	{"Host with backslash", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n", 400, ""},
	{"Host with bad port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, ""},
	{"Host with large port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400, ""},
	{"Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400, ""},
	{"Host with port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400, ""},
	{"Host with bad percent", "GET / HTTP/1.1\r\nHost: a%2\r\n\r\n", 400, ""},
	{"Host with open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, ""},
	{"Host with bad IPv6", "GET / HTTP/1.1\r\nHost: [::1::2]\r\n\r\n", 400, ""},
	{"Host with zone", "GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n", 400, ""},
	{"Host too long", "GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", httprule.MaxHost+1) + "\r\n\r\n", 400, ""},
	{"Host in capitals", "GET / HTTP/1.1\r\nHOST: Ex-Ample.COM:8080\r\n\r\n", 0,
		"GET http://ex-ample.com:8080 / 1.1 length 0\n  HOST: ex-ample.com:8080\nend\n"},
	{"Host with empty port", "GET / HTTP/1.1\r\nHost: A:\r\n\r\n", 0, request("GET http://a / 1.1 length 0", "")},
	{"Host IPv6", "GET / HTTP/1.1\r\nHost: [2001:DB8::1.2.3.4]:80\r\n\r\n", 0,
		"GET http://[2001:db8::1.2.3.4]:80 / 1.1 length 0\n  Host: [2001:db8::1.2.3.4]:80\nend\n"},

	// Absolute form.
	{"absolute form", "GET http://B:81/c?d HTTP/1.1\r\nA: b\r\nHost: a\r\n\r\n", 0,
		"GET http://b:81 /c?d 1.1 length 0\n  A: b\n  Host: b:81\nend\n"},
	{"absolute form without path", "GET HTTP://b HTTP/1.1\r\nHost: b\r\n\r\n", 0,
		"GET http://b / 1.1 length 0\n  Host: b\nend\n"},
	{"absolute form with query alone", "GET http://b?c HTTP/1.1\r\nHost: b\r\n\r\n", 0,
		"GET http://b /?c 1.1 length 0\n  Host: b\nend\n"},
	{"absolute form of OPTIONS *", "OPTIONS http://b HTTP/1.1\r\nHost: b\r\n\r\n", 0,
		"OPTIONS http://b * 1.1 length 0\n  Host: b\nend\n"},
	{"absolute form in 1.0", "GET https://b/ HTTP/1.0\r\n\r\n", 0, "GET http://b / 1.0 length 0\nend\n"},
	{"absolute form without Host", "GET http://b/ HTTP/1.1\r\n\r\n", 400, ""},
	{"absolute form with bad Host", "GET http://b/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, ""},
	{"absolute form with user", "GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400, ""},
	{"absolute form without host", "GET http:///a HTTP/1.1\r\nHost: b\r\n\r\n", 400, ""},
	{"absolute form of another scheme", "GET ftp://b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400, ""},
	{"absolute form with fragment", "GET http://b/#c HTTP/1.1\r\nHost: b\r\n\r\n", 400, ""},

	// Fields of one hop.
	{"hop fields", get("Connection: close, x-a\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nTE: gzip\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\n"), 0,
		request("GET http://a / 1.1 length 0", "  X-B: 3\n")},
	{"TE", get("Connection: TE, close\r\nTE: deflate;q=0.5, Trailers\r\nTE: trailers\r\nX-B: 3\r\n"), 0,
		request("GET http://a / 1.1 length 0", "  TE: trailers\n  X-B: 3\n")},
	{"TE that is not nominated", get("TE: trailers\r\n"), 0, request("GET http://a / 1.1 length 0", "  TE: trailers\n")},
	{"TE of 1.0", "GET / HTTP/1.0\r\nHost: a\r\nConnection: TE\r\nTE: trailers\r\n\r\n", 0, request("GET http://a / 1.0 length 0", "")},
	{"nominated before and after", get("X-A: 1\r\nConnection: x-a\r\nConnection: x-b ,, x-c\r\nX-B: 3\r\nX-C: 4\r\nX-D: 5\r\n"), 0,
		request("GET http://a / 1.1 length 0", "  X-D: 5\n")},
	{"nominated but protected", post("Connection: Host, Content-Length, Authorization, Cookie, X-Forwarded-For, Forwarded, "+
		"X-Forwarded-Any, Transfer-Encoding, Content-Type, connection\r\nAuthorization: b\r\nCookie: c\r\nX-Forwarded-For: d\r\n"+
		"Forwarded: e\r\nX-Forwarded-Any: f\r\nContent-Type: g\r\nContent-Length: 1\r\n", "x"), 0,
		request("POST http://a / 1.1 length 1", "  Authorization: b\n  Cookie: c\n  X-Forwarded-For: d\n  Forwarded: e\n"+
			"  X-Forwarded-Any: f\n  Content-Type: g\n  Content-Length: \nbody \"x\"\n")},
	{"too many nominated", get("Connection: " + strings.Repeat("a,", maxNominated) + "b\r\n"), 400, ""},

	// Limits.
	{"long request line", "GET /" + strings.Repeat("a", DefaultMaxLine) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, ""},
	{"endless request line", "GET /" + strings.Repeat("a", DefaultMaxLine), 414, ""},
	{"field line longer than a request line may be", get("A: " + strings.Repeat("a", 2*DefaultMaxLine) + "\r\n"), 0,
		request("GET http://a / 1.1 length 0", "  A: "+strings.Repeat("a", 2*DefaultMaxLine)+"\n")},
	{"long field line", get("A: " + strings.Repeat("a", DefaultMaxHeaderBytes) + "\r\n"), 431, ""},
	{"endless field line", "GET / HTTP/1.1\r\nA: " + strings.Repeat("a", DefaultMaxHeaderBytes), 431, ""},
	{"many fields", get(strings.Repeat("A: b\r\n", DefaultMaxHeaderCount)), 431, ""},
	{"many cookies", get(strings.Repeat("Cookie: b\r\n", DefaultMaxHeaderCount)), 431, ""},
	{"large header", get(strings.Repeat("A: "+strings.Repeat("a", 8000)+"\r\n", 8)), 431, ""},
}

func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range rules {
		if seen[rule.name] {
			t.Fatalf("two rules are called %q", rule.name)
		}
		seen[rule.name] = true
		t.Run(rule.name, func(t *testing.T) {
			splits(rule.input, func(name string, pieces []string) {
				// Splits within long padding show nothing new.
				if len(rule.input) > 2000 && name != "whole" && !strings.HasSuffix(name, "00") {
					return
				}
				checkRule(t, rule, name, pieces)
			})
		})
	}
}

func checkRule(t *testing.T, rule rule, name string, pieces []string) {
	t.Helper()
	s := newServer(t, Config{})
	var err error
	for _, p := range pieces {
		if err = s.write(p); err != nil {
			break
		}
	}
	if rule.status == 0 {
		if err != nil || len(s.streams) != 1 {
			t.Fatalf("%s: refused: %v", name, err)
		}
		expect(t, name, s.last().text(), rule.want)
		expect(t, name+": left unread", len(s.pending), 0)
		expect(t, name+": phase", s.conn.Phase(), stream.Busy)
	} else {
		var e *Error
		if !errors.As(err, &e) || e.Status != rule.status {
			t.Fatalf("%s: error %v, want status %d", name, err, rule.status)
		}
		checkRefusal(t, name, s, e)
	}
	s.close()
	if t.Failed() {
		t.FailNow()
	}
}

func checkRefusal(t *testing.T, name string, s *server, e *Error) {
	t.Helper()
	sent := s.sent()
	if !strings.HasPrefix(sent, string(appendStatusLine(nil, e.Status))) ||
		!strings.Contains(sent, "\r\nConnection: close\r\n") || !strings.HasSuffix(sent, "\r\n\r\n"+e.Reason+"\n") {
		t.Errorf("%s: answered %q", name, sent)
	}
	expect(t, name+": phase", s.conn.Phase(), stream.Closing)
	for _, r := range s.streams {
		expect(t, name+": reason", r.reset.Reason, stream.ProtocolError)
	}
	if n, err := s.conn.Feed(viewOf("GET / HTTP/1.1\r\n")); n != 16 || err != nil {
		t.Errorf("%s: a refused connection reads on: %d, %v", name, n, err)
	}
}
