package http2

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

// pseudo is what every plain request begins with.
var pseudo = []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}

// with returns the fields of a plain request and some more.
func with(more ...string) []string { return append(append([]string{}, pseudo...), more...) }

// instead returns the fields of a plain request, one of which has another value.
func instead(name, value string) []string {
	f := with()
	for i := 0; i < len(f); i += 2 {
		if f[i] == name {
			f[i+1] = value
		}
	}
	return f
}

// without returns the fields of a plain request but one.
func without(name string, more ...string) []string {
	var f []string
	for i := 0; i < len(pseudo); i += 2 {
		if pseudo[i] != name {
			f = append(f, pseudo[i], pseudo[i+1])
		}
	}
	return append(f, more...)
}

// malformed are heads that no request may have: the stream is reset, and the
// connection goes on.
var malformed = []struct {
	name   string
	fields []string
	cause  *Error
}{
	{"no method", without(":method"), ErrPseudo},
	{"no scheme", without(":scheme"), ErrPseudo},
	{"no path", without(":path"), ErrPseudo},
	{"no authority", without(":authority"), ErrAuthority},
	{"method twice", with(":method", "GET"), ErrPseudo},
	{"scheme twice", with(":scheme", "http"), ErrPseudo},
	{"path twice", with(":path", "/"), ErrPseudo},
	{"authority twice", with(":authority", "a"), ErrPseudo},
	{"unknown pseudo-header", with(":unknown", "x"), ErrPseudo},
	{"the pseudo-header of responses", with(":status", "200"), ErrPseudo},
	{"pseudo-header behind a field", append([]string{"x", "y"}, pseudo...), ErrPseudo},
	{"only a colon", with(":", "x"), ErrFieldName},
	{"empty name", with("", "x"), ErrFieldName},
	{"upper-case name", with("X-Test", "y"), ErrFieldName},
	{"blank in name", with("x y", "z"), ErrFieldName},
	{"blank behind name", with("x ", "z"), ErrFieldName},
	{"colon in name", with("x:y", "z"), ErrFieldName},
	{"control in name", with("x\x01", "z"), ErrFieldName},
	{"byte over 127 in name", with("x\x80", "z"), ErrFieldName},
	{"CR in value", with("x", "y\rz"), ErrFieldValue},
	{"LF in value", with("x", "y\nz"), ErrFieldValue},
	{"NUL in value", with("x", "y\x00z"), ErrFieldValue},
	{"NUL late in value", with("x", "0123456789abcdef\x00"), ErrFieldValue},
	{"DEL in value", with("x", "y\x7fz"), ErrFieldValue},
	{"blank before value", with("x", " y"), ErrFieldValue},
	{"tab behind value", with("x", "y\t"), ErrFieldValue},
	{"blank value", with("x", " "), ErrFieldValue},
	{"connection", with("connection", "close"), ErrHopField},
	{"keep-alive", with("keep-alive", "timeout=5"), ErrHopField},
	{"proxy-connection", with("proxy-connection", "keep-alive"), ErrHopField},
	{"transfer-encoding", with("transfer-encoding", "chunked"), ErrHopField},
	{"upgrade", with("upgrade", "h2c"), ErrHopField},
	{"te", with("te", "gzip"), ErrHopField},
	{"te with more", with("te", "trailers, gzip"), ErrHopField},
	{"empty method", instead(":method", ""), ErrMethod},
	{"method with a blank", instead(":method", "GE T"), ErrMethod},
	{"method with CR LF", instead(":method", "GET / HTTP/1.1\r\nx: y\r\n\r\nGET"), ErrFieldValue},
	{"scheme ftp", instead(":scheme", "ftp"), ErrScheme},
	{"empty scheme", instead(":scheme", ""), ErrScheme},
	{"empty path", instead(":path", ""), ErrPath},
	{"relative path", instead(":path", "a/b"), ErrPath},
	{"path with a blank", instead(":path", "/ HTTP/1.1"), ErrPath},
	{"path with a fragment", instead(":path", "/#x"), ErrPath},
	{"path over 127", instead(":path", "/\xc3\xa4"), ErrPath},
	{"star without OPTIONS", instead(":path", "*"), ErrPath},
	{"absolute path", instead(":path", "http://b/"), ErrPath},
	{"empty authority", instead(":authority", ""), ErrAuthority},
	{"userinfo", instead(":authority", "u@a"), ErrAuthority},
	{"port too large", instead(":authority", "a:65536"), ErrAuthority},
	{"blank in authority", instead(":authority", "a b"), ErrAuthority},
	{"path in authority", instead(":authority", "a/b"), ErrAuthority},
	{"bad address", instead(":authority", "[::1"), ErrAuthority},
	{"host differs", with("host", "b"), ErrAuthority},
	{"host twice", with("host", "a", "host", "a"), ErrAuthority},
	{"bad host", without(":authority", "host", "a b"), ErrAuthority},
	{"content-length twice", with("content-length", "0", "content-length", "0"), ErrContentLength},
	{"content-length list", with("content-length", "0, 0"), ErrContentLength},
	{"content-length sign", with("content-length", "+1"), ErrContentLength},
	{"content-length empty", with("content-length", ""), ErrContentLength},
	{"content-length hex", with("content-length", "0x1"), ErrContentLength},
	{"content-length overflow", with("content-length", "9223372036854775808"), ErrContentLength},
	{"content-length without data", with("content-length", "1"), ErrLength},
	{"protocol without connect", with(":protocol", "websocket"), ErrPseudo},
	{"protocol twice", []string{":method", "CONNECT", ":protocol", "websocket", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "a"}, ErrPseudo},
	{"protocol no token", []string{":method", "CONNECT", ":protocol", "web socket", ":scheme", "http", ":path", "/", ":authority", "a"}, ErrProtocol},
	{"extended connect without path", []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "a"}, ErrPseudo},
	{"extended connect without authority", []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/"}, ErrAuthority},
	{"connect with path", []string{":method", "CONNECT", ":path", "/", ":authority", "a:1"}, ErrPseudo},
	{"connect with scheme", []string{":method", "CONNECT", ":scheme", "http", ":authority", "a:1"}, ErrPseudo},
	{"connect without authority", []string{":method", "CONNECT", "host", "a:1"}, ErrAuthority},
	{"connect without port", []string{":method", "CONNECT", ":authority", "a"}, ErrAuthority},
	{"connect with content-length", []string{":method", "CONNECT", ":authority", "a:1", "content-length", "3"}, ErrContentLength},
}

