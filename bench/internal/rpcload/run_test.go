package rpcload

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// echoServer is the address of a server that answers well.
func echoServer(t *testing.T) string {
	t.Helper()
	l := listen(t)
	done := make(chan error, 1)
	var log strings.Builder
	go func() { done <- Serve(l, slog.New(slog.NewTextHandler(&log, nil))) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; err != nil || log.Len() > 0 {
			t.Errorf("server: %v, %s", err, log.String())
		}
	})
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// spoiler changes what a server answers: the answers so far on all its connections, each with the connection's number, become what
// is written instead. It is told what comes and is not called at the same time by several.
type spoiler func(answers []spoiled) []spoiled

type spoiled struct {
	connection int
	frame      []byte
}

// spoiledServer is the address of a server that has the answers to the first requests of its connections spoiled, as soon as so many
// have come; it answers all others well.
func spoiledServer(t *testing.T, p Protocol, connections, requests int, spoil spoiler) string {
	t.Helper()
	l := listen(t)
	go func() {
		var all []net.Conn
		var first []spoiled
		for i := range connections {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all = append(all, c)
			var in inbox
			for range requests {
				frame, ok, err := in.take(p.framing)
				for err == nil && !ok {
					if err = in.fill(c); err == nil {
						frame, ok, err = in.take(p.framing)
					}
				}
				answer, err := p.framing.echo(nil, frame)
				if err != nil {
					return
				}
				first = append(first, spoiled{i, answer})
			}
		}
		for _, s := range spoil(first) {
			if _, err := all[s.connection].Write(s.frame); err != nil {
				return
			}
		}
		var rest sync.WaitGroup
		for _, c := range all {
			rest.Go(func() { _ = serve(c); _ = c.Close() })
		}
		rest.Wait()
	}()
	return l.Addr().String()
}

