package e2e_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// webFilter is a listener's filter that lets clients of gRPC-Web in.
const webFilter = `"stream_filters": [{"type": "grpc_web", "config": {}}]`

// webTrailers are the last part of a gRPC-Web body, which a browser has no trailers
// for.
func webTrailers(fields string) string { return "\x80" + framed(fields)[1:] }

// TestGRPCWeb: a client that has no HTTP/2 calls a host that speaks nothing else, in
// bytes and in text.
func TestGRPCWeb(t *testing.T) {
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		if got := r.Header.Get("Content-Type"); got != "application/grpc+proto" || r.Header.Get("TE") != "trailers" {
			t.Errorf("the host got %v", r.Header)
		}
		if strings.HasSuffix(r.URL.Path, "Alone") {
			return onlyHead(w, 7)
		}
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
		w.(http.Flusher).Flush()
		io.WriteString(w, framed("more"))
		return 3
	})
	encode, decode := base64.StdEncoding.EncodeToString, func(s string) string {
		var b strings.Builder // each part is padded
		for len(s) >= 4 {
			part, err := base64.StdEncoding.DecodeString(s[:4])
			if err != nil {
				t.Errorf("%q: %v", s, err)
			}
			b.Write(part)
			s = s[4:]
		}
		return b.String()
	}
	same := func(s string) string { return s }
	for _, client := range []string{h1, h2} {
		for _, tc := range []struct {
			kind string
			in   func([]byte) string
			out  func(string) string
		}{
			{"application/grpc-web+proto", func(b []byte) string { return string(b) }, same},
			{"application/grpc-web-text+proto", encode, decode},
		} {
			t.Run(client+" "+tc.kind, func(t *testing.T) {
				w := start(t, way{client, client, h2, "proxy"}.setup(setup{up: up.addr(), listener: webFilter}))
				c := clientOf(t, client)
				question := framed(string(pattern(1000)))
				a := do(t, c, "POST", w.url("/pkg.Echo/Say"), tc.in([]byte(question)), "Content-Type", tc.kind, "X-Grpc-Web", "1")
				want := question + framed("more") + webTrailers("grpc-status: 3\r\ngrpc-message: status 3\r\n")
				other := question + framed("more") + webTrailers("grpc-message: status 3\r\ngrpc-status: 3\r\n")
				if got := tc.out(a.body); a.StatusCode != 200 || got != want && got != other {
					t.Errorf("got %d %.300q, want %.300q", a.StatusCode, got, want)
				}
				if got := a.Header.Get("Content-Type"); got != tc.kind {
					t.Errorf("the response is %q", got)
				}
				a = do(t, c, "POST", w.url("/pkg.Echo/Alone"), tc.in([]byte(question)), "Content-Type", tc.kind)
				if a.StatusCode != 200 || a.Header.Get("Grpc-Status") != "7" || a.body != "" {
					t.Errorf("a response of a head alone is %d %v %q", a.StatusCode, a.Header, a.body)
				}
			})
		}
	}
}

// TestGRPCWebLocalAnswers: what weir answers itself reaches such a client as a
// status.
func TestGRPCWebLocalAnswers(t *testing.T) {
	w := start(t, setup{listener: webFilter, proxy: `"upstream_protocol": "Http2"`,
		routes: route("/pkg.Refused/", "refused", ""), clusters: cluster("refused", "", refusing(t))})
	for path, status := range map[string]int{"/pkg.Refused/Say": 14, "/pkg.None/Say": 12} {
		a := do(t, client(t), "POST", w.url(path), framed("question"), "Content-Type", "application/grpc-web+proto")
		if told := a.Header.Get("Grpc-Status") + a.body; a.StatusCode != 200 || !strings.Contains(told, fmt.Sprint(status)) {
			t.Errorf("%s: got %d %v %q", path, a.StatusCode, a.Header, a.body)
		}
	}
}
