package e2e_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
)

// framed is a message of gRPC.
func framed(message string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))) + message
}

// call sends a gRPC request with one message.
func (f *frames) call(id uint32, path string, fields ...string) {
	f.request(id, false, "POST", path, append([]string{"content-type", "application/grpc+proto", "te", "trailers"}, fields...)...)
	f.WriteData(id, true, []byte(framed("question")))
}

// answersAlone checks that a call was answered by a head alone, with a status.
func (f *frames) answersAlone(id uint32, status int, message string) {
	f.t.Helper()
	m := f.whole(id)
	want := []string{":status: 200", "content-type: application/grpc+proto", fmt.Sprintf("grpc-status: %d", status), "grpc-message: " + message}
	got := slices.DeleteFunc(slices.Clone(m.head), func(s string) bool { return strings.HasPrefix(s, "date: ") })
	if slices.Sort(got); !slices.Equal(got, sorted(want)) || !m.ended || m.body.Len() > 0 || m.trailers != nil {
		f.t.Errorf("stream %d got %q, want %q", id, m, want)
	}
}

// grpcHost is a server of gRPC. The handler answers each call; what it writes are
// messages, and what it returns is the status.
func grpcHost(t testing.TB, handler func(w http.ResponseWriter, r *http.Request) (status int)) *upstream {
	return serveIn(t, h2, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc+proto")
		status := handler(w, r)
		if w.Header().Get("Grpc-Status") != "" { // it was told in the head
			return
		}
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", fmt.Sprint(status))
		w.Header().Set(http.TrailerPrefix+"Grpc-Message", fmt.Sprint("status ", status))
	})
}

// onlyHead makes a call's answer a head alone.
func onlyHead(w http.ResponseWriter, status int) int {
	w.Header().Set("Grpc-Status", fmt.Sprint(status))
	return status
}

// callsOver is a proxy from HTTP/2 to HTTP/2.
const callsOver = `"downstream_protocol": "Http2", "upstream_protocol": "Http2"`

// TestGRPCPasses: messages and status pass as they come.
func TestGRPCPasses(t *testing.T) {
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		if r.Header.Get("TE") != "trailers" || r.Header.Get("X-Meta-Bin") != "AAEC" {
			t.Errorf("the host got %v", r.Header)
		}
		w.WriteHeader(200)
		io.Copy(w, r.Body)
		return 5
	})
	w := start(t, setup{up: up.addr(), proxy: callsOver})
	f := dialFrames(t, w.addr())
	for id := uint32(1); id < 7; id += 2 {
		f.call(id, "/pkg.Echo/Say", "x-meta-bin", "AAEC")
		m := f.expect(id, 200, framed("question"))
		if !slices.Equal(sorted(m.trailers), []string{"grpc-message: status 5", "grpc-status: 5"}) {
			t.Errorf("got %q", m)
		}
	}
}

// TestGRPCLocalAnswers: what weir answers itself is a status of gRPC, in a response
// that is nothing but a head.
func TestGRPCLocalAnswers(t *testing.T) {
	quiet := serveFrames(t, func(f *frames, _ int) { f.over() })
	resets := serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			f.WriteRSTStream(id, xhttp2.ErrCodeInternal)
		}
	})
	w := start(t, setup{
		proxy: callsOver,
		routes: strings.Join([]string{
			route("/pkg.Empty/", "empty", ""), route("/pkg.Refused/", "refused", ""), route("/pkg.Slow/", "slow", `"timeout": "30ms"`),
			route("/pkg.Full/", "full", ""), route("/pkg.Resets/", "resets", ""),
			`{"match": {"prefix": "/pkg.Own/"}, "direct_response": {"status": 403, "body": "not you"}}`,
		}, ", "),
		clusters: strings.Join([]string{
			cluster("empty", ""), cluster("refused", "", refusing(t)), cluster("slow", "", quiet.addr()), cluster("resets", "", resets.addr()),
			cluster("full", `"circuit_breakers": [{"max_requests": 1}]`, quiet.addr()),
		}, ", "),
	})
	f := dialFrames(t, w.addr())
	f.call(1, "/pkg.Full/First")
	until(t, "the host is full", func() bool { return w.count("upstream.cluster.full", "request_active") == 1 })
	for i, tc := range []struct {
		path    string
		status  int
		message string
	}{
		{"/pkg.None/Say", 12, "no route"},
		{"/pkg.Empty/Say", 14, "no host"},
		{"/pkg.Refused/Say", 14, "no connection to the upstream"},
		{"/pkg.Slow/Say", 4, "the upstream did not answer in time"},
		{"/pkg.Full/Say", 8, "too many requests to the cluster"},
		{"/pkg.Resets/Say", 13, "the upstream ended the connection"},
		{"/pkg.Own/Say", 7, "not you"},
	} {
		id := uint32(2*i + 3)
		f.call(id, tc.path)
		f.answersAlone(id, tc.status, tc.message)
	}
	f.WriteRSTStream(1, xhttp2.ErrCodeCancel)
	until(t, "the first is over", func() bool { return w.Load().Streams == 0 })
}

