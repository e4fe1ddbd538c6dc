package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// driven is what a load says of a server, after some requests.
func driven(t *testing.T, h http.HandlerFunc) tally {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	l := startLoad(t.Context(), s.Listener.Addr().String(), 2000)
	err := await(t.Context(), "requests are sent", func() error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.sent < 200 {
			return errors.New("too few")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return l.end()
}

func TestLoadCounts(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		failed  string // how all requests fail; "": none does
		wrong   bool   // all are answered wrongly
	}{
		"well": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(hostField, "one")
			io.WriteString(w, r.Header.Get(tokenField))
		}, "", false},
		"another's answer": {func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get(tokenField)+"0") }, "", true},
		"a failure":        {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no host", http.StatusServiceUnavailable) }, "503 no host", false},
		"no answer":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "lost: no answer", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := driven(t, tt.handler)
			failed, wrong, well := 0, 0, got.sent
			switch {
			case tt.failed != "":
				failed, well = got.sent, 0
			case tt.wrong:
				wrong, well = got.sent, 0
			}
			if got.failed[tt.failed] != failed || got.failures() != failed || got.wrong != wrong || got.by["one"] != well {
				t.Errorf("%s; by %v", &got, got.by)
			}
			if well > 0 && time.Since(got.last["one"]) > patience {
				t.Errorf("the last one was sent at %v", got.last["one"])
			}
		})
	}
}

// TestHostFinishes: a host that is told to end answers what it has begun, and no other request.
func TestHostFinishes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, protocol := range []string{"http", "bolt"} {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- serveHost(ctx, protocol, "one", address) }()
		if err := await(ctx, "it listens", func() error { return listens(address) }); err != nil {
			t.Fatal(err)
		}
		switch c := (&httpClient{address: address}); protocol {
		case "http":
			if from, err := c.ask("token"); from != "one" || err != nil {
				t.Errorf("%q, %v", from, err)
			}
			c.close()
		default:
			if err := rpcload.Ready(ctx, address, rpcload.Bolt(), service); err != nil {
				t.Error(err)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", protocol, err)
		}
		if listens(address) == nil {
			t.Errorf("%s: it still listens", protocol)
		}
	}
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		fault     string
		bad, back float64
		want      string
	}{
		{"killed", 0.01, 0.2, ""},
		{"killed", 0.11, 0.2, "one got 11.0 % of the requests while it was killed"},
		{"slowed", 0.2, 0.2, ""},
		{"flapping", 0.2, 0.01, "one got 1.0 % of the requests in the 2s after it was flapping"},
	} {
		for _, f := range faults() {
			if f.name != tt.fault {
				continue
			}
			got := ""
			if err := f.judge("one", tt.bad, tt.back); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		}
	}
}

func TestVerdictOfChaos(t *testing.T) {
	for want, tt := range map[string]struct {
		t tally
		r rpcload.Result
	}{
		"":                           {tally{sent: 10}, rpcload.Result{Requests: 10}},
		"HTTP: 2 lost: no answer":    {tally{failed: map[string]int{"lost: no answer": 2}}, rpcload.Result{}},
		"HTTP: 3 answers were":       {tally{wrong: 3}, rpcload.Result{}},
		"bolt: 4 mismatches":         {tally{}, rpcload.Result{Mismatches: 4}},
		"5 requests have failed":     {tally{failed: map[string]int{"503 no host": 2}}, rpcload.Result{Errors: 3}},
		"2 requests have failed, wh": {tally{failed: map[string]int{"lost: half an answer": 2}}, rpcload.Result{}},
	} {
		err := verdict(&tt.t, &tt.r)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
