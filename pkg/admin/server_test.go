package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/trace"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// listening opens a server on a free port until the test ends, and returns a client for it, and its URL.
func listening(t *testing.T, s *Server) (*http.Client, string) {
	t.Helper()
	addr, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, "http://" + addr.String()
}

// TestListen asks for every endpoint over a real connection.
func TestListen(t *testing.T) {
	w := newWorld(t)
	client, base := listening(t, w.Server)
	for _, e := range w.endpoints {
		if e.methods[0] != http.MethodGet {
			continue
		}
		target := base + e.path
		takesTime := e.query == "seconds="
		if takesTime {
			target += "?seconds=1"
		}
		answer, err := client.Get(target)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %d, %d bytes, %v", target, answer.StatusCode, len(body), err)
		}
		if takesTime {
			continue
		}
		answer, err = client.Head(target)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != http.StatusOK || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("HEAD %s: %d %v", target, answer.StatusCode, answer.Header)
		}
	}
	answer, err := client.Post(base+updatePath, "application/x-www-form-urlencoded", strings.NewReader(`{"log_path": "stderr", "log_level": "DEBUG"}`))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body.Close(); answer.StatusCode != http.StatusOK || w.logs.LogLevels()["stderr"] != "DEBUG" {
		t.Errorf("%d %v", answer.StatusCode, w.logs.LogLevels())
	}
}

// TestRaw sends what an http.Client would not.
func TestRaw(t *testing.T) {
	w := newWorld(t)
	_, base := listening(t, w.Server)
	for request, want := range map[string]string{
		"GET /ready HTTP/1.0\r\n\r\n":                                                              "HTTP/1.0 200",
		"GET /ready HTTP/1.1\r\n\r\n":                                                              "HTTP/1.1 400",
		"GET http://rebound.example/ready HTTP/1.1\r\nHost: localhost\r\n\r\n":                     "HTTP/1.1 421",
		"GET /ready HTTP/1.1\r\nHost: rebound.example\r\n\r\n":                                     "HTTP/1.1 421",
		"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n":                                            "HTTP/1.1 404",
		"GET /ready HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n": "HTTP/1.1 431",
	} {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, request) // it may be refused before its end
		if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("%.60q: %q, %v; want %s", request, line, err, want)
		}
		c.Close()
	}
}

func TestListenRefusals(t *testing.T) {
	first := New(Options{})
	addr, err := first.Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	if !first.guard.hosts["localhost"] {
		t.Error("the host that it listens on is not one to be named")
	}
	if _, err := first.Listen("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "listens already") {
		t.Errorf("listening twice: %v", err)
	}
	second := New(Options{})
	if _, err := second.Listen(addr.String()); err == nil || !strings.Contains(err.Error(), addr.String()) {
		t.Errorf("an address in use: %v", err)
	}
	if _, err := second.Listen("127.0.0.1:0"); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	for range 2 {
		for _, s := range []*Server{first, second} {
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := second.Listen("127.0.0.1:0"); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("listening after Close: %v", err)
	}
}

// slowStats write once they may.
type slowStats struct {
	begun, may chan struct{}
}

func (s slowStats) WriteJSON(w io.Writer, _ func(set, key string) bool) error {
	close(s.begun)
	<-s.may
	_, err := io.WriteString(w, "{}\n")
	return err
}

func (s slowStats) WriteText(w io.Writer, keep func(set, key string) bool) error {
	return s.WriteJSON(w, keep)
}

// TestCloseWaits: a request under way is finished, and no new one is taken.
func TestCloseWaits(t *testing.T) {
	slow := slowStats{make(chan struct{}), make(chan struct{})}
	s := New(Options{Statistics: slow})
	client, base := listening(t, s)
	answered, closed := make(chan string, 1), make(chan error, 1)
	go func() { answered <- fetch(client, base+"/api/v1/stats") }()
	<-slow.begun
	go func() { closed <- s.Close(t.Context()) }()
	eventually(t, func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	select {
	case err := <-closed:
		t.Fatalf("closed under a request: %v", err)
	default:
	}
	close(slow.may)
	if got := <-answered; got != "200 {}\n" {
		t.Errorf("answer %s", got)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestCloseGivesUp: Close does not wait longer than it may.
func TestCloseGivesUp(t *testing.T) {
	slow := slowStats{make(chan struct{}), make(chan struct{})}
	s := New(Options{Statistics: slow})
	client, base := listening(t, s)
	answered := make(chan string, 1)
	go func() { answered <- fetch(client, base+"/api/v1/stats") }()
	<-slow.begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("closed: %v", err)
	}
	if got := <-answered; strings.HasPrefix(got, "200") {
		t.Errorf("an answer over a closed connection: %s", got)
	}
	close(slow.may)
}

// TestCloseEndsProfiles: nobody waits an hour for a trace to end.
func TestCloseEndsProfiles(t *testing.T) {
	w := newWorld(t)
	client, base := listening(t, w.Server)
	answered := make(chan string, 1)
	go func() { answered <- fetch(client, base+"/debug/pprof/trace?seconds=3600") }()
	eventually(t, trace.IsEnabled)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
	if got := <-answered; !strings.HasPrefix(got, "200 go 1.") {
		t.Errorf("not a trace: %.40q", got)
	}
}

// TestTimeouts: who sends half a request, or none, is not waited for.
func TestTimeouts(t *testing.T) {
	for sent, limit := range map[string]time.Duration{
		"":                             headerTimeout,
		"GET /ready HTTP/1.1\r\nHost:": headerTimeout,
		"POST " + updatePath + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{": readTimeout,
		"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n":                                    idleTimeout,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{Process: &fakeProcess{}, Logs: &fakeLogs{}})
			l := newPipeListener()
			s.serve(l)
			c := l.dial()
			start := time.Now()
			read := make(chan struct{})
			go func() {
				defer close(read)
				_, _ = io.Copy(io.Discard, c)
			}()
			_, _ = io.WriteString(c, sent)
			<-read
			if took := time.Since(start); took < limit || took > limit+time.Second {
				t.Errorf("%q: closed after %v, want %v", sent, took, limit)
			}
			c.Close()
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLimit: one more connection than may be open waits for another to be closed.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipeListener()
		l := newLimitListener(pipes, 2)
		accepted := make(chan net.Conn)
		go func() {
			defer close(accepted)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				accepted <- c
			}
		}()
		var clients sync.WaitGroup
		for range 4 {
			clients.Go(func() { pipes.dial().Close() })
		}
		one, two := <-accepted, <-accepted
		mustWait := func(what string) {
			t.Helper()
			synctest.Wait()
			select {
			case <-accepted:
				t.Error(what)
			default:
			}
		}
		mustWait("a third connection is open")
		one.Close()
		one.Close() // gives nothing back a second time
		three := <-accepted
		mustWait("closing a connection twice opened two")
		two.Close()
		four := <-accepted
		three.Close()
		four.Close()
		clients.Wait()
		l.Close()
		<-accepted
		if len(l.free) != 2 {
			t.Errorf("%d tokens left, want 2", len(l.free))
		}
	})
}

// TestLimitCloseEndsWait: Close ends an Accept that waits for a token.
func TestLimitCloseEndsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimitListener(newPipeListener(), 0)
		failed := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			failed <- err
		}()
		synctest.Wait()
		l.Close()
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// fetch is the status and the body of an answer, or the error.
func fetch(client *http.Client, target string) string {
	answer, err := client.Get(target)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", answer.StatusCode, body)
}

// eventually waits for a condition.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("waited in vain")
		}
	}
}

// pipeListener accepts what dial dials, without a network, so that time may be faked.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }
