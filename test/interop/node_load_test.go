//go:build interop

package interop_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
)

// characterLoads have streams of Node's own HTTP/2 write characters one by one.
var characterLoads = []load{
	{"sink", 1, 0},
	{"sink", 20, 0},
	{"echo", 1, 0},
	{"echo", 20, 0},
}

// TestNodeLoad has Node write single characters, as fast as its event loop turns, and cancel requests. A host in Node takes no more than
// 33 resets a second on a connection, with or without weir: they go to one in Go.
func TestNodeLoad(t *testing.T) {
	client := inNode("node", "http2")
	through(t, []pair{
		{client, inNode("node", "http2"), append([]load{{"chars", 1, 0}, {"chars", 20, 0}}, characterLoads...)},
	})
	t.Run("node to Go", func(t *testing.T) {
		client.client(t) // or it is skipped
		w := start(t, "weir", counted(serveGo(t)))
		t.Cleanup(func() { w.keeps(t) })
		for _, l := range append([]load{{"cancel", 500, 0}, {"burst", 500, 200}}, characterLoads...) {
			t.Run(fmt.Sprint(l.mode, "-", l.rate), func(t *testing.T) {
				t.Parallel()
				client.put(t, l, w.addresses["main"])
			})
		}
	})
}

// serveGo serves what tools/peers/nodeload asks for.
func serveGo(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		io.WriteString(w, strconv.FormatInt(n, 10))
	})
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		b := make([]byte, 4096)
		for {
			n, err := r.Body.Read(b)
			w.Write(b[:n])
			c.Flush()
			if err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/begun", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "x")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := httptest.NewUnstartedServer(mux)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