func TestMalformedRequests(t *testing.T) {
	for _, tc := range malformed {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{AllowConnect: true})
			s.client.headers(1, true, tc.fields...).get(3)
			expect(t, "sent", s.exchange(), lines(fmt.Sprintf("1 RST %s", tc.cause.Code)))
			expect(t, "streams", len(s.streams), 1) // the second
			r, err := s.conn.headers.readFields(requestBlock, newPeer(t).encode(tc.fields...))
			if err != nil {
				t.Fatal(err)
			}
			_, err = r.request(true)
			s.conn.headers.releaseFields(r)
			expect(t, "cause", err, tc.cause)
			s.close()
		})
	}
}

// wellFormed are heads that look odd and are right: what comes of them.
var wellFormed = []struct {
	name   string
	fields []string
	end    bool
	want   string
}{
	{"plain", with(), true, lines("GET http://a / length 0", "end")},
	{"body to come", with(), false, lines("GET http://a / length -1")},
	{"length", with("content-length", "5"), false, lines("GET http://a / length 5", "  content-length: ")},
	{"length 0", with("content-length", "0"), true, lines("GET http://a / length 0", "  content-length: ", "end")},
	{"https elsewhere", instead(":scheme", "HTTPS"), true, lines("GET http://a / length 0", "end")},
	{"any method", instead(":method", "M-SEARCH"), true, lines("M-SEARCH http://a / length 0", "end")},
	{"OPTIONS *", []string{":method", "OPTIONS", ":path", "*", ":scheme", "http", ":authority", "a"}, true, lines("OPTIONS http://a * length 0", "end")},
	{"authority in capitals", instead(":authority", "EXAMPLE.com:"), true, lines("GET http://example.com / length 0", "end")},
	{"host instead", without(":authority", "host", "B:80"), true, lines("GET http://b:80 / length 0", "end")},
	{"host too", with("host", "A"), true, lines("GET http://a / length 0", "end")},
	{"IPv6", instead(":authority", "[::1]:80"), true, lines("GET http://[::1]:80 / length 0", "end")},
	{"te", with("te", "trailers"), true, lines("GET http://a / length 0", "  te: trailers", "end")},
	{"empty value", with("x", ""), true, lines("GET http://a / length 0", "  x: ", "end")},
	{"tab in value", with("x", "a\tb"), true, lines("GET http://a / length 0", "  x: a\tb", "end")},
	{"long value with a tab", with("x", "0123456\t89abcdef"), true, lines("GET http://a / length 0", "  x: 0123456\t89abcdef", "end")},
	{"bytes over 127", with("x", "\xff\x80"), true, lines("GET http://a / length 0", "  x: \xff\x80", "end")},
	{"fields twice", with("x", "1", "y", "2", "x", "3"), true, lines("GET http://a / length 0", "  x: 1", "  y: 2", "  x: 3", "end")},
	{"cookies", with("cookie", "a=1", "x", "y", "cookie", "b=2", "cookie", "c=3"), true,
		lines("GET http://a / length 0", "  cookie: a=1; b=2; c=3", "  x: y", "end")},
	{"expect", with("expect", "100-Continue"), false, lines("GET http://a / length -1", "  expect: 100-Continue")},
}

