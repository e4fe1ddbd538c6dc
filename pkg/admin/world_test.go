package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a process with two listeners, and an admin interface over all of it.
type world struct {
	*Server
	process  *fakeProcess
	clusters *fakeClusters
	services *fakeServices
	logs     *fakeLogs
	log      *buffer
}

const worldConfig = `{
  "servers": [{
    "listeners": [
      {"name": "ingress", "address": "127.0.0.1:1",
       "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "inward"}}]}]},
      {"name": "egress", "address": "127.0.0.1:2",
       "filter_chains": [{"filters": [{"type": "proxy", "config": {"router_config_name": "outward"}}]}]}],
    "routers": [
      {"router_config_name": "inward"},
      {"router_config_name": "outward", "virtual_hosts": [{"name": "v", "domains": ["*"], "routers": [
        {"match": {"prefix": "/"}, "route": {"cluster_name": "backend", "request_headers_to_add": [
          {"header": {"key": "Authorization", "value": "hush-1"}}]}}]}]}]}],
  "cluster_manager": {"clusters": [
    {"name": "backend", "hosts": [{"address": "127.0.0.1:3"}], "tls_context": {"status": false, "private_key": "hush-2"}},
    {"name": "<other>"}]},
  "tracing": {"config": {"password": "hush-3"}}
}`

func newWorld(t *testing.T) *world {
	t.Helper()
	c, _, err := config.Parse("weir.json", []byte(worldConfig), config.Options{Protocols: protocol.Registry{http1.Protocol()}.ForConfig()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		process: &fakeProcess{config: c, state: State{Stage: Running, Started: time.Now().Add(-time.Hour)}},
		logs:    &fakeLogs{levels: map[string]config.LogLevel{"stderr": config.LogInfo, "/var/log/weir.log": config.LogWarn}},
		log:     new(buffer),

		clusters: shopAndEmpty(),
		services: &fakeServices{},
	}
	stats := twoListeners()
	gatherer, err := stats.Prometheus(&config.PrometheusSink{})
	if err != nil {
		t.Fatal(err)
	}
	w.Server = New(Options{
		Version: "v1.2.3", Process: w.process, Clusters: w.clusters, Registrations: w.services, Logs: w.logs, Statistics: stats, Metrics: gatherer, Profiles: true,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	return w
}

// twoListeners are statistics of two listeners and a cluster.
func twoListeners() *metrics.Registry {
	worker := metrics.NewWorker()
	in, out := worker.Listener("ingress"), worker.Listener("egress/a")
	in.RequestTotal, in.RequestActive = 3, 1
	in.Latency.Record(2 * time.Millisecond)
	in.Latency.Record(4 * time.Millisecond)
	out.RequestTotal = 4
	out.Latency.Record(time.Millisecond)
	worker.Listener("idle")
	worker.Cluster("backend").RequestRetry = 5
	return metrics.NewRegistry(metrics.Options{Collect: func() []*metrics.Snapshot { return []*metrics.Snapshot{worker.Copy()} }})
}

type fakeProcess struct {
	state  State
	config *config.Config
}

func (p *fakeProcess) State() State           { return p.state }
func (p *fakeProcess) Config() *config.Config { return p.config }

type fakeLogs struct {
	mu     sync.Mutex
	levels map[string]config.LogLevel
	off    string // the log that is not written
	err    error
}

func (l *fakeLogs) LogLevels() map[string]config.LogLevel {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.levels)
}

func (l *fakeLogs) SetLogLevel(path string, level config.LogLevel) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.levels[path] = level
	}
	return l.err
}

func (l *fakeLogs) EnableLog(path string, on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.off = path
		if on {
			l.off = ""
		}
	}
	return l.err
}

// buffer may be written by goroutines of the server.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// ask sends a request without a network. Headers are "Name: value"; Host is one of them.
func ask(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:9901"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	return ask(h, http.MethodGet, target, "")
}

// mustStatus fails the test unless an answer has the status, and holds the text.
func mustStatus(t *testing.T, w *httptest.ResponseRecorder, status int, part string) {
	t.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), part) {
		t.Fatalf("%d %s; want %d and %q", w.Code, w.Body, status, part)
	}
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	mustStatus(t, w, http.StatusOK, "")
	if got := w.Header().Get("Content-Type"); got != typeJSON {
		t.Errorf("Content-Type: %s", got)
	}
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return v
}

var errDisk = errors.New("disk /dev/sda1 is full")
