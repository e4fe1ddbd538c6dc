package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestGRPCOverHTTP1: a call that comes over a hop in HTTP/1 is one of gRPC all the
// same: it has its deadline, and weir's answers have a status of gRPC.
func TestGRPCOverHTTP1(t *testing.T) {
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		switch r.URL.Path {
		case "/pkg.S/Ask":
			fmt.Fprint(w, framed("answer"))
			return 5
		case "/pkg.S/Breaks":
			fmt.Fprint(w, framed("answer"))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/pkg.S/Resets":
			panic(http.ErrAbortHandler)
		}
		<-r.Context().Done()
		return 0
	})
	w := start(t, setup{up: up.addr(), proxy: `"upstream_protocol": "Http2"`, routes: route("/pkg.S/", "up", "")})
	for _, tc := range []struct {
		path, fields string
		body, status string
	}{
		{"/pkg.S/Ask", "TE: trailers\r\nConnection: TE\r\n", framed("answer"), "grpc-status: 5"},
		{"/pkg.S/Slow", "TE: trailers\r\nGrpc-Timeout: 30m\r\n", "", "grpc-status: 4"},
		{"/pkg.S/Resets", "TE: trailers\r\n", "", "grpc-status: 13"},
		{"/pkg.None/Ask", "TE: trailers\r\n", "", "grpc-status: 12"},
		{"/pkg.S/Breaks", "TE: trailers\r\n", framed("answer"), "grpc-status: 13"},
		{"/pkg.None/Ask", "", "no route\n", "HTTP/1.1 404 Not Found"},
	} {
		c := dial(t, w.addr())
		c.send("POST ", tc.path, " HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc+proto\r\n", tc.fields,
			"Transfer-Encoding: chunked\r\n\r\n", "d\r\n"+framed("question")+"\r\n0\r\n\r\n")
		head := c.head()
		body, trailers := c.body(head)
		told := strings.Contains(strings.ToLower(head+trailers), "\n"+strings.ToLower(tc.status)+"\r\n") || strings.HasPrefix(head, tc.status)
		if body != tc.body || !told {
			t.Errorf("%s with %q: %q, body %q, trailers %q", tc.path, tc.fields, head, body, trailers)
		}
	}
}
