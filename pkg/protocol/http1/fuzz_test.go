package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// pieces cuts input at places that seed chooses.
func pieces(input []byte, seed uint64) (out [][]byte) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for len(input) > 0 {
		n := 1 + rng.IntN(len(input))
		if seed%3 == 0 {
			n = 1 + rng.IntN(min(len(input), 8))
		}
		out = append(out, input[:n])
		input = input[n:]
	}
	return out
}

// read feeds a server, which answers every request, and says all that came of it.
func read(t *testing.T, cfg Config, input [][]byte) (*server, string) {
	s := newServer(t, cfg)
	s.answering(func(_ int, r *recorder) {
		if r.head.Opaque {
			r.sender.Head(responseHead(403, 0), true)
			return
		}
		s.response(r.sender, 200, "ok")
	})
	var err error
	for _, p := range input {
		if err = s.write(string(p)); err != nil {
			break
		}
	}
	var b strings.Builder
	for _, r := range s.streams {
		b.WriteString(r.text())
	}
	fmt.Fprintf(&b, "error %v\nsent %q\nphase %d", err, s.out.AppendTo(nil), s.conn.Phase())
	s.close()
	return s, b.String()
}

func seeds(f *testing.F) {
	for _, rule := range rules {
		if len(rule.input) < 1000 {
			f.Add([]byte(rule.input), uint64(3))
		}
	}
	f.Add([]byte(plainGet+chunks("3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n")+wsRequest), uint64(1))
	f.Add([]byte(postOf(16<<10)), uint64(2))
}

// FuzzRequest: however the input is cut, the same comes of it, nothing leaks, and
// what is accepted is, written again, accepted as the same.
func FuzzRequest(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		cfg := Config{AllowConnect: true}
		s, whole := read(t, cfg, [][]byte{input})
		_, cut := read(t, cfg, pieces(input, seed))
		// Data that came before an error in the same piece is not passed on.
		if s.conn.out.framing == unsent && !strings.Contains(whole, "reset: ") && !strings.Contains(cut, "reset: ") && whole != cut {
			t.Fatalf("in one piece:\n%s\nin several:\n%s", whole, cut)
		}
		for _, r := range s.streams {
			if r.over && r.reset.Reason == 0 {
				rewrite(t, r)
			}
		}
	})
}

// rewrite sends the request that r got through a client and a server again.
func rewrite(t *testing.T, r *recorder) {
	c := newClient(t, Config{})
	var h stream.Head
	h.CopyFrom(&r.head)
	if len(h.Authority()) == 0 {
		h.SetAuthority([]byte("default"))
	}
	trailers := trailersOf(r)
	opaque := h.Opaque
	end := !opaque && h.ContentLength == 0
	to := c.open(&h, end).sender
	switch {
	case opaque && h.ContentLength > 0:
		to.Data(c.chain(string(r.body)), false)
	case end || opaque:
	case trailers != nil:
		to.Data(c.chain(string(r.body)), false)
		to.Trailers(trailers)
	default:
		to.Data(c.chain(string(r.body)), true)
	}
	wire := c.sent()
	c.close()

	s := newServer(t, Config{AllowConnect: true, MaxHeaderCount: 200, MaxHeaderBytes: 1 << 20, MaxLine: 1 << 16})
	if err := s.write(wire); err != nil || len(s.streams) != 1 || !opaque && !s.last().over {
		t.Fatalf("written again, %q: %v, %d streams", wire, err, len(s.streams))
	}
	expect(t, "rewritten "+wire, essence(s.last()), essence(r))
	s.close()
}

func trailersOf(r *recorder) *stream.Header {
	_, text, found := strings.Cut(r.text(), "trailers\n")
	if !found {
		return nil
	}
	t := &stream.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		if name, value, found := strings.Cut(strings.TrimPrefix(line, "  "), ": "); found {
			t.Add(name, value)
		}
	}
	return t
}