// TestGRPCDeadline: the client's own deadline holds, is told to the host with what
// is left of it, and the host learns when it has passed; also when the response has
// begun.
func TestGRPCDeadline(t *testing.T) {
	cancelled := make(chan string, 10)
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		left, err := grpcTimeout(r.Header.Get("Grpc-Timeout"))
		if err != nil || left > 60*time.Millisecond || left <= 0 {
			t.Errorf("the host was told %q, %v", r.Header.Get("Grpc-Timeout"), err)
		}
		if strings.HasSuffix(r.URL.Path, "Begun") {
			io.WriteString(w, framed("one"))
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
		cancelled <- r.URL.Path
		return 0
	})
	log, member := logged(t)
	w := start(t, setup{up: up.addr(), proxy: callsOver, listener: member})
	f := dialFrames(t, w.addr())
	f.call(1, "/pkg.Slow/Silent", "grpc-timeout", "60m")
	f.answersAlone(1, 4, "the upstream did not answer in time")
	if got := <-cancelled; got != "/pkg.Slow/Silent" {
		t.Errorf("%s was cancelled", got)
	}
	f.call(3, "/pkg.Slow/Begun", "grpc-timeout", "60000u")
	m := f.expect(3, 200, framed("one"))
	if m.trailers == nil || m.get("grpc-status") != "4" {
		t.Errorf("a call that had begun got %q", m)
	}
	<-cancelled
	if got := lines(t, log, 2); !slices.Equal(got, []string{"/pkg.Slow/Silent 504 UT", "/pkg.Slow/Begun 200 UT"}) &&
		!slices.Equal(got, []string{"/pkg.Slow/Silent 200 UT", "/pkg.Slow/Begun 200 UT"}) {
		t.Errorf("the log has %q", got)
	}
}

// grpcTimeout reads a grpc-timeout.
func grpcTimeout(s string) (time.Duration, error) {
	if s == "" {
		return 0, fmt.Errorf("there is none")
	}
	units := map[byte]string{'n': "ns", 'u': "us", 'm': "ms", 'S': "s", 'M': "m", 'H': "h"}
	return time.ParseDuration(s[:len(s)-1] + units[s[len(s)-1]])
}

// TestGRPCRouteTimeout: of the route's timeout and the client's, the shorter holds
// for the response to begin. The host is told the client's, which is for all of it.
func TestGRPCRouteTimeout(t *testing.T) {
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		if left, _ := grpcTimeout(r.Header.Get("Grpc-Timeout")); strings.HasSuffix(r.URL.Path, "Long") && left <= time.Second {
			t.Errorf("the host was told that it has %v", left)
		}
		<-r.Context().Done()
		return 0
	})
	w := start(t, setup{up: up.addr(), proxy: callsOver, routes: route("/short.", "up", `"timeout": "40ms"`) + ", " + route("/", "up", `"timeout": "10s"`)})
	f := dialFrames(t, w.addr())
	f.call(1, "/short.Route/Long", "grpc-timeout", "10S")
	f.answersAlone(1, 4, "the upstream did not answer in time")
	f.call(3, "/short.Route/None")
	f.answersAlone(3, 4, "the upstream did not answer in time")
	f.call(5, "/long.Route/Short", "grpc-timeout", "40m")
	f.answersAlone(5, 4, "the upstream did not answer in time")
}

