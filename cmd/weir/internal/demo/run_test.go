package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/panjf2000/ants/v2"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
	"github.com/weirproxy/weir/configs"
	"github.com/weirproxy/weir/pkg/standard"
)

func TestMain(m *testing.M) {
	ants.Release() // the default pool that importing the package starts
	goleak.VerifyTestMain(m)
}

// patience bounds what should take no time.
const patience = 20 * time.Second

// world runs a demo by a clock that the test moves.
type world struct {
	t                *testing.T
	now              time.Time
	requests, frames chan time.Time
	shown            chan string // what is written, a write each
	cancel           context.CancelFunc
	over             chan error
	options          Options
}

// newWorld starts a demo on free ports. change may change its options.
func newWorld(t *testing.T, change func(*Options)) *world {
	w := &world{t: t, now: time.Unix(1000, 0), requests: make(chan time.Time), frames: make(chan time.Time),
		shown: make(chan string), over: make(chan error, 1)}
	w.options = Options{
		Registry:   standard.Registry(),
		Version:    "test",
		Quickstart: quickstart(t),
		Folder:     t.TempDir(),
		AnyPort:    true,
		Out:        w,
		Now:        func() time.Time { return time.Unix(1000, 0) },
		Requests:   w.requests,
		Busy:       time.Hour,
		Frames:     w.frames,
	}
	if change != nil {
		change(&w.options)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.cancel = cancel
	go func() {
		w.over <- Run(ctx, w.options)
		close(w.shown)
	}()
	return w
}

func quickstart(t *testing.T) []byte {
	text, err := configs.Files.ReadFile("quickstart.json")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Write takes what the demo shows.
func (w *world) Write(b []byte) (int, error) {
	w.shown <- string(b)
	return len(b), nil
}

// next returns what the demo shows next.
func (w *world) next() string {
	w.t.Helper()
	select {
	case text, ok := <-w.shown:
		if !ok {
			w.t.Fatalf("the demo has ended: %v", <-w.over)
		}
		return text
	case <-time.After(patience):
		w.t.Fatal("nothing is shown")
		return ""
	}
}

// second lets a second pass, with 200 requests, and returns what is shown then.
func (w *world) second() string {
	w.t.Helper()
	for range 200 {
		w.now = w.now.Add(5 * time.Millisecond)
		w.requests <- w.now
	}
	w.frames <- w.now
	return w.next()
}

// end ends the demo, and returns what it shows last.
func (w *world) end() string {
	w.t.Helper()
	w.cancel()
	var all strings.Builder
	for text := range w.shown {
		all.WriteString(text)
	}
	if err := <-w.over; err != nil {
		w.t.Error(err)
	}
	return all.String()
}

// number returns the number that a pattern finds in a text.
func number(t *testing.T, text, pattern string) int {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %q in %q", pattern, text)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// get returns what is at a URL.
func get(t *testing.T, url string) string {
	t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestLines: on no terminal there are lines, whose numbers come from requests
// that went through weir.
func TestLines(t *testing.T) {
	w := newWorld(t, nil)
	begin := w.next()
	address := regexp.MustCompile(`weir listens at http://(127\.0\.0\.1:\d+)\.`).FindStringSubmatch(begin)
	if address == nil {
		t.Fatal(begin)
	}
	for _, want := range []string{"curl -i http://" + address[1] + "/flaky ", "bolt.call ", "/metrics ", "Access log: " + w.options.Folder} {
		if !strings.Contains(begin, want) {
			t.Errorf("no %q in %s", want, begin)
		}
	}
	const retries, delayed = ` retries (\d+)`, ` delayed (\d+)`
	requests, moving := 0, map[string]bool{}
	var line string
	for deadline := time.Now().Add(patience); ; {
		line = w.second()
		now := number(t, line, `: (\d+) requests`)
		if now < requests || now > number(t, line, `^ *(\d+) s:`)*200 {
			t.Errorf("%d requests, %d before: %s", now, requests, line)
		}
		requests = now
		for _, route := range []string{"/hello", "/flaky", "/slow", "/", "bolt", "dubbo", "grpc"} {
			moving[route] = moving[route] || number(t, line, regexp.QuoteMeta(route)+` (\d+)/s`) > 0
		}
		if requests > 500 && number(t, line, retries) > 0 && number(t, line, delayed) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(line)
		}
	}
	for route, moves := range moving {
		if !moves {
			t.Errorf("%s stands still: %s", route, line)
		}
	}
	if strings.Contains(line, "\x1b") || !strings.HasSuffix(line, "\n") {
		t.Errorf("not a plain line: %q", line)
	}
	page := get(t, regexp.MustCompile(`http://\S+/metrics`).FindString(begin))
	if number(t, page, `weir_downstream_fault_delayed_total\{listener="main"\} (\d+)`) == 0 {
		t.Error("the page for Prometheus knows of no delay")
	}

	end := w.end()
	total, failed := number(t, end, `(\d+) requests in `), number(t, end, ` (\d+) 5xx`)
	if total < requests || number(t, end, `(\d+) 2xx`)+failed != total || number(t, end, `none for (\d+)`) != 0 {
		t.Errorf("%d requests so far, and then: %s", requests, end)
	}
	if n := number(t, end, `failed (\d+) times`); n == 0 || number(t, end, `retried (\d+) times`)+failed != n {
		t.Errorf("what fails is either retried or answered so: %s", end)
	}
	if number(t, end, `delayed (\d+) requests`) < total/15 {
		t.Errorf("one in fourteen requests is delayed: %s", end)
	}
	log, err := os.ReadFile(filepath.Join(w.options.Folder, "access.log"))
	if err != nil || bytes.Count(log, []byte("\n")) != total {
		t.Errorf("%d lines in the access log, %v; want %d", bytes.Count(log, []byte("\n")), err, total)
	}
}

// TestScreen: the picture is drawn over itself, on a screen that is left as it
// was found.
func TestScreen(t *testing.T) {
	width, height := 80, 24
	w := newWorld(t, func(o *Options) {
		o.Screen = &tty.Screen{Size: func() (int, int) { return width, height }}
	})
	if got := w.next(); got != tty.Enter {
		t.Errorf("begins with %q", got)
	}
	w.next() // the first picture, before any request
	for deadline := time.Now().Add(patience); ; {
		frame := w.second()
		if !strings.HasPrefix(frame, tty.Home) || !strings.HasSuffix(frame, tty.ClearLine+tty.ClearBelow) ||
			strings.Count(frame, "\r\n") != 23 || strings.Count(frame, tty.ClearLine) != 24 {
			t.Fatalf("%q", frame)
		}
		if number(t, frame, `shop *127\.0\.0\.1:\d+ x3 *(\d+) `) > 20 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(frame)
		}
	}
	height = 5
	if frame := w.second(); strings.Count(frame, "\r\n") != 4 {
		t.Errorf("a screen of 5 lines got %q", frame)
	}
	end := w.end()
	if !strings.HasPrefix(end, tty.Leave) || strings.Contains(end[len(tty.Leave):], "\x1b") || strings.Contains(end, "curl") ||
		!strings.Contains(end, "requests in ") {
		t.Errorf("ends with %q", end)
	}
}

// TestOutage: a server dies, weir notices and sends it nothing, no request fails, and once the server is back it has its share again.
func TestOutage(t *testing.T) {
	const dead = "127.0.0.1:8082"
	w := newWorld(t, func(o *Options) {
		o.Outage = Outage{Address: dead, After: time.Second, For: time.Hour}
		// Requests come faster than in any demo, and so do retries.
		o.Quickstart = bytes.Replace(o.Quickstart, []byte(`"name": "shop",`), []byte(`"name": "shop", "retry_budget": {"min_retries": 1000},`), 1)
	})
	w.next()
	until := func(what string, is func(line string) bool) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; {
			line := w.second()
			if is(line) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("not %s: %s", what, line)
			}
		}
	}
	shares := regexp.MustCompile(`; shop: \S+ \d+/s, (\S+) (\d+)/s( \((?:unhealthy|ejected)\))?\n`)
	share := func(line string) (address, rate, state string) {
		m := shares.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("no shares in %q", line)
		}
		return m[1], m[2], m[3]
	}
	until("gone", func(line string) bool {
		address, rate, state := share(line)
		if state != "" && !strings.Contains(line, address+" was killed ") {
			t.Errorf("nobody says why: %s", line)
		}
		return state != "" && rate == "0"
	})
	w.now = w.now.Add(time.Hour)
	until("back", func(line string) bool {
		_, rate, state := share(line)
		return state == "" && rate != "0"
	})
	end := w.end()
	if number(t, end, ` (\d+) 5xx`) != 0 || number(t, end, `none for (\d+)`) != 0 || !strings.Contains(end, " was killed once.") {
		t.Errorf("%s", end)
	}
}

