package load

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const good = `Running 4s test @ http://127.0.0.1:9101/
  2 threads and 100 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.91ms  802.54us  16.91ms   75.41%
    Req/Sec    26.52k     2.03k   31.51k    70.00%
  Latency Distribution
     50%    1.83ms
     75%    2.32ms
     90%    2.84ms
     99%    4.21ms
  211209 requests in 4.01s, 86.21MB read
Requests/sec:  52670.34
Transfer/sec:     21.50MB
`

func TestParseWrk(t *testing.T) {
	const faulty = `
     99%  912.00us
  10 requests in 4.01s, 86.21MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 7
Requests/sec:     2.50
`
	for text, want := range map[string]Result{
		good:   {211209, 52670.34, 4210 * time.Microsecond, ""},
		faulty: {10, 2.5, 912 * time.Microsecond, "Socket errors: connect 0, read 3, write 0, timeout 1; Non-2xx or 3xx responses: 7"},
	} {
		if got, err := parseWrk(text); got != want || err != nil {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	for _, text := range []string{
		"unable to connect to 127.0.0.1:1 Connection refused\n",
		strings.ReplaceAll(good, "211209", "0"),
		strings.ReplaceAll(good, "Requests/sec", "Rate"),
	} {
		if got, err := parseWrk(text); err == nil {
			t.Errorf("%+v, want an error for %q", got, text)
		}
	}
}

const goodH2 = `
finished in 2.01s, 118638.00 req/s, 32.36MB/s
requests: 237276 total, 237596 started, 237276 done, 237276 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 237276 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 64.72MB (67862526) total, 2.72MB (2848482) headers (space savings 92.54%), 57.93MB (60742656) data
`

func TestParseH2load(t *testing.T) {
	const faulty = `
finished in 2.01s, 50.50 req/s, 32.36MB/s
requests: 113 total, 113 started, 112 done, 101 succeeded, 12 failed, 2 errored, 0 timeout
status codes: 101 2xx, 0 3xx, 0 4xx, 10 5xx
`
	for text, want := range map[string]Result{
		goodH2: {Requests: 237276, Rate: 118638},
		faulty: {Requests: 101, Rate: 50.5, Faults: "12 failed; 2 errored; 10 5xx"},
	} {
		if got, err := parseH2load(text); got != want || err != nil {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	}
	for _, text := range []string{
		"h2load: option requires an argument\n",
		strings.ReplaceAll(goodH2, "237276 succeeded", "0 succeeded"),
		strings.ReplaceAll(goodH2, "status codes", "codes"),
	} {
		if got, err := parseH2load(text); err == nil {
			t.Errorf("%+v, want an error for %q", got, text)
		}
	}
}

func TestHoldKeepsUsedConnections(t *testing.T) {
	var requests atomic.Int64
	var closing atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if closing.Load() {
			w.Header().Set("Connection", "close")
		}
		if r.URL.Path != "/path" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	address := s.Listener.Addr().String()

	open := func() (net.Conn, error) { return Use(t.Context(), address, "/path") }
	held, err := Hold(3, open)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range held {
		if err := exchange(c, "/path"); err != nil {
			t.Errorf("a held connection cannot be used again: %v", err)
		}
	}
	held.Close()
	if n := requests.Load(); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
	if err := Ready(t.Context(), address, "/other"); err == nil {
		t.Error("ready in spite of 404")
	}
	closing.Store(true)
	if _, err := Hold(1, open); err == nil {
		t.Error("took a connection that the server closes")
	}
}
