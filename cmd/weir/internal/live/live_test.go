package live

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
	"github.com/weirproxy/weir/pkg/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what should take no time.
const patience = 20 * time.Second

// world is a weir with clusters that a test changes.
type world struct {
	mu       sync.Mutex
	all      []admin.Cluster
	happened []admin.Event
}

func (w *world) Clusters(name string, each func(*admin.Cluster) bool) {
	w.mu.Lock()
	all := append([]admin.Cluster(nil), w.all...)
	w.mu.Unlock()
	for i := range all {
		if (name == "" || name == all[i].Name) && !each(&all[i]) {
			return
		}
	}
}

func (w *world) Events(cluster string, n int) (all []admin.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.happened {
		if cluster == "" || cluster == e.Cluster {
			all = append(all, e)
		}
	}
	return all[max(0, len(all)-n):]
}

func (w *world) happens(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.happened = append(w.happened, admin.Event{Time: time.Unix(int64(len(w.happened)), 0), Cluster: "shop", Host: "h:1", Kind: kind})
}

// becomes puts the host of shop into a state.
func (w *world) becomes(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = []admin.Cluster{
		{Name: "other", Source: admin.SourceState{Kind: "config"}},
		{Name: "shop", Source: admin.SourceState{Kind: "config"}, Hosts: []admin.Host{{Address: "h:1", State: state}, {Address: "h:2", State: "healthy"}}},
	}
}