func TestWellFormedRequests(t *testing.T) {
	for _, tc := range wellFormed {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.headers(1, tc.end, tc.fields...)
			expect(t, "sent", s.exchange(), "")
			expect(t, "request", s.last().text(), tc.want)
			expect(t, "minor version", s.last().head.Minor, 1)
			s.close()
		})
	}
}

func TestRequestsThatAreAnswered(t *testing.T) {
	many := with()
	for i := range 101 {
		many = append(many, fmt.Sprintf("x-%d", i), "y")
	}
	crumbs := with()
	for range 129 {
		crumbs = append(crumbs, "cookie", "a=b")
	}
	for _, tc := range []struct {
		name   string
		cfg    Config
		fields []string
		status int
		more   string
	}{
		{"CONNECT", Config{}, []string{":method", "CONNECT", ":authority", "a:1"}, 405, "  allow: \n"},
		{"expectation", Config{}, with("expect", "miracles"), 417, ""},
		{"too many fields", Config{}, many, 431, ""},
		{"too many crumbs", Config{}, crumbs, 431, ""},
		{"too large", Config{MaxHeaderBytes: 1000}, with("x", strings.Repeat("y", 990)), 431, ""},
		{"too many small ones", Config{MaxHeaderBytes: 1000}, with(strings.Split(strings.Repeat("x,", 63)+"x", ",")...), 431, ""},
		{"body", Config{MaxBody: 10}, with("content-length", "11"), 413, ""},
		{"protocol", Config{}, []string{":method", "CONNECT", ":protocol", "webtransport", ":scheme", "http", ":path", "/", ":authority", "a"}, 501, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.MaxHeaderCount = 100
			s := ready(t, tc.cfg)
			s.client.headers(1, false, tc.fields...)
			head := fmt.Sprintf("1 HEADERS end\n  :status: %d\n%s  content-length: 0\n", tc.status, tc.more)
			expect(t, "sent", s.exchange(), head+"1 RST NO_ERROR\n")
			s.client.data(1, "what was on its way", true).get(3)
			expect(t, "afterwards", s.exchange(), "")
			expect(t, "streams", len(s.streams), 1)
			s.close()
		})
	}
}

func TestAnswerToAWholeRequestIsNoReset(t *testing.T) {
	s := ready(t, Config{})
	s.client.headers(1, true, with("expect", "miracles")...)
	expect(t, "sent", s.exchange(), lines("1 HEADERS end", "  :status: 417", "  content-length: 0"))
	s.close()
}

func TestDataMustBeAsLongAsAnnounced(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*peer)
	}{
		{"more", func(p *peer) { p.data(1, "abcd", false) }},
		{"more at the end", func(p *peer) { p.data(1, "abc", false).data(1, "d", true) }},
		{"less", func(p *peer) { p.data(1, "ab", true) }},
		{"less, then trailers", func(p *peer) { p.data(1, "ab", false).headers(1, true, "x", "y") }},
		{"nothing", func(p *peer) { p.data(1, "", true) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.post(1, "content-length", "3")
			tc.do(s.client)
			expect(t, "sent", s.exchange(), lines("1 RST PROTOCOL_ERROR"))
			r := s.last()
			expect(t, "reason", r.reset.Reason, stream.ProtocolError)
			expect(t, "cause", r.reset.Err, error(ErrLength))
			expect(t, "the end was passed on", r.whole, false)
			s.close()
		})
	}
}

func TestTrailers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		end    bool
		fields []string
		sent   string
		want   string
	}{
		{"plain", true, []string{"x", "y"}, "", lines("trailers", "  x: y", "end")},
		{"none left", true, []string{"content-length", "1"}, "", lines("trailers", "end")},
		{"dropped", true, []string{"host", "b", "content-type", "x", "authorization", "x", "x-forwarded-for", "x", "cookie", "a", "x", "y"}, "",
			lines("trailers", "  x: y", "end")},
		{"pseudo-header", true, []string{":path", "/"}, lines("1 RST PROTOCOL_ERROR"), lines("reset: protocol error")},
		{"pseudo-header behind", true, []string{"x", "y", ":path", "/"}, lines("1 RST PROTOCOL_ERROR"), lines("reset: protocol error")},
		{"connection field", true, []string{"connection", "close"}, lines("1 RST PROTOCOL_ERROR"), lines("reset: protocol error")},
		{"no end", false, []string{"x", "y"}, lines("1 RST PROTOCOL_ERROR"), lines("reset: protocol error")},
		{"too large", true, []string{"x", strings.Repeat("y", 2000)}, lines("1 RST CANCEL"), lines("reset: protocol error")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{MaxHeaderBytes: 2000})
			s.client.post(1).headers(1, tc.end, tc.fields...)
			expect(t, "sent", s.exchange(), tc.sent)
			expect(t, "request", strings.TrimPrefix(s.last().text(), "POST http://a / length -1\n"), tc.want)
			s.close()
		})
	}
}