// TestTakenPort: where a port is taken, another one is used, and the user told.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()

	p := &places{}
	defer p.free()
	if got, err := p.own(address); err != nil || got != address {
		t.Errorf("%s, %v; want %s as configured", got, err, address)
	}
	if p.notice() != "" {
		t.Error(p.notice())
	}
	moved, err := p.upstream(l.Addr().String())
	if err != nil || moved == l.Addr().String() {
		t.Errorf("%s, %v", moved, err)
	}
	if again, err := p.upstream(l.Addr().String()); err != nil || again != moved {
		t.Errorf("one upstream has two addresses: %s and %s, %v", moved, again, err)
	}
	if want := "Port " + strconv.Itoa(taken) + " is taken: a free one is used instead."; p.notice() != want {
		t.Errorf("%q, want %q", p.notice(), want)
	}
}

// TestAdapt: addresses and logs are changed, routes named, and nothing else.
func TestAdapt(t *testing.T) {
	p := &places{anyPort: true}
	defer p.free()
	text, err := adapt(quickstart(t), p, "/there/access.log")
	if err != nil {
		t.Fatal(err)
	}
	var root object
	if err := json.Unmarshal(text, &root); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range each(root, "servers", "routers", "virtual_hosts", "routers") {
		names = append(names, r["name"].(string))
	}
	if got := strings.Join(names, " "); got != "bolt dubbo grpc /hello /flaky /slow /" {
		t.Errorf("routes are called %s", got)
	}
	hosts := each(root, "cluster_manager", "clusters", "hosts")
	if len(hosts) != 7 || len(p.upstreams) != 6 || hosts[0]["address"] != hosts[3]["address"] || hosts[0]["weight"] != 3.0 {
		t.Errorf("hosts %v for %d upstreams", hosts, len(p.upstreams))
	}
	if p.upstreams[failing] == nil {
		t.Errorf("no upstream is to fail: %v", p.upstreams)
	}
	logs := each(root, "servers", "listeners", "access_logs")
	if len(logs) != 1 || logs[0]["log_path"] != "/there/access.log" {
		t.Errorf("access logs: %v", logs)
	}
	admin := each(root, "admin", "address", "socket_address")[0]
	if port := admin["port_value"].(float64); port == 0 || port == 34901 {
		t.Errorf("the admin interface is at %v", admin)
	}
}

