package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

// endStreams ends the worker's streams, which must be so many.
func (w *world) endStreams(want int) {
	w.t.Helper()
	w.on(func() {
		if n := w.w.EndStreams(); n != want {
			w.t.Errorf("%d streams were ended, want %d", n, want)
		}
	})
}

// TestEndStreams: a request that waits when the time is over is answered, in its
// protocol, and the log says why.
func TestEndStreams(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		w := newWorld(t, plan{kind: k, hosts: 1})
		ctx, cancel := context.WithCancel(t.Context())
		one, other := w.client.ask(ctx, request{method: "POST", body: "x"}), w.client.ask(ctx, request{method: "POST", body: "y"})
		first, second := w.asked(), w.asked()
		w.endStreams(2)
		want := map[kind]int{kindHTTP1: 503, kindHTTP2: 503, kindGRPC: 14, kindBolt: 16, kindDubbo: 80}[k]
		for _, from := range []<-chan result{one, other} {
			if r := w.got(from); r.err != nil || r.status != want {
				t.Errorf("the client got %+v, want status %d", r, want)
			}
		}
		w.settled()
		if got := w.last(); got.Flags != stream.Draining || got.Status != 503 && k != kindGRPC {
			t.Errorf("the request ended with %d and flags %v", got.Status, got.Flags)
		}
		w.endStreams(0)
		first.answer(k.ok(), "late")
		second.answer(k.ok(), "late")
		cancel()
	})
}

// TestEndStreamsWithinAResponse: what came of a response leaves, and its end does not
// look like one.
func TestEndStreamsWithinAResponse(t *testing.T) {
	for _, k := range []kind{kindHTTP1, kindHTTP2, kindGRPC} {
		t.Run(string(k), func(t *testing.T) {
			w := newWorld(t, plan{kind: k, hosts: 1})
			from := w.client.ask(t.Context(), request{method: "POST"})
			more := make(chan string)
			w.asked().reply <- answer{status: k.ok(), body: "begun", more: more}
			w.until("it has begun", func() bool { return len(w.w.all) == 1 && w.w.all[0].info.BytesSent == 5 })
			w.endStreams(1)
			r := w.got(from)
			if r.body != "begun" || r.err == nil && (k != kindGRPC || r.status != k.busy()) {
				t.Errorf("the client got %+v", r)
			}
			w.settled()
		})
	}
}

// TestEndStreamsOfTCP: both sides have what came, and then a reset.
func TestEndStreamsOfTCP(t *testing.T) {
	world := newTCPWorld(t, time.Hour)
	client, host := world.connect()
	pass(t, client, host, "ping")
	pass(t, host, client, "pong")
	io.WriteString(client, "up")
	io.WriteString(host, "down")
	c := world.only()
	world.until("it has come", func() bool { return c.io.WireRead()+c.codec.(*tcp).up.Socket().WireRead() == 14 })
	world.on(func() {
		if n := world.w.EndStreams(); n != 1 {
			t.Errorf("%d were ended", n)
		}
	})
	for what, to := range map[string]net.Conn{"down": client, "up": host} {
		if got, err := io.ReadAll(to); string(got) != what || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %q, %v, want %q and a reset", got, err, what)
		}
	}
}

// TestStreamsAreKnown: the list of streams follows what is free and what is in use,
// whatever ends when.
func TestStreamsAreKnown(t *testing.T) {
	w := &Worker{}
	var used []*exchange
	for range 3 * maxFreeExchanges {
		used = append(used, w.getExchange())
	}
	for i := 0; len(used) > 0; i += 7 {
		at := i % len(used)
		w.putExchange(used[at])
		used[at] = used[len(used)-1]
		used = used[:len(used)-1]
		if len(w.all) != len(used)+len(w.free) {
			t.Fatalf("%d streams are known, %d in use and %d free", len(w.all), len(used), len(w.free))
		}
	}
	for i, s := range w.all {
		if s.index != i {
			t.Fatalf("stream %d thinks that it is %d", i, s.index)
		}
	}
}

// TestCutIsTold: a client that takes nothing of the end of its response is cut off,
// which is counted and logged.
func TestCutIsTold(t *testing.T) {
	w := newWorld(t, plan{kind: kindHTTP1, hosts: 1})
	var log bytes.Buffer
	w.on(func() { w.w.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.(*net.TCPConn).SetReadBuffer(4 << 10)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	w.asked().answer(200, strings.Repeat("x", 8<<20))
	w.until("the host waits", func() bool { return w.w.Load().Streams == 1 && w.w.all[0].pauses&pauseDownstream != 0 })
	// The rest of the response is over for the proxy once it is written into the buffer.
	var head [1 << 10]byte
	c.Read(head[:])
	if !bytes.Contains(head[:], []byte("Connection: close")) {
		t.Errorf("the head is %q", head)
	}
	w.on(func() { w.w.listeners["main"].conns.io.Close() })
	for range 4 * 60 {
		w.forward(time.Second / 4)
	}
	w.until("the connection is gone", func() bool { return w.w.Load().Connections == 0 })
	w.on(func() {
		if n := w.w.Stats.Listener("main").ConnectionCut; n != 1 || w.w.Cuts() != 1 {
			t.Errorf("%d connections were cut off, %d by the worker's count", n, w.w.Cuts())
		}
		if !strings.Contains(log.String(), "did not get the end") || !strings.Contains(log.String(), "listener=main client=127.0.0.1:") {
			t.Errorf("the log says %q", log.String())
		}
	})
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v", err)
	}
}