func TestRunCountsWhatIsAnsweredWell(t *testing.T) {
	address := echoServer(t)
	for _, p := range protocols() {
		r, err := Run(t.Context(), Options{
			Address: address, Protocol: p, Service: "com.test.Service",
			Connections: 3, InFlight: 5, For: 500 * time.Millisecond, Heartbeat: 50 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		if faults := r.Faults(); faults != "" || r.Requests < 3*5 || r.Took <= 0 {
			t.Errorf("%s: %d requests in %v, %s", p.Name, r.Requests, r.Took, faults)
		}
	}
}

// slowly serves one end of a pipe: it takes what comes at once, and answers what one read brought, after a delay.
func slowly(c net.Conn, p Protocol, delay time.Duration, heartbeats bool) {
	answers := make(chan []byte, 100)
	go func() {
		defer close(answers)
		var in inbox
		for in.fill(c) == nil {
			var out []byte
			for {
				frame, ok, err := in.take(p.framing)
				if err != nil || !ok {
					break
				}
				if answer, err := p.framing.echo(nil, frame); err == nil && (heartbeats || len(answer) > bodySize) {
					out = append(out, answer...)
				}
			}
			answers <- out
		}
	}()
	for a := range answers {
		<-time.After(delay)
		if _, err := c.Write(a); err != nil {
			return
		}
	}
}

// drive drives a slow server in fake time.
func drive(t *testing.T, o Options, delay time.Duration, heartbeats bool) *caller {
	client, server := net.Pipe()
	t.Cleanup(func() { _ = client.Close() })
	go slowly(server, o.Protocol, delay, heartbeats)
	c := newCaller(o, client, 0)
	c.run(time.Now())
	return c
}

func TestTimes(t *testing.T) {
	for _, p := range protocols() {
		synctest.Test(t, func(t *testing.T) {
			o := Options{Protocol: p, Service: "s", InFlight: 2, For: time.Second}
			c := drive(t, o, 3*time.Millisecond, true)
			// Two requests in every 3 ms, of which the last begin before the end.
			if c.Faults() != "" || c.Requests != 2*334 || c.Took != 1002*time.Millisecond || c.Rate() < 666 || c.Rate() > 667 {
				t.Errorf("%s: %d requests in %v, %v per second, %s", p.Name, c.Requests, c.Took, c.Rate(), c.Faults())
			}
			for _, q := range []float64{0, 0.5, 1} {
				if got := c.Latencies.Quantile(q); got < 3*time.Millisecond || got > 3100*time.Microsecond {
					t.Errorf("%s: quantile %v: %v", p.Name, q, got)
				}
			}
		})
	}
}

func TestHeartbeats(t *testing.T) {
	for _, p := range protocols() {
		synctest.Test(t, func(t *testing.T) {
			o := Options{Protocol: p, Service: "s", InFlight: 1, For: 50 * time.Millisecond, Heartbeat: 10 * time.Millisecond}
			// The first is sent while the answer is awaited, and the next is not before the first is answered.
			if c := drive(t, o, 35*time.Millisecond, true); c.Faults() != "" || c.Requests != 2 || c.Heartbeats != 1 {
				t.Errorf("%s: %d requests, %d heartbeats, %s", p.Name, c.Requests, c.Heartbeats, c.Faults())
			}
			if c := drive(t, o, time.Millisecond, true); c.Faults() != "" || c.Heartbeats != 4 {
				t.Errorf("%s: %d heartbeats, %s", p.Name, c.Heartbeats, c.Faults())
			}
			if c := drive(t, o, time.Millisecond, false); c.Lost != 1 || c.Errors+c.Mismatches > 0 || c.Took != o.For+patience {
				t.Errorf("%s: never answered: %d lost in %v, %s", p.Name, c.Lost, c.Took, c.Faults())
			}
		})
	}
}

func TestRunTellsWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil spoiler
		want  string
	}{
		"nothing": {func(a []spoiled) []spoiled { return a }, ""},
		"another order": {func(a []spoiled) []spoiled {
			a[0].frame, a[1].frame = a[1].frame, a[0].frame
			return a
		}, ""},
		"an answer twice": {func(a []spoiled) []spoiled { return append(a, a[0]) }, "1 mismatches"},
		"to the wrong caller": {func(a []spoiled) []spoiled {
			a[0].frame, a[2].frame = a[2].frame, a[0].frame // same id, other body
			return a
		}, "2 mismatches"},
		"an error": {func(a []spoiled) []spoiled {
			a[0].frame[11] = 6
			return a
		}, "1 errors"},
		"an id of no request": {func(a []spoiled) []spoiled {
			extra := append([]byte(nil), a[0].frame...)
			extra[5] = 0x7f
			return append(a, spoiled{0, extra})
		}, "1 mismatches"},
		"not a frame": {func(a []spoiled) []spoiled {
			return append(a, spoiled{1, []byte("HTTP/1.1 400 Bad Request\r\n\r\n")})
		}, "not a frame"},
	} {
		address := spoiledServer(t, Bolt(), 2, 2, tc.spoil)
		r, err := Run(t.Context(), Options{
			Address: address, Protocol: Bolt(), Service: "com.test.Service",
			Connections: 2, InFlight: 2, For: 50 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		if faults := r.Faults(); (faults == "") != (tc.want == "") || !strings.Contains(faults, tc.want) {
			t.Errorf("%s: %q, want %q", name, faults, tc.want)
		}
		if violations := r.Violations(); (violations == "") != (tc.want == "" || tc.want == "1 errors") {
			t.Errorf("%s: violations %q", name, violations)
		}
	}
}

func TestLateDuplicateIsFound(t *testing.T) {
	// The last answer of all comes twice: nothing is under way any more.
	address := spoiledServer(t, Dubbo(), 1, 1, func(a []spoiled) []spoiled { return append(a, a[0]) })
	r, err := Run(t.Context(), Options{Address: address, Protocol: Dubbo(), Service: "s", Connections: 1, InFlight: 1})
	if err != nil || r.Requests != 1 || r.Mismatches != 1 {
		t.Errorf("%+v, %v, want one request and one mismatch", r, err)
	}
}

func TestLostAnswers(t *testing.T) {
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				_ = c.Close() // with requests under way
			}
		}
	}()
	o := Options{Address: l.Addr().String(), Protocol: Bolt(), Service: "s", Connections: 2, InFlight: 3, For: time.Second}
	r, err := Run(t.Context(), o)
	if err != nil || r.Lost != 6 || r.Trouble == nil || !strings.Contains(r.Violations(), "6 lost") {
		t.Errorf("%+v, %v, want all six lost", r, err)
	}
	if err := Ready(t.Context(), o.Address, o.Protocol, o.Service); err == nil {
		t.Error("ready without an answer")
	}
	_ = l.Close()
	if r, err := Run(t.Context(), o); err == nil {
		t.Errorf("%+v, want an error without a server", r)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	l := listen(t) // which nobody accepts from: all waits
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	begin := time.Now()
	r, err := Run(ctx, Options{Address: l.Addr().String(), Protocol: Bolt(), Service: "s", Connections: 2, InFlight: 3, For: time.Hour})
	if err == nil || time.Since(begin) > patience/2 {
		t.Errorf("%+v, %v after %v", r, err, time.Since(begin))
	}
}