// listening starts an admin interface for a world, and returns a client of it, and what ends it.
func (w *world) listening(t *testing.T, address string) (*Client, string, func()) {
	t.Helper()
	s := admin.New(admin.Options{Clusters: w})
	addr, err := s.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	c := NewClient(addr.String())
	t.Cleanup(c.Close)
	stop := func() {
		c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	return c, addr.String(), stop
}

// writes are what is written, a write each.
type writes chan string

func (w writes) Write(b []byte) (int, error) {
	w <- string(b)
	return len(b), nil
}

func (w writes) next(t *testing.T) string {
	t.Helper()
	select {
	case text := <-w:
		return text
	case <-time.After(patience):
		t.Fatal("nothing is written")
		return ""
	}
}

func TestClusters(t *testing.T) {
	w := &world{}
	w.becomes("ejected")
	c, _, stop := w.listening(t, "127.0.0.1:0")
	defer stop()
	show := func(o Options) string {
		var out bytes.Buffer
		o.Client, o.Out = c, &out
		if err := Clusters(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if got := show(Options{}); !strings.Contains(got, "\n\nshop ") || !strings.Contains(got, "  h:1   ejected ") || strings.Contains(got, "\x1b") {
		t.Errorf("%s", got)
	}
	if got := show(Options{Cluster: "shop"}); strings.Contains(got, "other") || !strings.HasPrefix(got, "shop") {
		t.Errorf("%s", got)
	}
	colours := &tty.Screen{Size: func() (int, int) { return 80, 24 }, Colour: true}
	if got := show(Options{Screen: colours}); !strings.Contains(got, "\x1b[31mejected\x1b[0m") || !strings.Contains(got, "\x1b[32mhealthy\x1b[0m") {
		t.Errorf("%q", got)
	}
	colours.Colour = false
	if got := show(Options{Screen: colours}); strings.Contains(got, "\x1b") {
		t.Errorf("colours where none are wanted: %q", got)
	}
	var read struct{ Clusters []admin.Cluster }
	if err := json.Unmarshal([]byte(show(Options{JSON: true})), &read); err != nil || len(read.Clusters) != 2 {
		t.Errorf("%v, %v", read, err)
	}
	w.all = nil
	if got := show(Options{}); got != "there are no clusters\n" {
		t.Errorf("%q", got)
	}
}

// TestErrors: what goes wrong is said in words that help.
func TestErrors(t *testing.T) {
	w := &world{}
	w.becomes("healthy")
	c, _, stop := w.listening(t, "127.0.0.1:0")
	defer stop()
	answers := func(status int, body string) *Client {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, body)
		}))
		t.Cleanup(s.Close)
		other := NewClient(strings.TrimPrefix(s.URL, "http://"))
		t.Cleanup(other.Close)
		return other
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	for name, tc := range map[string]struct {
		client  *Client
		cluster string
		want    string
	}{
		"nobody":      {NewClient(free.Addr().String()), "", "is weir running, with an admin block in its configuration? --admin says"},
		"no address":  {NewClient("127.0.0.1"), "", "such as 127.0.0.1:34901"},
		"a URL":       {NewClient("http://127.0.0.1:34901"), "", "such as 127.0.0.1:34901"},
		"no port":     {NewClient("127.0.0.1:99999"), "", "gives no answer"},
		"bad address": {NewClient("a b"), "", "such as 127.0.0.1:34901"},
		"no cluster":  {c, "shp", `there is no cluster shp (did you mean "shop"?)`},
		"no weir":     {answers(404, "<html>"), "", "is no admin interface of weir: it answers 404 Not Found"},
		"older":       {answers(404, `{"error": "there is no endpoint /api/v1/clusters"}`), "", "older version"},
		"refused":     {answers(421, `{"error": "the Host header must be"}`), "", "the Host header must be"},
		"not JSON":    {answers(200, "ready"), "", "cannot be read"},
		"not ours":    {answers(200, `{"events": []}`), "", "cannot be read"},
		"half":        {answers(200, `{"clusters": [{"name": "shop"}`), "", "cannot be read"},
		"odd":         {answers(200, `{"clusters": [{"name": 3}]}`), "", "cannot be read"},
	} {
		err := Clusters(t.Context(), Options{Client: tc.client, Out: io.Discard, Cluster: tc.cluster})
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
	// Events fail like that too, and to watch is no excuse.
	for _, o := range []Options{{Client: answers(500, "")}, {Client: answers(200, "[]")}} {
		o.Out, o.Ticks = io.Discard, make(chan time.Time)
		if err := Events(t.Context(), o, 1); err == nil {
			t.Error("no error")
		}
		if err := Clusters(t.Context(), o); err == nil {
			t.Error("no error")
		}
	}
}

// TestWatch: one table is drawn over the other, a weir that is gone for a while is waited for, and the screen is left as it was found.
func TestWatch(t *testing.T) {
	w := &world{}
	w.becomes("healthy")
	c, address, stop := w.listening(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	out, ticks, over := make(writes, 100), make(chan time.Time), make(chan error)
	height := 24
	go func() {
		over <- Clusters(ctx, Options{Client: c, Out: out, Ticks: ticks, Screen: &tty.Screen{Size: func() (int, int) { return 80, height }}})
	}()
	tick := func() string {
		t.Helper()
		ticks <- time.Time{}
		return out.next(t)
	}
	if got := out.next(t); got != tty.Enter {
		t.Errorf("begins with %q", got)
	}
	if got := out.next(t); !strings.HasPrefix(got, tty.Home+"other") || !strings.Contains(got, "h:1   healthy") {
		t.Errorf("%q", got)
	}
	w.becomes("unhealthy")
	if got := tick(); !strings.Contains(got, "h:1   unhealthy") {
		t.Errorf("%q", got)
	}
	height = 4
	if got := tick(); strings.Count(got, "\r\n") != 3 || !strings.Contains(got, "... and 5 lines more: name a cluster") {
		t.Errorf("%q", got)
	}
	height = 24
	stop()
	for range 2 {
		if got := tick(); !strings.HasPrefix(got, tty.Home+"nobody listens") || strings.Count(got, "nobody") != 1 || !strings.Contains(got, "h:1   unhealthy") {
			t.Errorf("%q", got)
		}
	}
	w.becomes("draining")
	_, _, stop = w.listening(t, address)
	if got := tick(); strings.Contains(got, "nobody") || !strings.Contains(got, "h:1   draining") {
		t.Errorf("%q", got)
	}
	cancel()
	if got := out.next(t); got != tty.Leave {
		t.Errorf("ends with %q", got)
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	c.Close()
	stop()
}

// TestWatchLines: on no terminal there is one table after the other.
func TestWatchLines(t *testing.T) {
	w := &world{}
	w.becomes("healthy")
	c, _, stop := w.listening(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	out, ticks, over := make(writes, 100), make(chan time.Time), make(chan error)
	go func() { over <- Clusters(ctx, Options{Client: c, Out: out, Ticks: ticks}) }()
	if got := out.next(t); !strings.HasPrefix(got, "other") {
		t.Errorf("%q", got)
	}
	stop()
	ticks <- time.Time{}
	if got := out.next(t); !strings.HasPrefix(got, "\nnobody listens") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// TestFollow: every event is shown once.
func TestFollow(t *testing.T) {
	w := &world{}
	for _, kind := range []string{"one", "two", "three"} {
		w.happens(kind)
	}
	c, address, stop := w.listening(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(t.Context())
	out, ticks, over := make(writes, 100), make(chan time.Time), make(chan error)
	go func() { over <- Events(ctx, Options{Client: c, Out: out, Ticks: ticks, Cluster: "shop"}, 2) }()
	must := func(kind string) {
		t.Helper()
		if got := out.next(t); !strings.HasSuffix(got, "  shop  h:1  "+kind+"\n") {
			t.Errorf("%q, want %s", got, kind)
		}
	}
	must("two")
	must("three")
	ticks <- time.Time{} // nothing is new
	w.happens("four")
	w.happens("five")
	ticks <- time.Time{}
	must("four")
	must("five")
	stop()
	ticks <- time.Time{}
	if got := out.next(t); !strings.HasPrefix(got, "nobody listens") {
		t.Errorf("%q", got)
	}
	ticks <- time.Time{} // it was said once
	w.mu.Lock()
	w.happened = nil
	w.mu.Unlock()
	w.happens("another life")
	_, _, stop = w.listening(t, address)
	ticks <- time.Time{}
	must("another life")
	cancel()
	if err := <-over; err != nil {
		t.Error(err)
	}
	c.Close()
	stop()
}

func TestEventsJSON(t *testing.T) {
	w := &world{}
	w.happens("one")
	w.happens("two")
	c, _, stop := w.listening(t, "127.0.0.1:0")
	defer stop()
	var out bytes.Buffer
	if err := Events(t.Context(), Options{Client: c, Out: &out, JSON: true}, 10); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&out)
	for _, want := range w.happened {
		var got admin.Event
		if err := d.Decode(&got); err != nil || got.Kind != want.Kind || !got.Time.Equal(want.Time) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
}