// TestGRPCRouteTimeoutIsForTheBegin: a call whose client waits for longer than the
// route is not cut off by the route's timeout once its response has begun.
func TestGRPCRouteTimeoutIsForTheBegin(t *testing.T) {
	release := make(chan struct{})
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		if strings.HasSuffix(r.URL.Path, "Silent") {
			<-r.Context().Done()
			return 0
		}
		io.WriteString(w, framed("one"))
		w.(http.Flusher).Flush()
		<-release
		io.WriteString(w, framed("two"))
		return 0
	})
	w := start(t, setup{up: up.addr(), proxy: callsOver, routes: route("/", "up", `"timeout": "2s"`)})
	f := dialFrames(t, w.addr())
	f.call(1, "/pkg.Stream/Watch", "grpc-timeout", "20S")
	first := f.message(1)
	f.until(func() bool { return first.body.Len() > 0 })
	f.call(3, "/pkg.Stream/Silent") // once this has timed out, so would have the other
	f.answersAlone(3, 4, "the upstream did not answer in time")
	close(release)
	if m := f.expect(1, 200, framed("one")+framed("two")); m.get("grpc-status") != "0" {
		t.Errorf("got %q", m)
	}
}

// TestGRPCRetries: a call that ended with a status of the policy is tried again, if
// it may be executed twice and its answer had nothing else.
func TestGRPCRetries(t *testing.T) {
	var calls atomic.Int64
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) int {
		body, _ := io.ReadAll(r.Body)
		first := calls.Add(1) == 1
		switch {
		case first && strings.HasSuffix(r.URL.Path, "Unavailable"):
			return onlyHead(w, 14)
		case first && strings.HasSuffix(r.URL.Path, "Internal"):
			return onlyHead(w, 13)
		case first && strings.HasSuffix(r.URL.Path, "Begun"):
			w.Write(body)
			return 14
		}
		w.Write(body)
		return 0
	})
	const policy = `"retry_policy": {"retry_on": true, "num_retries": 2, "grpc_status_codes": [14], "back_off": "1ms"`
	w := start(t, setup{up: up.addr(), proxy: callsOver,
		routes: route("/twice.", "up", policy+`, "idempotent": true}`) + ", " + route("/", "up", policy+"}")})
	f := dialFrames(t, w.addr())
	for i, tc := range []struct {
		path   string
		status string
		calls  int64
	}{
		{"/twice.Service/Unavailable", "0", 2},
		{"/twice.Service/Internal", "13", 1},
		{"/twice.Service/Begun", "14", 1},
		{"/once.Service/Unavailable", "14", 1},
		{"/twice.Service/Fine", "0", 1},
	} {
		calls.Store(0)
		id := uint32(2*i + 1)
		f.call(id, tc.path)
		if m := f.whole(id); m.get("grpc-status") != tc.status || calls.Load() != tc.calls || !m.ended {
			t.Errorf("%s: got %q after %d calls", tc.path, m, calls.Load())
		}
	}
	if n := w.count("upstream.cluster.up", "request_retry"); n != 1 {
		t.Errorf("%d retries are counted", n)
	}
}

// TestGRPCBrokenResponse: a response that the host breaks off ends with a status, as
// its client waits for one.
func TestGRPCBrokenResponse(t *testing.T) {
	up := serveFrames(t, func(f *frames, _ int) {
		for id := f.accept(); id != 0; id = f.accept() {
			f.headers(id, false, ":status", "200", "content-type", "application/grpc")
			f.WriteData(id, false, []byte(framed("one")))
			f.WriteRSTStream(id, xhttp2.ErrCodeInternal)
		}
	})
	w := start(t, setup{up: up.addr(), proxy: callsOver})
	f := dialFrames(t, w.addr())
	f.call(1, "/pkg.Broken/Say")
	m := f.expect(1, 200, framed("one"))
	if m.get("grpc-status") != "13" || m.trailers == nil { // what INTERNAL_ERROR means to gRPC
		t.Errorf("got %q", m)
	}
}