func TestPipeline(t *testing.T) {
	address := echoServer(t)
	for _, p := range protocols() {
		const requests = 200_000 // more than the kernel keeps
		r, err := Pipeline(t.Context(), Options{Address: address, Protocol: p, Service: "s"}, requests, 50*time.Millisecond)
		if err != nil || r.Requests != requests || r.Early > requests/2 || r.Faults() != "" {
			t.Errorf("%s: %d requests, %d early, %s, %v", p.Name, r.Requests, r.Early, r.Faults(), err)
		}
	}
}

func TestPipelineTellsWhatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil spoiler
		want  string
	}{
		"an answer twice":  {func(a []spoiled) []spoiled { return append(a, a[0]) }, "1 mismatches"},
		"another's body":   {func(a []spoiled) []spoiled { copy(a[0].frame[20:], a[1].frame[20:]); return a }, "1 mismatches"},
		"an error":         {func(a []spoiled) []spoiled { a[0].frame[11] = 4; return a }, "1 errors"},
		"a broken pipe":    {func(a []spoiled) []spoiled { return []spoiled{{0, []byte("HTTP")}} }, "3 lost; with 3 answers missing"},
		"an answer missed": {func(a []spoiled) []spoiled { return []spoiled{a[1], a[2], {0, []byte("HTTP")}} }, "1 lost"},
	} {
		address := spoiledServer(t, Bolt(), 1, 3, tc.spoil)
		r, err := Pipeline(t.Context(), Options{Address: address, Protocol: Bolt(), Service: "s"}, 3, time.Millisecond)
		if err != nil || !strings.Contains(r.Faults(), tc.want) {
			t.Errorf("%s: %q, %v, want %q", name, r.Faults(), err, tc.want)
		}
	}
}

func TestServeClosesOnOtherProtocols(t *testing.T) {
	l := listen(t)
	go func() { _ = Serve(l, slog.New(slog.NewTextHandler(io.Discard, nil))) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("%d bytes, %v, want an end", n, err)
	}
}

func TestLatencies(t *testing.T) {
	var l, more Latencies
	if got := l.Quantile(0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
	for i := range 1000 {
		of := &l
		if i%2 == 0 {
			of = &more
		}
		of.Add(time.Duration(i) * time.Microsecond)
	}
	l.Merge(&more)
	for q, want := range map[float64]time.Duration{0: 0, 0.5: 499 * time.Microsecond, 0.99: 989 * time.Microsecond, 1: 999 * time.Microsecond} {
		if got := l.Quantile(q); got < want || got > want+want/16 {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
	}
	for n := uint64(0); n < 1<<62; n = n*3/2 + 1 {
		if s := step(n); least(s) > n || least(s+1) <= n {
			t.Errorf("%d is in step %d, from %d to %d", n, s, least(s), least(s+1))
		}
	}
}

func TestCallersDoNotAllocatePerRequest(t *testing.T) {
	for _, p := range protocols() {
		c := newCaller(Options{Protocol: p, Service: "s", InFlight: 8}, nil, 0)
		var answers []byte
		allocs := testing.AllocsPerRun(100, func() {
			c.out = c.out[:0]
			for i := range c.slots {
				s := &c.slots[i]
				s.call = c.following(s.call)
				c.send(s, 0)
			}
			in := inbox{buf: c.out, to: len(c.out)}
			answers, _ = echoAll(answers[:0], &in, p.framing)
			c.out, c.in = c.out[:0], inbox{buf: answers, to: len(answers)}
			if err := c.takeAll(1); err != nil || c.open != 0 {
				t.Fatalf("%d open, %v", c.open, err)
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %v allocations in 8 requests", p.Name, allocs)
		}
	}
}
