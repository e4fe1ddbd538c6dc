package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// plainHead is the head of an ordinary request, with more fields.
func plainHead(fields ...string) []string {
	return append([]string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/bad"}, fields...)
}

// pseudoHead is the head of an ordinary request with one pseudo-header changed.
func pseudoHead(name, value string) []string {
	h := plainHead()
	for i := 0; i < len(h); i += 2 {
		if h[i] == name {
			h[i+1] = value
		}
	}
	return h
}

// malformed are requests that HTTP/1 could not carry, or would carry as something
// else.
var malformed = []struct {
	name   string
	fields []string
}{
	{"upper-case name", plainHead("X-a", "b")},
	{"empty name", plainHead("", "b")},
	{"name with a colon", plainHead("a:b", "c")},
	{"name with a space", plainHead("a b", "c")},
	{"name with a space behind", plainHead("a ", "c")},
	{"name with a tab behind", plainHead("a\t", "c")},
	{"name with CR and LF", plainHead("a\r\nb", "c")},
	{"name with NUL", plainHead("a\x00", "c")},
	{"name with a byte over 127", plainHead("a\xff", "c")},
	{"value with CR", plainHead("a", "b\rc")},
	{"value with LF", plainHead("a", "b\nc")},
	{"value with CR and LF", plainHead("a", "b\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")},
	{"value with NUL", plainHead("a", "b\x00c")},
	{"value with a space in front", plainHead("a", " b")},
	{"value with a space behind", plainHead("a", "b ")},
	{"value with a tab behind", plainHead("a", "b\t")},
	{"Connection", plainHead("connection", "close")},
	{"Proxy-Connection", plainHead("proxy-connection", "close")},
	{"Keep-Alive", plainHead("keep-alive", "timeout=5")},
	{"Transfer-Encoding", plainHead("transfer-encoding", "chunked")},
	{"Upgrade", plainHead("upgrade", "websocket")},
	{"TE", plainHead("te", "gzip")},
	{"TE of several", plainHead("te", "trailers, gzip")},
	{"pseudo-header behind a field", append(plainHead("a", "b")[2:], ":method", "GET")},
	{"the same pseudo-header again", plainHead(":path", "/smuggled")},
	{"unknown pseudo-header", plainHead(":unknown", "x")},
	{"a response's pseudo-header", plainHead(":status", "200")},
	{"no method", plainHead()[2:]},
	{"no scheme", append(plainHead()[:2:2], plainHead()[4:]...)},
	{"no path", plainHead()[:6]},
	{"no host", append(plainHead()[:4:4], plainHead()[6:]...)},
	{"method with a space", pseudoHead(":method", "GET /smuggled")},
	{"empty method", pseudoHead(":method", "")},
	{"method with CR and LF", pseudoHead(":method", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET")},
	{"scheme with a space", pseudoHead(":scheme", "ht tp")},
	{"unknown scheme", pseudoHead(":scheme", "ftp")},
	{"scheme with a path", pseudoHead(":scheme", "http://evil/?")},
	{"path without a slash", pseudoHead(":path", "bad")},
	{"empty path", pseudoHead(":path", "")},
	{"path with a space", pseudoHead(":path", "/ HTTP/1.1")},
	{"path with CR and LF", pseudoHead(":path", "/\r\nX: y")},
	{"path with a tab", pseudoHead(":path", "/\tx")},
	{"path with NUL", pseudoHead(":path", "/\x00")},
	{"path with a fragment", pseudoHead(":path", "/#x")},
	{"absolute path", pseudoHead(":path", "http://a/bad")},
	{"asterisk that is no OPTIONS", pseudoHead(":path", "*")},
	{"host with a space", pseudoHead(":authority", "a b")},
	{"host with CR and LF", pseudoHead(":authority", "a\r\nX: y")},
	{"host with a slash", pseudoHead(":authority", "a/b")},
	{"host with a user", pseudoHead(":authority", "user@a")},
	{"empty host", pseudoHead(":authority", "")},
	{"another Host", plainHead("host", "b")},
	{"two Hosts", plainHead("host", "a", "host", "a")},
	{"Content-Length with a sign", plainHead("content-length", "+0")},
	{"Content-Length that is no number", plainHead("content-length", "a")},
	{"empty Content-Length", plainHead("content-length", "")},
	{"Content-Length that is too large", plainHead("content-length", "9223372036854775808")},
	{"Content-Length as a list", plainHead("content-length", "0, 0")},
	{"two Content-Lengths", plainHead("content-length", "0", "content-length", "0")},
	{"Content-Length without a body", plainHead("content-length", "3")},
}

// recorder is a host that answers every request, and keeps those that came whole.
type recorder struct {
	*upstream
	mu    sync.Mutex
	whole []string
}

func records(t testing.TB, version string) *recorder {
	r := &recorder{}
	r.upstream = serveIn(t, version, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.whole = append(r.whole, fmt.Sprintf("%s %s %s %v", req.Method, req.RequestURI, body, req.Trailer))
		}
		io.WriteString(w, "up")
	})
	return r
}

// got returns what came, and forgets it.
func (r *recorder) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.whole
	r.whole = nil
	return all
}