// essence is what of a request must survive being written and read again.
func essence(r *recorder) string {
	var b strings.Builder
	h := &r.head
	authority := string(h.Authority())
	if authority == "" {
		authority = "default"
	}
	fmt.Fprintf(&b, "%s %s %s %d %v\n", h.Method(), authority, h.Path(), h.ContentLength, h.Opaque)
	for i := range h.Len() {
		if id := h.IDAt(i); id == stream.Host || id == stream.ContentLength || id == stream.HTTP2Settings || id == stream.Trailer && h.ContentLength >= 0 {
			continue
		}
		name, value := h.At(i)
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	fmt.Fprintf(&b, "%q\n", r.body)
	if _, trailers, found := strings.Cut(r.text(), "trailers\n"); found {
		b.WriteString(trailers)
	}
	return b.String()
}

// FuzzResponse: the same of the client's side.
func FuzzResponse(f *testing.F) {
	for _, r := range responses {
		if len(r.input) < 1000 {
			f.Add([]byte(r.input), uint64(3), r.method == "HEAD")
		}
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		whole := receive(t, method, [][]byte{input})
		cut := receive(t, method, pieces(input, seed))
		if !strings.Contains(whole, "reset: ") && whole != cut {
			t.Fatalf("in one piece:\n%s\nin several:\n%s", whole, cut)
		}
	})
}

func receive(t *testing.T, method string, input [][]byte) string {
	c := newClient(t, Config{})
	r := c.open(requestHead(method, "a", "/", 0), true)
	for _, p := range input {
		if c.write(string(p)) != nil {
			break
		}
	}
	c.conn.EOF()
	c.close()
	return r.text()
}

// FuzzChunked: what the decoder takes for a body, written in any other chunks, is
// the same body.
func FuzzChunked(f *testing.F) {
	for _, rule := range rules {
		if _, body, found := strings.Cut(rule.input, "chunked\r\n\r\n"); found && len(body) < 1000 {
			f.Add([]byte(body), uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		s := newServer(t, Config{})
		err := s.write(chunks(string(body)))
		if err == nil && s.last().over {
			want := string(s.last().body)
			var p buffer.Pool
			var out, d buffer.Chain
			out.Init(&p)
			d.Init(&p)
			w := writer{framing: chunked}
			for _, piece := range pieces([]byte(want), seed) {
				d.Append(piece)
				w.write(&out, &d, false)
			}
			w.write(&out, &d, true)
			again := newServer(t, Config{})
			if err := again.write(chunks(string(out.AppendTo(nil)))); err != nil || !again.last().over {
				t.Fatalf("%q, written again: %v", want, err)
			}
			expect(t, "body", string(again.last().body), want)
			again.close()
		}
		s.close()
	})
}

// hopNames do not pass; Content-Length and Host are compared by themselves.
var hopNames = []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade",
	"Content-Length", "Host", "Expect", "Trailer"}

// FuzzVersusNetHTTP: what weir takes for a request, net/http takes for the same
// request. It may accept less than weir in what is listed in looser.
func FuzzVersusNetHTTP(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, input []byte, _ uint64) {
		s := newServer(t, Config{})
		s.write(string(input))
		s.close()
		if len(s.streams) == 0 {
			return
		}
		r := s.streams[0]
		input = bytes.TrimPrefix(input, []byte("\r\n"))
		if looser(r, input) {
			return
		}
		req, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(input), 1<<20))
		if err != nil {
			t.Fatalf("net/http refuses: %v", err)
		}
		expect(t, "method", req.Method, string(r.head.Method()))
		expect(t, "host", strings.TrimSuffix(strings.ToLower(req.Host), ":"), string(r.head.Authority()))
		if target := req.RequestURI; target[0] == '/' || target[0] == '*' {
			expect(t, "target", target, string(r.head.Path()))
		}
		sameFields(t, &r.head, req.Header)
		sameBody(t, r, req.Body)
	})
}

