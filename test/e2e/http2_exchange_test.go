package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
)

// TestVersions: whatever the client and the host speak, and whatever part of the
// configuration says so, requests and responses are the same on both sides.
func TestVersions(t *testing.T) {
	across(t, allWays(), func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("X-Saw", fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, r.Host))
			switch r.URL.Path {
			case "/204":
				w.WriteHeader(204)
			case "/304":
				w.Header().Set("ETag", `"a"`)
				w.WriteHeader(304)
			case "/500":
				http.Error(w, "failed", http.StatusInternalServerError)
			default:
				w.Write(body)
			}
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		c := clientOf(t, way.client)
		for _, tc := range []struct {
			method, path, body string
			status             int
			answer             string
		}{
			{"GET", "/", "", 200, ""},
			{"GET", "/a/b?c=d&e", "", 200, ""},
			{"GET", "/with-body", "body", 200, "body"},
			{"POST", "/", "hello", 200, "hello"},
			{"POST", "/empty", "", 200, ""},
			{"PUT", "/", "put", 200, "put"},
			{"DELETE", "/x", "", 200, ""},
			{"PATCH", "/x", "patch", 200, "patch"},
			{"OPTIONS", "/", "", 200, ""},
			{"REPORT", "/", "own method", 200, "own method"},
			{"HEAD", "/head", "", 200, ""},
			{"GET", "/204", "", 204, ""},
			{"GET", "/304", "", 304, ""},
			{"POST", "/500", "x", 500, "failed\n"},
		} {
			a := do(t, c, tc.method, w.url(tc.path), tc.body, "Host", "a.example")
			a.expect(t, tc.status, tc.answer)
			if got, want := a.Header.Get("X-Saw"), tc.method+" "+tc.path+" a.example"; got != want {
				t.Errorf("the host saw %q, want %q", got, want)
			}
			if want := map[string]int{h1: 1, h2: 2}[way.client]; a.ProtoMajor != want {
				t.Errorf("%s: the answer came in %s", tc.path, a.Proto)
			}
			if tc.path == "/304" && a.Header.Get("ETag") != `"a"` {
				t.Errorf("a 304 with %v", a.Header)
			}
		}
	})
}

// TestWrongVersion: a listener for one version closes connections that speak the
// other.
func TestWrongVersion(t *testing.T) {
	up := named(t, "up")
	w := start(t, setup{up: up.addr(), more: listener("two", "127.0.0.1:0", "", `"downstream_protocol": "Http2"`)})
	if _, err := try(clientOf(t, h2), "GET", w.url("/"), nil); err == nil {
		t.Error("HTTP/2 where only HTTP/1 is spoken was answered")
	}
	c := dial(t, w.Addresses()["two"])
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if rest, err := c.rest(); strings.Contains(rest, "HTTP/1") || isTimeout(err) {
		t.Errorf("HTTP/1 where only HTTP/2 is spoken got %q, %v", rest, err)
	}
}

// TestBodiesAcross sends every size of body both ways, with a length and without.
func TestBodiesAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			got := &checked{}
			n, err := io.Copy(got, r.Body)
			if err != nil || got.bad {
				t.Errorf("%s: %d bytes, damaged: %v, %v", r.URL, n, got.bad, err)
			}
			w.Header().Set("X-Length", fmt.Sprint(r.ContentLength))
			if r.URL.Query().Has("open") {
				w.(http.Flusher).Flush()
			} else {
				w.Header().Set("Content-Length", fmt.Sprint(n))
			}
			io.Copy(w, &patterned{n: n})
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		c := clientOf(t, way.client)
		for _, size := range []int64{0, 1, 100 << 10, 20 << 20} {
			for _, open := range []bool{false, true} {
				url, length := w.url("/"), size
				if open {
					url, length = url+"?open", -1
				}
				req, err := http.NewRequest("POST", url, &patterned{n: size})
				if err != nil {
					t.Fatal(err)
				}
				if req.ContentLength = length; size == 0 && !open {
					req.Body = http.NoBody
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got := &checked{}
				_, err = io.Copy(got, resp.Body)
				resp.Body.Close()
				if err != nil || got.bad || got.at != size || resp.ContentLength != length {
					t.Errorf("%d bytes, open %v: got %d, damaged: %v, length %d, %v", size, open, got.at, got.bad, resp.ContentLength, err)
				}
				if told := resp.Header.Get("X-Length"); told != fmt.Sprint(length) {
					t.Errorf("%d bytes, open %v: the host was told %s", size, open, told)
				}
			}
		}
	})
}