// TestGRPCStatistics: calls are counted by service, method and status.
func TestGRPCStatistics(t *testing.T) {
	up := grpcHost(t, func(w http.ResponseWriter, r *http.Request) (status int) {
		fmt.Sscan(r.Header.Get("X-Status"), &status)
		if r.Header.Get("X-Alone") != "" {
			return onlyHead(w, status)
		}
		io.WriteString(w, framed("answer"))
		return status
	})
	w := start(t, setup{up: up.addr(), proxy: callsOver})
	f := dialFrames(t, w.addr())
	for i, tc := range [][]string{
		{"/pkg.One/A", "x-status", "0"}, {"/pkg.One/A", "x-status", "0"}, {"/pkg.One/A", "x-status", "5"},
		{"/pkg.One/B", "x-status", "14", "x-alone", "1"}, {"/pkg.Two/A", "x-status", "0"}, {"/pkg.None/A", "x-status", "12", "x-alone", "1"},
	} {
		id := uint32(2*i + 1)
		f.call(id, tc[0], tc[1:]...)
		f.whole(id)
	}
	until(t, "all are over", func() bool { return w.Load().Streams == 0 })
	for set, keys := range map[string]map[string]int{
		"grpc.service.pkg.One.method.A":   {"request_total": 3, "request_status_0_total": 2, "request_status_5_total": 1},
		"grpc.service.pkg.One.method.B":   {"request_total": 1, "request_status_14_total": 1},
		"grpc.service.pkg.Two.method.A":   {"request_total": 1, "request_status_0_total": 1},
		"grpc.service.other.method.other": {"request_total": 1, "request_status_12_total": 1},
	} {
		for key, want := range keys {
			if got := w.count(set, key); got != want {
				t.Errorf("%s %s is %d, want %d", set, key, got, want)
			}
		}
	}
	for key, want := range map[string]int{"response_success": 4, "response_failed": 2, "request_total": 6} {
		if got := w.count("upstream.cluster.up", key); got != want {
			t.Errorf("%s is %d, want %d", key, got, want)
		}
	}
}

// TestTripleRoutes: routes see what a call is for: its service, its method, and, of
// Triple, version and group.
func TestTripleRoutes(t *testing.T) {
	hosts := map[string]*upstream{}
	var clusters, routes []string
	for _, r := range [][]string{
		{"grouped", "service", "pkg.Greeter", "group", "blue", "version", "2.0"},
		{"versioned", "service", "pkg.Greeter", "version", "2.0"},
		{"method", "service", "pkg.Greeter", "method", "Bye"},
		{"service", "service", "pkg.Greeter"},
		{"rest"},
	} {
		name := r[0]
		hosts[name] = grpcHost(t, func(w http.ResponseWriter, _ *http.Request) int { io.WriteString(w, name); return 0 })
		clusters = append(clusters, cluster(name, "", hosts[name].addr()))
		var headers []string
		for i := 1; i < len(r); i += 2 {
			headers = append(headers, fmt.Sprintf(`{"name": %q, "value": %q}`, r[i], r[i+1]))
		}
		routes = append(routes, fmt.Sprintf(`{"match": {"prefix": "/", "headers": [%s]}, "route": {"cluster_name": %q}}`, strings.Join(headers, ", "), name))
	}
	w := start(t, setup{proxy: callsOver, routes: strings.Join(routes, ", "), clusters: strings.Join(clusters, ", ")})
	f := dialFrames(t, w.addr())
	for i, tc := range [][]string{
		{"grouped", "/pkg.Greeter/Hi", "tri-service-version", "2.0", "tri-service-group", "blue"},
		{"versioned", "/pkg.Greeter/Hi", "tri-service-version", "2.0", "tri-service-group", "red"},
		{"service", "/pkg.Greeter/Hi", "tri-service-version", "1.0"},
		{"service", "/pkg.Greeter/Hi"},
		{"rest", "/pkg.Other/Hi"},
		{"rest", "/pkg.Other/Hi", "tri-service-version", "2.0"},
		{"rest", "/pkg.Other/Bye"},
	} {
		id := uint32(2*i + 1)
		f.call(id, tc[1], tc[2:]...)
		f.expect(id, 200, tc[0])
	}
}