// looser tells what weir accepts and net/http does not.
func looser(r *recorder, input []byte) bool {
	line, _, _ := bytes.Cut(input, []byte("\r\n"))
	target := strings.Split(string(line), " ")[1]
	if _, err := url.ParseRequestURI(target); err != nil && target != "*" {
		return true // Such as a wrong percent-encoding: that is for the normaliser.
	}
	if bytes.Contains(input, []byte(" ;")) || bytes.Contains(input, []byte("\t;")) {
		return true // Blanks before a chunk's extension.
	}
	// net/http refuses a Trailer that lists forbidden names; weir drops the trailers.
	_, announced := r.head.GetID(stream.Trailer)
	return announced
}

func sameFields(t *testing.T, h *stream.Head, theirs http.Header) {
	t.Helper()
	ours := http.Header{}
	for i := range h.Len() {
		name, value := h.At(i)
		ours.Add(string(name), string(value))
	}
	skip := slices.Clone(hopNames)
	for _, list := range theirs["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			skip = append(skip, http.CanonicalHeaderKey(strings.Trim(name, " \t")))
		}
	}
	if theirs.Get("Pragma") == "no-cache" {
		skip = append(skip, "Cache-Control") // net/http adds it.
	}
	for _, name := range skip {
		if got, want := ours[name], theirs[name]; len(got) > 0 && name != "Content-Length" && name != "Host" && name != "Te" && !slices.Equal(got, want) {
			t.Errorf("%s: %q, net/http %q", name, got, want)
		}
		delete(ours, name)
		delete(theirs, name)
	}
	if len(ours) != len(theirs) {
		t.Fatalf("fields %q, net/http %q", ours, theirs)
	}
	for name, values := range theirs {
		if !slices.Equal(ours[name], values) {
			t.Errorf("%s: %q, net/http %q", name, ours[name], values)
		}
	}
}

// sameBody compares bodies; one that weir did not see the end of, net/http must
// not see the end of either.
func sameBody(t *testing.T, r *recorder, body io.ReadCloser) {
	t.Helper()
	got, err := io.ReadAll(body)
	switch {
	case r.head.Opaque:
	case r.whole || r.over && r.reset.Reason == 0:
		if err != nil {
			t.Fatalf("net/http refuses the body: %v", err)
		}
		expect(t, "body", string(r.body), string(got))
	case r.reset.Reason == stream.ConnectionLost && err == nil:
		t.Fatalf("net/http sees the end of a body where weir waits for more: %q", got)
	}
}

// oldResponse is what weir accepts of old servers and net/http does not: blanks before
// a colon or a chunk's extension, equal lengths in a list or spelled differently.
var oldResponse = regexp.MustCompile(`(?i)[ \t][:;]|content-length:[ \t]*(\d+[ \t]*,|0\d)`)

// FuzzResponseVersusNetHTTP: the same for responses.
func FuzzResponseVersusNetHTTP(f *testing.F) {
	for _, r := range responses {
		if len(r.input) < 1000 {
			f.Add([]byte(r.input), r.method == "HEAD")
		}
	}
	f.Fuzz(func(t *testing.T, input []byte, head bool) {
		method := "GET"
		if head {
			method = "HEAD"
		}
		c := newClient(t, Config{})
		r := c.open(requestHead(method, "a", "/", 0), true)
		c.write(string(input))
		c.conn.EOF()
		c.close()
		if r.head.Status == 0 || r.head.Interim() {
			return
		}
		if _, announced := r.head.GetID(stream.Trailer); announced || oldResponse.Match(input) {
			return
		}
		br := bufio.NewReaderSize(bytes.NewReader(input), 1<<20)
		var resp *http.Response
		for {
			var err error
			if resp, err = http.ReadResponse(br, &http.Request{Method: method}); err != nil {
				t.Fatalf("net/http refuses: %v", err)
			}
			if resp.StatusCode >= 200 {
				break
			}
		}
		expect(t, "status", resp.StatusCode, r.head.Status)
		if resp.StatusCode == 204 || resp.StatusCode == 304 || head {
			// net/http keeps what it does not use.
			resp.Header.Del("Transfer-Encoding")
		}
		sameFields(t, &r.head, resp.Header)
		sameBody(t, r, resp.Body)
	})
}
