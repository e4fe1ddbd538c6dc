package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// TestTermUnderLoad: what got onto a connection is answered, connections are told
// to end, and the process ends with 0.
func TestTermUnderLoad(t *testing.T) {
	up := mirror(t)
	p := run(t, setup{up: up.addr(), server: `"graceful_timeout": "10s"`})
	stop := make(chan struct{})
	var served, closing atomic.Int64
	var all sync.WaitGroup
	for n := range 8 {
		c := client(t)
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				closed, connected, err := onConnection(c, p.url("/"), fmt.Sprint(n, i))
				switch {
				case err == nil:
					served.Add(1)
					if closed {
						closing.Add(1)
					}
				case connected:
					t.Errorf("request %d of client %d failed on its connection: %v", i, n, err)
					return
				default:
					return // nobody listens any more
				}
			}
		})
	}
	until(t, "the load is on", func() bool { return served.Load() > 500 })
	p.signal(syscall.SIGTERM)
	p.exits(0)
	close(stop)
	all.Wait()
	if closing.Load() < 8 {
		t.Errorf("%d responses said that the connection ends, of %d", closing.Load(), served.Load())
	}
}

// onConnection sends a POST, and tells whether it got onto a connection of weir's.
// A new connection that is reset may never have been: the system had completed it
// when the listening socket was closed.
func onConnection(c *http.Client, url, body string) (closed, connected bool, err error) {
	fresh := false
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { connected, fresh = true, !i.Reused },
	})
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		return false, false, err
	}
	resp, err := c.Do(req)
	if err != nil {
		reset := fresh && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE))
		return false, connected && !reset && !errors.Is(err, syscall.ECONNREFUSED), err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != 200 || !strings.HasSuffix(string(got), body)) {
		err = fmt.Errorf("status %d, %q", resp.StatusCode, got)
	}
	return resp.Close, true, err
}

// TestDrainTooLong: what is still under way at the end of the drain is answered that
// there is no time left, and the exit code says so.
func TestDrainTooLong(t *testing.T) {
	quiet := silent(t)
	log, member := logged(t)
	p := run(t, setup{up: quiet.addr(), server: `"graceful_timeout": "100ms"`, listener: member})
	c := dial(t, p.addr)
	c.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	until(t, "the request is at the upstream", func() bool { return quiet.accepted.Load() == 1 })
	p.signal(syscall.SIGTERM)
	p.exits(3)
	p.says("requests=1")
	c.expect(503, "the proxy is shutting down\n")
	c.ended()
	if got := lines(t, log, 1); got[0] != "/slow 503 DT" {
		t.Errorf("the log has %q", got)
	}
}

// TestSecondTerm: whoever asks twice does not want to wait.
func TestSecondTerm(t *testing.T) {
	quiet := silent(t)
	p := run(t, setup{up: quiet.addr()})
	c := dial(t, p.addr)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	until(t, "the request is at the upstream", func() bool { return quiet.accepted.Load() == 1 })
	p.signal(syscall.SIGTERM)
	p.says("draining")
	p.signal(syscall.SIGTERM)
	p.exits(3)
}

func TestInt(t *testing.T) {
	quiet := silent(t)
	p := run(t, setup{up: quiet.addr()})
	c := dial(t, p.addr)
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	until(t, "the request is at the upstream", func() bool { return quiet.accepted.Load() == 1 })
	p.signal(syscall.SIGINT)
	p.exits(0)
}

// TestReopen: after its log was renamed and SIGUSR1 came, weir writes to a new one.
func TestReopen(t *testing.T) {
	up := named(t, "up")
	log, member := logged(t)
	p := run(t, setup{up: up.addr(), listener: member})
	c := client(t)
	get(t, c, p.url("/one")).expect(t, 200, "up")
	lines(t, log, 1)
	old := log + ".1"
	if err := os.Rename(log, old); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGUSR1)
	until(t, "the log is there again", func() bool { _, err := os.Stat(log); return err == nil })
	get(t, c, p.url("/two")).expect(t, 200, "up")
	if got := lines(t, log, 1); !slices.Equal(got, []string{"/two 200 -"}) {
		t.Errorf("the new log has %q", got)
	}
	if got := lines(t, old, 1); !slices.Equal(got, []string{"/one 200 -"}) {
		t.Errorf("the old log has %q", got)
	}
}

