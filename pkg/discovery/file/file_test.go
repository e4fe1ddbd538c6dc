package file

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a condition may take.
const patience = 20 * time.Second

// sink notes what is delivered.
type sink struct {
	mu       sync.Mutex
	hosts    []discovery.Host
	failure  string
	sets     int
	failures int
	alive    int
}

func (s *sink) Hosts(hosts []discovery.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts, s.failure = hosts, ""
	s.sets++
}

func (s *sink) Failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err.Error()
	s.failures++
}

func (s *sink) Alive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = ""
	s.alive++
}

// state is what a sink knows at one time.
type state struct {
	addresses             string
	failure               string
	sets, failures, alive int
}

func (s *sink) state() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	var a []string
	for _, h := range s.hosts {
		a = append(a, h.Address)
	}
	return state{strings.Join(a, " "), s.failure, s.sets, s.failures, s.alive}
}

// until waits for a condition.
func (s *sink) until(t *testing.T, what string, ok func(state) bool) state {
	t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		now := s.state()
		if ok(now) {
			return now
		}
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("%s: not so after %v: %+v", what, patience, now)
		}
	}
}

// has waits for a set of addresses, without a failure.
func (s *sink) has(t *testing.T, addresses string) {
	t.Helper()
	s.until(t, "hosts "+addresses, func(now state) bool { return now.addresses == addresses && now.failure == "" })
}

// fails waits for a failure, and checks that the hosts stay.
func (s *sink) fails(t *testing.T, text, addresses string) {
	t.Helper()
	now := s.until(t, "failure "+text, func(now state) bool { return strings.Contains(now.failure, text) })
	if now.addresses != addresses {
		t.Errorf("after the failure %q the hosts are %q, want %q", now.failure, now.addresses, addresses)
	}
}

// start watches a file until the test ends.
func start(t *testing.T, path string) *sink {
	t.Helper()
	src, err := New(new(config.Config), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := new(sink)
	c := &config.Cluster{Name: "c", HostsFile: config.HostsFile{Path: path, Refresh: shortestRefresh}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		src.Watch(ctx, c, s)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		src.Close()
	})
	return s
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// replace writes a file beside another and renames it over that.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	rename(t, path+".new", path)
}

func TestHostsOfAFile(t *testing.T) {
	want := []discovery.Host{
		{Address: "10.0.0.1:80", Hostname: "a.example", Weight: 3, Metadata: map[string]string{"v": "1"}, Zone: "z1", Priority: 1},
		{Address: "10.0.0.2:80", Weight: 5},
	}
	for name, text := range map[string]string{
		"list.json": `[{"address":"10.0.0.1:80","hostname":"a.example","weight":3,"metadata":{"v":"1"},"zone":"z1","priority":1},
			{"address":"10.0.0.2:80","weight":2},{"address":"10.0.0.2:80","weight":3}]`,
		"object.json": `{"hosts":[{"address":"10.0.0.1:80","hostname":"a.example","weight":3,
			"metadata":{"filter_metadata":{"mosn.lb":{"v":"1"}}},"zone":"z1","priority":1},{"address":"10.0.0.2:80","weight":5}]}`,
		"list.yaml": "- {address: '10.0.0.1:80', hostname: a.example, weight: 3, metadata: {v: '1'}, zone: z1, priority: 1}\n" +
			"- {address: '10.0.0.2:80', weight: 5}\n",
		"object.yml": "hosts:\n- {address: '10.0.0.1:80', hostname: a.example, weight: 3, metadata: {v: '1'}, zone: z1, priority: 1}\n" +
			"- {address: '10.0.0.2:80', weight: 5}\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			write(t, path, text)
			s := start(t, path)
			s.has(t, "10.0.0.1:80 10.0.0.2:80")
			s.mu.Lock()
			defer s.mu.Unlock()
			if d := cmp.Diff(want, s.hosts); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWrongFiles(t *testing.T) {
	good := `[{"address":"10.0.0.1:80"}]`
	for _, test := range []struct{ name, text, want string }{
		{"half", "[{\"address\":\"10.0.0.1:80\"},\n{\"addr", "hosts.json:2:"},
		{"empty", "", "hosts.json:1:1"},
		{"unknown key", "[\n{\"where\":\"10.0.0.1:80\"}]", `hosts.json:2:2: [0].where: unknown key`},
		{"no port", "{\"hosts\":[\n{\"address\":\"10.0.0.1\"}]}", `hosts.json:2:12: hosts[0].address: "10.0.0.1" is not an address and a port`},
		{"weight", `[{"address":"10.0.0.1:80","weight":-1}]`, "[0].weight: must not be negative"},
		{"no list", `{}`, "hosts is missing"},
		{"null list", `{"hosts":null}`, "hosts is missing"},
		{"string", `"10.0.0.1:80"`, "must be a list of hosts"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "hosts.json")
			write(t, path, good)
			s := start(t, path)
			s.has(t, "10.0.0.1:80")
			replace(t, path, test.text)
			s.fails(t, test.want, "10.0.0.1:80")
			replace(t, path, good)
			s.has(t, "10.0.0.1:80")
			if now := s.state(); now.sets != 1 || now.failures != 1 {
				t.Errorf("%d sets and %d failures, want one of each: nothing new was delivered", now.sets, now.failures)
			}
		})
	}
}