// responses are heads that a server may send, or may not.
var responses = []struct {
	name   string
	method string
	fields []string
	end    bool
	want   string
	code   ErrCode
}{
	{"plain", "GET", []string{":status", "200"}, true, lines("200 length 0", "end"), 0},
	{"body to come", "GET", []string{":status", "200"}, false, lines("200 length -1"), 0},
	{"length", "GET", []string{":status", "200", "content-length", "3"}, false, lines("200 length 3", "  content-length: "), 0},
	{"length twice", "GET", []string{":status", "200", "content-length", "3", "x", "y", "content-length", "3"}, false,
		lines("200 length 3", "  content-length: ", "  x: y"), 0},
	{"list of equal lengths", "GET", []string{":status", "200", "content-length", "3, 3"}, false, lines("200 length 3", "  content-length: "), 0},
	{"two lengths", "GET", []string{":status", "200", "content-length", "3", "content-length", "4"}, false, "", ProtocolError},
	{"HEAD", "HEAD", []string{":status", "200", "content-length", "3"}, true, lines("200 length 3", "  content-length: ", "end"), 0},
	{"HEAD without length", "HEAD", []string{":status", "200"}, true, lines("200 length -1", "end"), 0},
	{"304", "GET", []string{":status", "304", "content-length", "3"}, true, lines("304 length 3", "  content-length: ", "end"), 0},
	{"204", "GET", []string{":status", "204", "content-length", "3"}, true, lines("204 length -1", "  content-length: ", "end"), 0},
	{"upper-case cookies", "GET", []string{":status", "200", "set-cookie", "a", "set-cookie", "b"}, true,
		lines("200 length 0", "  set-cookie: a", "  set-cookie: b", "end"), 0},
	{"host is a field", "GET", []string{":status", "200", "host", "x y"}, true, lines("200 length 0", "  host: x y", "end"), 0},
	{"no status", "GET", []string{"x", "y"}, true, "", ProtocolError},
	{"status twice", "GET", []string{":status", "200", ":status", "200"}, true, "", ProtocolError},
	{"status behind", "GET", []string{"x", "y", ":status", "200"}, true, "", ProtocolError},
	{"request's pseudo-header", "GET", []string{":status", "200", ":path", "/"}, true, "", ProtocolError},
	{"status too long", "GET", []string{":status", "2000"}, true, "", ProtocolError},
	{"status no number", "GET", []string{":status", "2x0"}, true, "", ProtocolError},
	{"status below 100", "GET", []string{":status", "099"}, true, "", ProtocolError},
	{"101", "GET", []string{":status", "101"}, false, "", ProtocolError},
	{"interim that ends", "GET", []string{":status", "103"}, true, "", ProtocolError},
	{"length without data", "GET", []string{":status", "200", "content-length", "3"}, true, "", ProtocolError},
	{"connection field", "GET", []string{":status", "200", "transfer-encoding", "chunked"}, true, "", ProtocolError},
	{"upper-case name", "GET", []string{":status", "200", "X", "y"}, true, "", ProtocolError},
	{"too large", "GET", []string{":status", "200", "x", strings.Repeat("y", 3000)}, true, "", Cancel},
	{"body too large", "GET", []string{":status", "200", "content-length", "101"}, false, "", Cancel},
}

func TestResponses(t *testing.T) {
	for _, tc := range responses {
		t.Run(tc.name, func(t *testing.T) {
			c := connected(t, Config{MaxHeaderBytes: 3000, MaxBody: 100})
			r := c.open(requestHead(tc.method, "a", "/", 0), true)
			c.sent()
			c.server.headers(1, tc.end, tc.fields...)
			if tc.code != 0 {
				expect(t, "sent", c.exchange(), lines("1 RST "+tc.code.String()))
				expect(t, "response", r.text(), lines("reset: protocol error"))
			} else {
				expect(t, "sent", c.exchange(), "")
				expect(t, "response", r.text(), tc.want)
			}
			c.close()
		})
	}
}