// TestMalformedStreams sends each malformed request on a connection that serves
// another before and after. Nothing of it reaches the host, and its stream alone is
// reset.
func TestMalformedStreams(t *testing.T) {
	for _, version := range []string{h1, h2} {
		t.Run(version, func(t *testing.T) {
			up := records(t, version)
			w := start(t, way{h2, h2, version, "proxy"}.setup(setup{up: up.addr()}))
			f := dialFrames(t, w.addr())
			id := uint32(1)
			for _, tc := range malformed {
				f.headers(id, true, tc.fields...)
				if m := f.whole(id); m.reset == nil || *m.reset != xhttp2.ErrCodeProtocol || m.head != nil {
					t.Errorf("%s: got %q", tc.name, m)
				}
				f.request(id+2, true, "GET", "/good")
				f.expect(id+2, 200, "up")
				if got := up.got(); len(got) != 1 || got[0] != "GET /good  map[]" {
					t.Errorf("%s: the host got %q", tc.name, got)
				}
				id += 4
			}
		})
	}
}

// TestMalformedBodies: a request whose body is not what its head says never becomes
// whole for the host.
func TestMalformedBodies(t *testing.T) {
	head := func(f *frames, id uint32, fields ...string) { f.request(id, false, "POST", "/bad", fields...) }
	trailers := func(fields ...string) func(*frames, uint32) {
		return func(f *frames, id uint32) {
			head(f, id)
			f.WriteData(id, false, []byte("abc"))
			f.headers(id, true, fields...)
		}
	}
	for _, version := range []string{h1, h2} {
		t.Run(version, func(t *testing.T) {
			up := records(t, version)
			w := start(t, way{h2, h2, version, "proxy"}.setup(setup{up: up.addr()}))
			f := dialFrames(t, w.addr())
			id := uint32(1)
			for name, send := range map[string]func(f *frames, id uint32){
				"less than Content-Length": func(f *frames, id uint32) {
					head(f, id, "content-length", "5")
					f.WriteData(id, true, []byte("abc"))
				},
				"more than Content-Length": func(f *frames, id uint32) {
					head(f, id, "content-length", "5")
					f.WriteData(id, false, []byte("abc"))
					f.WriteData(id, true, []byte("abc"))
				},
				"less, ended by an empty frame": func(f *frames, id uint32) {
					head(f, id, "content-length", "5")
					f.WriteData(id, false, []byte("abc"))
					f.WriteData(id, true, nil)
				},
				"less, ended by trailers": func(f *frames, id uint32) {
					head(f, id, "content-length", "5")
					f.WriteData(id, false, []byte("abc"))
					f.headers(id, true, "x", "y")
				},
				"trailers that do not end it": func(f *frames, id uint32) {
					head(f, id)
					f.headers(id, false, "x", "y")
				},
				"pseudo-header in trailers":   trailers(":path", "/"),
				"upper-case name in trailers": trailers("X", "y"),
				"LF in trailers":              trailers("x", "y\nz"),
				"Connection in trailers":      trailers("connection", "x"),
			} {
				send(f, id)
				if m := f.whole(id); m.reset == nil || *m.reset != xhttp2.ErrCodeProtocol || m.head != nil {
					t.Errorf("%s: got %q", name, m)
				}
				f.request(id+2, true, "GET", "/good")
				f.expect(id+2, 200, "up")
				if got := up.got(); len(got) != 1 || got[0] != "GET /good  map[]" {
					t.Errorf("%s: the host got %q", name, got)
				}
				id += 4
			}
		})
	}
}

// TestBodiesBehindTheirEnd: what comes behind as much as Content-Length says resets
// the stream, and is nothing to the host, for which the request may have been whole.
func TestBodiesBehindTheirEnd(t *testing.T) {
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, version := range []string{h1, h2} {
		up := records(t, version)
		w := start(t, way{h2, h2, version, "proxy"}.setup(setup{up: up.addr()}))
		f := dialFrames(t, w.addr())
		for i, length := range []int{0, 3} {
			id := uint32(4*i + 1)
			f.request(id, false, "POST", "/bad", "content-length", fmt.Sprint(length))
			f.WriteData(id, false, []byte("abc")[:length])
			f.WriteData(id, true, []byte(smuggled))
			m := f.whole(id) // an answer may have been faster
			if m.get(":status") != "200" && (m.reset == nil || *m.reset != xhttp2.ErrCodeProtocol) {
				t.Errorf("%s: got %q", version, m)
			}
			f.request(id+2, true, "GET", "/good")
			f.expect(id+2, 200, "up")
			for _, got := range up.got() {
				if strings.Contains(got, "smuggled") {
					t.Errorf("%s: the host got %q", version, got)
				}
			}
		}
	}
}

// TestHarmlessTrailers: trailers that would change how a message is framed, routed
// or authorised are dropped, and the others kept.
func TestHarmlessTrailers(t *testing.T) {
	up := serveRaw(t, func(c *raw, _ int) {
		for head := c.head(); head != ""; head = c.head() {
			body, trailers := c.body(head)
			c.send(ok(body + "|" + trailers))
		}
	})
	w := start(t, way{h2, h2, h1, "proxy"}.setup(setup{up: up.addr()}))
	f := dialFrames(t, w.addr())
	f.request(1, false, "POST", "/")
	f.WriteData(1, false, []byte("abc"))
	f.headers(1, true, "x-sum", "1", "content-length", "5", "host", "b", "authorization", "x", "x-forwarded-for", "x", "cookie", "a=b")
	f.expect(1, 200, "abc|x-sum: 1\r\n")
}

// TestMalformedResponses: what a host must not send is not passed on, to a client of
// either version.
func TestMalformedResponses(t *testing.T) {
	responses := map[string][]string{
		"upper-case name":       {":status", "200", "X-A", "b"},
		"LF in a value":         {":status", "200", "a", "b\r\nSet-Cookie: evil"},
		"NUL in a value":        {":status", "200", "a", "b\x00"},
		"name with a colon":     {":status", "200", "a:b", "c"},
		"Transfer-Encoding":     {":status", "200", "transfer-encoding", "chunked"},
		"Connection":            {":status", "200", "connection", "x"},
		"no status":             {"a", "b"},
		"two statuses":          {":status", "200", ":status", "200"},
		"status with a sign":    {":status", "+20"},
		"status of two digits":  {":status", "20"},
		"switching protocols":   {":status", "101"},
		"a request's":           {":status", "200", ":path", "/"},
		"pseudo-header behind":  {"a", "b", ":status", "200"},
		"wrong Content-Length":  {":status", "200", "content-length", "5"},
		"two Content-Lengths":   {":status", "200", "content-length", "0", "content-length", "1"},
		"signed Content-Length": {":status", "200", "content-length", "-0"},
	}
	up := serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			name := strings.ReplaceAll(f.message(id).get(":path")[1:], "_", " ")
			if name == "good" {
				f.respond(id, "200", "up")
				continue
			}
			f.headers(id, true, responses[name]...)
		}
	})
	for _, client := range []string{h1, h2} {
		t.Run(client, func(t *testing.T) {
			w := start(t, way{client, client, h2, "proxy"}.setup(setup{up: up.addr()}))
			c := clientOf(t, client)
			for name := range responses {
				if a := get(t, c, w.url("/"+strings.ReplaceAll(name, " ", "_"))); a.StatusCode != 502 {
					t.Errorf("%s: status %d %v %q", name, a.StatusCode, a.Header, a.body)
				}
				get(t, c, w.url("/good")).expect(t, 200, "up")
			}
		})
	}
	if n := up.accepted.Load(); n > 4 {
		t.Errorf("there were %d connections: a bad response is no reason to give one up", n)
	}
}