// TestChanges goes through the ways in which a file changes.
func TestChanges(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "hosts.yaml")
	s := start(t, path)
	s.fails(t, "hosts.yaml: cannot be read: no such file", "")

	write(t, path, "- address: 10.0.0.1:80\n")
	s.has(t, "10.0.0.1:80")
	replace(t, path, "- address: 10.0.0.2:80\n")
	s.has(t, "10.0.0.2:80")
	write(t, path, "- address: 10.0.0.3:80\n") // in place, as long as before
	s.has(t, "10.0.0.3:80")

	// Moved away and back, which changes neither content nor size nor the time of
	// the last writing.
	rename(t, path, path+".away")
	s.fails(t, "cannot be read", "10.0.0.3:80")
	rename(t, path+".away", path)
	s.has(t, "10.0.0.3:80")

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.fails(t, "cannot be read", "10.0.0.3:80")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	s.fails(t, "not a regular file", "10.0.0.3:80")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write(t, path, "[]\n")
	s.has(t, "")
}

// TestSymbolicLinks exchanges the link of a folder, as Kubernetes does with a
// volume's.
func TestSymbolicLinks(t *testing.T) {
	folder := t.TempDir()
	in := func(name string) string { return filepath.Join(folder, name) }
	link := func(to, name string) {
		if err := os.Symlink(to, in("tmp")); err != nil {
			t.Fatal(err)
		}
		rename(t, in("tmp"), in(name))
	}
	for _, v := range []string{"v1", "v2"} {
		if err := os.Mkdir(in(v), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, in("v1/hosts.json"), `[{"address":"10.0.0.1:80"}]`)
	write(t, in("v2/hosts.json"), `[{"address":"10.0.0.2:80"}]`)
	link("v1", "..data")
	link("..data/hosts.json", "hosts.json")

	s := start(t, in("hosts.json"))
	s.has(t, "10.0.0.1:80")
	link("v2", "..data")
	s.has(t, "10.0.0.2:80")
	link("v3", "..data")
	s.fails(t, "cannot be read", "10.0.0.2:80")
	link("v1", "..data")
	s.has(t, "10.0.0.1:80")
}

// looks are looks at a file without a goroutine: what happens at which look.
func looks(t *testing.T, path string) (*watch, *sink) {
	t.Helper()
	s := new(sink)
	return newWatch(path, s, slog.New(slog.DiscardHandler)), s
}

// TestWrittenInPlace writes a file bit by bit. A part of it would be a valid file
// with fewer hosts.
func TestWrittenInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.yaml")
	write(t, path, "# one\n- address: 10.0.0.1:80\n")
	w, s := looks(t, path)
	w.look()
	s.has(t, "10.0.0.1:80")

	text := "- address: 10.0.0.2:80\n"
	write(t, path, text)
	w.look()
	text += "- address: 10.0.0.3:80\n"
	write(t, path, text)
	w.look()
	if now := s.state(); now.addresses != "10.0.0.1:80" {
		t.Fatalf("the hosts of a part of a file were taken: %q", now.addresses)
	}
	w.look()
	if now := s.state(); now.addresses != "10.0.0.2:80 10.0.0.3:80" {
		t.Fatalf("the file has come to rest, and the hosts are %q", now.addresses)
	}

	for range restless {
		text += "- address: 10.0.0.3:80\n"
		write(t, path, text)
		w.look()
	}
	s.fails(t, "written in place", "10.0.0.2:80 10.0.0.3:80")
	write(t, path, "- address: 10.0.0.4:80\n")
	w.look()
	w.look()
	s.has(t, "10.0.0.4:80")
}

// TestReadOnlyWhenChanged makes a file old, and looks.
func TestReadOnlyWhenChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.json")
	write(t, path, `[{"address":"10.0.0.1:80"}]`)
	w, s := looks(t, path)
	w.look()
	if !w.young {
		t.Error("a file just written must be read again: its stamp may not tell of the next change")
	}
	w.young = false // as when the file was old
	// From here on nothing but the stamp may count: other content under the same
	// stamp would show if the file was read.
	w.delivered = false
	w.look()
	w.look()
	if now := s.state(); now.sets != 1 || now.alive != 2 {
		t.Errorf("%d sets and %d signs of life, want 1 and 2", now.sets, now.alive)
	}
	// A touch makes it read, and its content is the same.
	w.delivered = true
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	w.look()
	w.look()
	if now := s.state(); now.sets != 1 || now.alive != 3 {
		t.Errorf("after a touch: %d sets and %d signs of life, want 1 and 3", now.sets, now.alive)
	}
}

func TestLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.json")
	write(t, path, "")
	if err := os.Truncate(path, largest+1); err != nil {
		t.Fatal(err)
	}
	w, s := looks(t, path)
	w.look()
	s.fails(t, "the file is too big", "")
}

// TestRelativePath checks that a relative path starts at the configuration file.
func TestRelativePath(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "hosts.json"), `[{"address":"10.0.0.1:80"}]`)
	text := `{"servers":[{}],"cluster_manager":{"clusters":[{"name":"c","type":"FILE","hosts_file":{"path":"hosts.json"}}]}}`
	c, _, err := config.Parse(filepath.Join(folder, "weir.json"), []byte(text), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src, err := New(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := new(sink)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		src.Watch(ctx, &c.ClusterManager.Clusters[0], s)
	}()
	s.has(t, "10.0.0.1:80")
	cancel()
	<-done
}