// TestEcho: a body passes as it comes, both ways at a time.
func TestEcho(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			control.EnableFullDuplex() // an error where it always is
			control.Flush()
			b := make([]byte, 32<<10)
			for {
				n, err := r.Body.Read(b)
				w.Write(b[:n])
				control.Flush()
				if err != nil {
					return
				}
			}
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		r, send := io.Pipe()
		req, _ := http.NewRequest("POST", w.url("/"), r)
		resp, err := clientOf(t, way.client).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		for i := range 50 {
			piece := pattern(1 + i*i*10)
			go send.Write(piece)
			got := make([]byte, len(piece))
			if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, piece) {
				t.Fatalf("piece %d came back as %.100q, %v", i, got, err)
			}
		}
		send.Close()
		if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
			t.Errorf("behind the end came %q, %v", rest, err)
		}
	})
}

// TestHeadAcross: a response to HEAD says how long one to GET would be.
func TestHeadAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				w.Header().Set("Content-Length", "12345")
			}
		})
		s := way.setup(setup{up: up.addr()})
		s.routes = `{"match": {"prefix": "/own"}, "direct_response": {"status": 200, "body": "own"}},` + route("/", "up", "")
		w := start(t, s)
		c := clientOf(t, way.client)
		for path, want := range map[string]int64{"/": 12345, "/own": 3, "/open": -1} {
			if a := do(t, c, "HEAD", w.url(path), ""); a.StatusCode != 200 || a.ContentLength != want || a.body != "" {
				t.Errorf("%s: status %d, length %d, body %q", path, a.StatusCode, a.ContentLength, a.body)
			}
		}
	})
}

// TestInterim: informational responses come before the final one, all of them and
// in order.
func TestInterim(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			for _, link := range []string{"</a>", "</b>"} {
				w.Header().Set("Link", link)
				w.WriteHeader(http.StatusEarlyHints)
			}
			w.Header().Del("Link")
			io.WriteString(w, "final")
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		var got []string
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				got = append(got, fmt.Sprint(code, h.Get("Link")))
				return nil
			},
		})
		c := clientOf(t, way.client)
		for range 2 {
			got = nil
			req, _ := http.NewRequestWithContext(ctx, "GET", w.url("/"), nil)
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if !slices.Equal(got, []string{"103</a>", "103</b>"}) || string(body) != "final" || resp.Header.Get("Link") != "" {
				t.Errorf("got %q, then %q %v", got, body, resp.Header)
			}
		}
	})
}

// TestContinueAcross: the host decides whether the body is sent, over both versions.
func TestContinueAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/no" {
				http.Error(w, "no", http.StatusUnauthorized)
				return
			}
			if got := r.Header.Get("Expect"); way.upstream == h1 && got != "100-continue" { // Go hides it in HTTP/2
				t.Errorf("the host was told to expect %q", got)
			}
			io.Copy(w, r.Body)
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		c := clientOf(t, way.client)
		for range 2 {
			do(t, c, "PUT", w.url("/"), "hello", "Expect", "100-continue").expect(t, 200, "hello")
			sent := &counting{r: strings.NewReader("secret")}
			a, err := try(c, "PUT", w.url("/no"), sent, "Expect", "100-continue")
			if err != nil {
				t.Fatal(err)
			}
			if a.expect(t, 401, "no\n"); sent.n.Load() != 0 {
				t.Error("a body that was not wanted was sent")
			}
		}
	})
}

// TestTrailersAcross: trailers reach the other side, but for those that could change
// how a message is taken.
func TestTrailersAcross(t *testing.T) {
	across(t, fourWays, func(t *testing.T, way way) {
		up := serveIn(t, way.upstream, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			w.Header().Set("X-Early", r.Trailer.Get("X-Client"))
			body, _ := io.ReadAll(r.Body)
			w.Write(body)
			w.Header().Set("X-Sum", r.Trailer.Get("X-Client"))
			w.Header().Set(http.TrailerPrefix+"X-Late", "late")
			w.Header().Set(http.TrailerPrefix+"Set-Cookie", "a="+r.Trailer.Get("X-Forwarded-For"))
		})
		w := start(t, way.setup(setup{up: up.addr()}))
		c := clientOf(t, way.client)
		for _, size := range []int{0, 5, 100 << 10} {
			body := pattern(size)
			req, _ := http.NewRequest("POST", w.url("/"), io.MultiReader(bytes.NewReader(body)))
			req.Trailer = http.Header{"X-Client": {"sum"}, "X-Forwarded-For": {"me"}}
			resp, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !bytes.Equal(got, body) || resp.Header.Get("X-Early") != "" {
				t.Errorf("got %d bytes %v, %v", len(got), resp.Header, err)
			}
			tr := resp.Trailer
			if tr.Get("X-Sum") != "sum" || tr.Get("X-Late") != "late" || tr.Get("Set-Cookie") != "" {
				t.Errorf("%d bytes: the trailers are %v", size, tr)
			}
		}
	})
}
