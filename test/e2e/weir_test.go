package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/panjf2000/ants/v2"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/standard"
)

func TestMain(m *testing.M) {
	ants.Release() // the pool that importing the package starts
	code := m.Run()
	if program.dir != "" {
		os.RemoveAll(program.dir)
	}
	os.Exit(code) //nolint:forbidigo // TestMain ends the test program
}

// patience is how long anything that must happen may take. No test waits for it
// to pass.
const patience = 20 * time.Second

// weir is a weir that runs within the test.
type weir struct {
	*server.Server
	t    testing.TB
	path string // of its configuration
	log  *safeBuffer
}

// start runs a weir until the test is over, and then checks that everything that
// it and the test had is gone.
func start(t testing.TB, config fmt.Stringer) *weir { return startWith(t, config, nil) }

// startWith is start with more stream filters, by their type.
func startWith(t testing.TB, config fmt.Stringer, filters filter.Registry) *weir {
	t.Helper()
	checkLeaks(t)
	w := &weir{t: t, path: filepath.Join(t.TempDir(), "weir.json"), log: &safeBuffer{}}
	w.write(config.String())
	all := standard.Registry()
	maps.Copy(all.Filters, filters)
	level := &slog.LevelVar{}
	w.Server = server.New(server.Options{
		Registry: all,
		Log:      slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: level})),
		Level:    level,
	})
	if err := w.Start(w.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	return w
}

// end waits until nothing is under way, and stops.
func (w *weir) end() {
	if w.Stage() == server.Running {
		eventually(w.t, "streams, connections and slabs are gone", func() error {
			if load := w.Load(); load.Connections != 0 || load.Streams != 0 {
				return fmt.Errorf("%+v", load)
			}
			for _, s := range w.Buffers() {
				if s.Live > 1 { // the buffer that a worker reads into
					return fmt.Errorf("slabs %+v", s)
				}
			}
			return nil
		})
	}
	w.Stop()
	if log := w.log.String(); strings.Contains(log, "panic") {
		w.t.Errorf("the log says:\n%s", log)
	}
}

func (w *weir) write(config string) {
	w.t.Helper()
	if err := os.WriteFile(w.path, []byte(config), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// reload gives it another configuration, which must be right.
func (w *weir) reload(config fmt.Stringer) {
	w.t.Helper()
	w.write(config.String())
	if err := w.Reload(); err != nil {
		w.t.Fatal(err)
	}
}

// addr is where its listener "main" listens.
func (w *weir) addr() string { return w.Addresses()["main"] }

// url is the address of a path on the listener "main".
func (w *weir) url(path string) string { return "http://" + w.addr() + path }

// live adds up the bytes in the slabs of all workers.
func (w *weir) live() (n int) {
	for _, s := range w.Buffers() {
		n += s.LiveBytes
	}
	return n
}

// counters returns all statistics by set and key: "downstream.listener.main" has
// "request_total".
func (w *weir) counters() map[string]map[string]any {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.Metrics().WriteJSON(&b, nil); err != nil {
		w.t.Fatal(err)
	}
	all := make(map[string]map[string]any)
	if err := json.Unmarshal(b.Bytes(), &all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// count returns one counter.
func (w *weir) count(set, key string) int {
	w.t.Helper()
	n, ok := w.counters()[set][key].(float64)
	if !ok {
		w.t.Fatalf("there is no counter %s %s", set, key)
	}
	return int(n)
}

// client returns an HTTP client of its own connections, closed at the end.
func client(t testing.TB) *http.Client {
	checkLeaks(t)
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 100, ExpectContinueTimeout: patience}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

// do sends a request and reads the whole response.
func do(t testing.TB, c *http.Client, method, url, body string, fields ...string) answer {
	t.Helper()
	a, err := try(c, method, url, strings.NewReader(body), fields...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func try(c *http.Client, method, url string, body io.Reader, fields ...string) (answer, error) {
	if r, ok := body.(*strings.Reader); ok && r.Len() == 0 {
		body = nil
	}
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == "Host" {
			req.Host = fields[i+1]
		}
		req.Header.Add(fields[i], fields[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp, string(b)}, err
}

// get is do for GET.
func get(t testing.TB, c *http.Client, url string, fields ...string) answer {
	t.Helper()
	return do(t, c, "GET", url, "", fields...)
}

// expect checks status and body.
func (a answer) expect(t testing.TB, status int, body string) {
	t.Helper()
	if a.StatusCode != status || a.body != body {
		t.Errorf("%s %s: got %d %.200q, want %d %.200q", a.Request.Method, a.Request.URL, a.StatusCode, a.body, status, body)
	}
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-timeout:
			t.Fatalf("%s: %v", what, err)
		case <-tick.C:
		}
	}
}

var errNotYet = errors.New("not yet")

// until is eventually for a condition that has nothing to say.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	eventually(t, what, func() error {
		if holds() {
			return nil
		}
		return errNotYet
	})
}

// watched are the tests that leaks are looked for in.
var watched sync.Map

// checkLeaks checks, when everything else of the test is cleaned up, that it left
// no goroutine and no descriptor. Whatever opens something calls it first.
func checkLeaks(t testing.TB) {
	if _, loaded := watched.LoadOrStore(t, true); loaded {
		return
	}
	goroutines := goleak.IgnoreCurrent()
	before := descriptors(t)
	t.Cleanup(func() {
		if err := goleak.Find(goroutines); err != nil {
			t.Error(err)
		}
		eventually(t, "descriptors are closed", func() error {
			runtime.GC() // the pipes by which the net package copies end with a collection
			if now := descriptors(t); len(now) > len(before) {
				return fmt.Errorf("there are %q, there were %q", now, before)
			}
			return nil
		})
	})
}

func descriptors(t testing.TB) (open []string) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, to)
		}
	}
	return open
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
