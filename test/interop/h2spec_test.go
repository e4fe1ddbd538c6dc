//go:build interop

package interop_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// h2specCases is how many cases h2spec 2.2.1 has, with the strict ones.
const h2specCases = "146"

// h2specSummary is the last line of h2spec.
var h2specSummary = regexp.MustCompile(`(?m)^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$`)

// TestH2spec runs h2spec with its strict cases, the ones of HTTP/2's "SHOULD" among them, against weir in front of a real server. Every case
// must pass, over whatever upstream and however weir came to know that its client speaks HTTP/2.
func TestH2spec(t *testing.T) {
	for _, way := range []struct{ name, downstream, upstream string }{
		{"http1-upstream", "Http2", "Http1"},
		{"http2-upstream", "Http2", "Http2"},
		{"detected", "Http2,bolt,dubbo", "Auto"}, // without Http1, so that a preface that is none of theirs is hung up on, not answered 400
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			var c config
			c.listen("main", way.downstream, object{"upstream_protocol": way.upstream}, prefix("/", "web"))
			c.cluster("web", serveBothHTTP(t))
			w := start(t, "weir", &c)
			host, port, _ := net.SplitHostPort(w.addresses["main"])

			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			out, err := suite(ctx, t, "h2spec", "--strict", "--host", host, "--port", port, "--timeout", "10").CombinedOutput()
			sum := h2specSummary.FindSubmatch(out)
			if err == nil && sum != nil && string(sum[1]) == h2specCases && string(sum[2]) == h2specCases {
				t.Logf("%s: %s cases passed", t.Name(), sum[2])
				return
			}
			if _, failures, ok := strings.Cut(string(out), "Failures:"); ok {
				out = []byte(failures)
			}
			t.Errorf("h2spec: %v, want %s cases to pass:\n%s", err, h2specCases, out)
		})
	}
}

// prefix is a route of all paths of HTTP that begin with something.
func prefix(begin, cluster string) object {
	return object{"match": object{"prefix": begin}, "route": object{"cluster_name": cluster}}
}

// serveBothHTTP is the address of a server of HTTP/1 and of HTTP/2 with prior knowledge, which answers everything.
func serveBothHTTP(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello\n")
	}))
	s.Config.Protocols = bothHTTP()
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// bothHTTP are HTTP/1 and HTTP/2 with prior knowledge.
func bothHTTP() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}