// TestReloadSignal: SIGUSR2 takes a good file on, and says what is wrong with a
// wrong one.
func TestReloadSignal(t *testing.T) {
	one, two := named(t, "one"), named(t, "two")
	s := fixed(t, setup{up: one.addr()})
	p := run(t, s)
	c := client(t)
	get(t, c, p.url("/")).expect(t, 200, "one")
	wrong := s
	wrong.routes = route("/", "upp", "")
	p.write(wrong)
	p.signal(syscall.SIGUSR2)
	p.says(`was not reloaded.*weir.json:4:\d+: .*there is no cluster`)
	get(t, c, p.url("/")).expect(t, 200, "one")
	s.up = two.addr()
	p.write(s)
	p.signal(syscall.SIGUSR2)
	p.says("the configuration was reloaded")
	get(t, c, p.url("/")).expect(t, 200, "two")
}

// script returns a file that pkg/config's tests are written as: a configuration
// and its problems.
func script(t testing.TB, name string) (path string, problems []string) {
	t.Helper()
	b, err := os.ReadFile("../../pkg/config/testdata/load/" + name + ".script")
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`(?m)^-- \S+ --\n`).Split(string(b), -1)
	path = filepath.Join(t.TempDir(), "weir.json")
	if err := os.WriteFile(path, []byte(parts[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(parts[2]), "\n") {
		if line != "loaded" && line != "refused" {
			problems = append(problems, filepath.Dir(path)+"/"+line)
		}
	}
	return path, problems
}

// TestWrongConfigurations: every mistake is named, with file, line and column, by
// check and by start.
func TestWrongConfigurations(t *testing.T) {
	path, problems := script(t, "five_mistakes")
	for _, verb := range []string{"check", "start"} {
		code, _, stderr := command(t, verb, "-c", path)
		if code != 1 {
			t.Errorf("%s ends with %d", verb, code)
		}
		for _, p := range problems {
			if !strings.Contains(stderr, p+"\n") {
				t.Errorf("%s does not say %q but\n%s", verb, p, stderr)
			}
		}
	}
	if len(problems) != 5 {
		t.Errorf("the file has %d mistakes", len(problems))
	}
	code, _, stderr := command(t, "check", "-c", filepath.Join(t.TempDir(), "none.json"))
	if code != 1 || !strings.Contains(stderr, "no such file") {
		t.Errorf("a file that is not there: %d, %q", code, stderr)
	}
}

// TestStartFails: an address in use ends the process, and says which.
func TestStartFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	path := filepath.Join(t.TempDir(), "weir.json")
	os.WriteFile(path, []byte(setup{address: taken.Addr().String(), up: "127.0.0.1:1"}.String()), 0o644)
	code, _, stderr := command(t, "start", "-c", path)
	if code != 1 || !strings.Contains(stderr, `listener "main": listen on `+taken.Addr().String()+": address already in use") {
		t.Errorf("it ended with %d, %q", code, stderr)
	}
}

// TestMOSNConfigurations: three of MOSN's own files pass, with warnings of what is
// not there yet.
func TestMOSNConfigurations(t *testing.T) {
	for _, name := range []string{"mosn_http_conversion", "mosn_bolt_client", "mosn_dubbo_client"} {
		path, problems := script(t, name)
		problems = slices.DeleteFunc(problems, func(p string) bool { // the script's is a build with HTTP/1 alone
			return slices.ContainsFunc([]string{"protocol bolt", "protocol dubbo", "protocol Http2", "stream filter transcoder"},
				func(what string) bool { return strings.HasSuffix(p, ": the "+what) })
		})
		code, stdout, stderr := command(t, "check", "-c", path)
		if code != 0 || !strings.HasSuffix(stdout, ": ok\n") {
			t.Errorf("%s: %d, %q", name, code, stdout)
		}
		if got := strings.FieldsFunc(stderr, func(r rune) bool { return r == '\n' }); !slices.Equal(got, problems) {
			t.Errorf("%s warns of\n%s\nwant\n%s", name, stderr, strings.Join(problems, "\n"))
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"frob"}, {"start"}, {"check"}, {"check", "--frob"}} {
		if code, _, stderr := command(t, args...); code != 2 || stderr == "" {
			t.Errorf("%q ends with %d, %q", args, code, stderr)
		}
	}
	if code, stdout, _ := command(t, "version"); code != 0 || !strings.HasPrefix(stdout, "weir ") {
		t.Errorf("version ends with %d, %q", code, stdout)
	}
}

// TestProcessDescriptors: an idle weir holds no more than its sockets, whatever
// went through it.
func TestProcessDescriptors(t *testing.T) {
	up := named(t, "up")
	p := run(t, setup{up: up.addr(), cluster: `"idle_timeout": "20ms"`})
	count := func() int {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	idle := count()
	for range 50 {
		c := dial(t, p.addr)
		c.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		c.expect(200, "up")
		c.ended()
		c.Close()
	}
	eventually(t, "descriptors are closed", func() error {
		if now := count(); now > idle {
			return fmt.Errorf("%d, there were %d", now, idle)
		}
		return nil
	})
}