// TestCannotStart: a demo that cannot start says why, and leaves nothing behind.
func TestCannotStart(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Quickstart = []byte("{") }, "the quickstart configuration"},
		{func(o *Options) { o.Folder = filepath.Join(o.Folder, "none") }, "no such file"},
		{func(o *Options) { o.Quickstart = []byte("{}") }, "servers"},
	} {
		w := newWorld(t, c.change)
		select {
		case text, ok := <-w.shown:
			if ok {
				t.Fatalf("shows %q", text)
			}
		case <-time.After(patience):
			t.Fatal("neither started nor failed")
		}
		if err := <-w.over; err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestCalm: after the busy time, one tick in calm is a request.
func TestCalm(t *testing.T) {
	busy := time.Unix(1000, 0)
	requests, paths := make(chan time.Time), make(chan string, 100)
	tr := &traffic{end: make(chan struct{})}
	done := make(chan struct{})
	go func() { defer close(done); tr.dispatch(requests, busy, paths) }()
	for range 10 {
		requests <- busy
	}
	for range 10 * calm {
		requests <- busy.Add(1)
	}
	tr.finish()
	<-done
	if len(paths) != 20 {
		t.Errorf("%d requests, want 10 and 10", len(paths))
	}
}

// TestFailsNowAndThen: the upstream that fails answers every third request with
// 503, the others none.
func TestFailsNowAndThen(t *testing.T) {
	p := &places{anyPort: true}
	for _, address := range []string{"127.0.0.1:8081", failing} {
		if _, err := p.upstream(address); err != nil {
			t.Fatal(err)
		}
	}
	u := serveUpstreams(p.upstreams, slog.New(slog.DiscardHandler))
	defer u.stop()
	defer http.DefaultClient.CloseIdleConnections()
	for configured, l := range p.upstreams {
		var got []int
		for range 2 * failEvery {
			r, err := http.Get("http://" + l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(r.Body)
			r.Body.Close()
			got = append(got, r.StatusCode)
			if !strings.Contains(string(body), l.Addr().String()) {
				t.Errorf("it does not say who it is: %s", body)
			}
		}
		for i, status := range got {
			if fails := configured == failing && i%failEvery == failEvery-1; fails != (status == 503) {
				t.Errorf("%s: %v", configured, got)
			}
		}
	}
}
