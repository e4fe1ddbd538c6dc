package h2

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// goodServer is the address of a server that answers well.
func goodServer(t *testing.T) string {
	t.Helper()
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var log strings.Builder
	go func() { done <- Serve(ctx, l, slog.New(slog.NewTextHandler(&log, nil))) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil || log.Len() > 0 {
			t.Errorf("server: %v, %s", err, log.String())
		}
	})
	return l.Addr().String()
}

// spoiled is a server that treats the first request in another way.
type spoiled struct {
	*server
	spoil func(s *server, id uint32) error
	did   *bool
}

func (s spoiled) head(id uint32, fields []hpack.HeaderField, end bool) error {
	if *s.did {
		return s.server.head(id, fields, end)
	}
	*s.did = true
	s.last = id
	return s.spoil(s.server, id)
}

// spoiledServer is the address of a server that treats its first request in another way, and answers all others well.
func spoiledServer(t *testing.T, spoil func(s *server, id uint32) error) string {
	t.Helper()
	l := listen(t)
	var did bool
	var held atomic.Int64
	go func() {
		for { // one connection at a time
			plain, err := l.Accept()
			if err != nil {
				return
			}
			s := newServer(plain, &held, nil)
			if _, err := io.CopyN(io.Discard, s.conn.in, int64(len(preface))); err != nil {
				continue
			}
			for err == nil {
				err = s.conn.exchange(spoiled{s, spoil, &did})
			}
			_ = s.conn.flush()
			_ = plain.Close()
		}
	}()
	return l.Addr().String()
}

func TestRunCountsWhatIsAnsweredWell(t *testing.T) {
	r, err := Run(t.Context(), Options{Address: goodServer(t), Connections: 3, InFlight: 40, For: 300 * time.Millisecond, Large: 4})
	if err != nil {
		t.Fatal(err)
	}
	if faults := r.Faults(); faults != "" || r.Requests < 3*40 || r.Took <= 0 || r.Latencies.Quantile(1) <= 0 {
		t.Errorf("%d requests in %v, %s", r.Requests, r.Took, faults)
	}
}

// Answers to a first call.
var (
	okHead      = func(s *server, id uint32) { s.conn.sendHead(id, &s.ok, false) }
	goodTrailer = func(s *server, id uint32) { s.conn.sendHead(id, &s.good, true) }
	sendBody    = func(s *server, id uint32, b []byte, end bool) { s.conn.sendData(id, &outflow{}, b, end) }
	firstAnswer = func() []byte { return newMessage(smallBody).tag(0, 0) }
)

func sendPairs(s *server, id uint32, end bool, pairs ...string) {
	h := newHeading(pairs...)
	s.conn.sendHead(id, &h, end)
}

func TestAnswersAreJudged(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil  func(s *server, id uint32) error
		faults string // a part of them; "": none
		told   func(r *Result) bool
	}{
		"an error of HTTP": {
			spoil: func(s *server, id uint32) error {
				sendPairs(s, id, false, ":status", "503", "content-type", "text/plain")
				sendBody(s, id, []byte("no host"), true)
				return nil
			},
			faults: "1 failed (HTTP 503: 1)",
			told:   func(r *Result) bool { return r.Failed[Unforced]["HTTP 503"] == 1 && r.Requests == 1 },
		},
		"an error of gRPC": {
			spoil: func(s *server, id uint32) error {
				sendPairs(s, id, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "14")
				return nil
			},
			faults: "1 failed (gRPC 14: 1)",
		},
		"an error of gRPC after a part": {
			spoil: func(s *server, id uint32) error {
				okHead(s, id)
				sendBody(s, id, firstAnswer()[:20], false)
				sendPairs(s, id, true, "grpc-status", "13")
				return nil
			},
			faults: "1 failed (gRPC 13: 1)",
		},
		"a reset": {
			spoil: func(s *server, id uint32) error {
				okHead(s, id)
				s.conn.out = appendReset(s.conn.out, id, 8)
				return nil
			},
			faults: "1 failed (reset CANCEL: 1)",
		},
		"refused": {
			spoil: func(s *server, id uint32) error {
				s.conn.out = appendReset(s.conn.out, id, refusedStream)
				return nil
			},
			told: func(r *Result) bool { return r.Refused == 1 && r.Requests == 1 },
		},
		"not processed": {
			spoil: func(s *server, id uint32) error {
				s.conn.out = appendGoAway(s.conn.out, 0, noError)
				return nil
			},
			told: func(r *Result) bool { return r.Unprocessed == 1 && r.Reconnects == 1 && r.Requests == 1 },
		},
		"the last one": {
			spoil: func(s *server, id uint32) error {
				s.conn.out = appendGoAway(s.conn.out, id, noError)
				okHead(s, id)
				sendBody(s, id, firstAnswer(), false)
				goodTrailer(s, id)
				return nil
			},
			told: func(r *Result) bool { return r.Unprocessed == 0 && r.Requests == 1 },
		},
		"another's": {
			spoil: func(s *server, id uint32) error {
				okHead(s, id)
				sendBody(s, id, newMessage(smallBody).tag(0, 1), false)
				goodTrailer(s, id)
				return nil
			},
			faults: "1 wrong",
		},
		"too little": {
			spoil: func(s *server, id uint32) error {
				okHead(s, id)
				sendBody(s, id, firstAnswer()[:100], false)
				goodTrailer(s, id)
				return nil
			},
			faults: "1 wrong",
		},
		"too much": {
			spoil: func(s *server, id uint32) error {
				okHead(s, id)
				sendBody(s, id, append(firstAnswer(), 'x'), false)
				goodTrailer(s, id)
				return nil
			},
			faults: "1 wrong",
		},
		"no trailers": {
			spoil: func(s *server, id uint32) error {
				okHead(s, id)
				sendBody(s, id, firstAnswer(), true)
				return nil
			},
			faults: "1 wrong",
		},
		"twice": {
			spoil: func(s *server, id uint32) error {
				for range 2 {
					okHead(s, id)
					sendBody(s, id, firstAnswer(), false)
					goodTrailer(s, id)
				}
				return nil
			},
			faults: "wrong",
			told:   func(r *Result) bool { return r.Requests == 1 },
		},
		"one that nobody asked for": {
			spoil: func(s *server, id uint32) error {
				sendPairs(s, 99, true, ":status", "200")
				okHead(s, id)
				sendBody(s, id, firstAnswer(), false)
				goodTrailer(s, id)
				return nil
			},
			faults: "1 wrong",
		},
		"none": {
			spoil:  func(*server, uint32) error { return errors.New("no answer") },
			faults: "1 lost; connection 0, with 1 requests under way: ",
		},
		"in pieces, with all that frames may have": {
			spoil: func(s *server, id uint32) error {
				sendPairs(s, id, false, ":status", "103", "link", "</a>")
				okHead(s, id)
				sendBody(s, id, firstAnswer()[:7], false)
				s.conn.out = appendFrame(s.conn.out, 0x77, 0, id, []byte("an extension"))
				padded := append(append([]byte{3}, firstAnswer()[7:]...), 0, 0, 0)
				s.conn.out = appendFrame(s.conn.out, kindData, flagPadded, id, padded)
				s.conn.out = appendFrame(s.conn.out, kindPing, 0, 0, make([]byte, pingSize))
				at := len(s.conn.out)
				goodTrailer(s, id)
				block := append([]byte{}, s.conn.out[at+headerSize:]...)
				priority := append(make([]byte, prioritySize), block[:1]...)
				s.conn.out = appendFrame(s.conn.out[:at], kindHeaders, flagEnd|flagPriority, id, priority)
				s.conn.out = appendFrame(s.conn.out, kindContinuation, 0, id, nil)
				s.conn.out = appendFrame(s.conn.out, kindContinuation, flagEndBlock, id, block[1:])
				return nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), Options{Address: spoiledServer(t, tc.spoil), Connections: 1, InFlight: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Faults(); (got == "") != (tc.faults == "") || !strings.Contains(got, tc.faults) {
				t.Errorf("%q, want %q", got, tc.faults)
			}
			if tc.told != nil && !tc.told(r) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestRunIsAnErrorWithoutEnoughStreams(t *testing.T) {
	_, err := Run(t.Context(), Options{Address: goodServer(t), Connections: 1, InFlight: maxStreams + 1})
	if err == nil || !strings.Contains(err.Error(), "at most 250 streams are allowed, 251 are wanted") {
		t.Error(err)
	}
}

func TestServerRefusesWhatItDoesNotAllow(t *testing.T) {
	address := goodServer(t)
	c, err := dial(t.Context(), address, 1)
	if err != nil {
		t.Fatal(err)
	}
	one := newCaller(Options{Address: address, InFlight: maxStreams + 1, For: time.Millisecond}, 0)
	one.use(c)
	// Without their messages, none of the calls can be answered before the last one comes.
	c.room = 0
	for _, s := range one.again {
		one.send(s)
	}
	if one.again = nil; c.flush() != nil {
		t.Fatal("not sent")
	}
	for one.Refused == 0 {
		if err := c.exchange(one); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Close()
	if len(one.open) != maxStreams+1 || one.Refused != 1 {
		t.Errorf("%d under way, %d refused", len(one.open), one.Refused)
	}
}

// slow has streams begin with a small window, and gives credit for all that comes.
type slow struct{ *server }

func (s slow) data(id uint32, b []byte, end bool) error {
	if !end {
		s.conn.out = appendNumbers(s.conn.out, kindWindow, id, uint32(len(b)))
	}
	return s.server.data(id, b, end)
}

func TestCallersKeepToWindows(t *testing.T) {
	l := listen(t)
	served := make(chan error, 1)
	go func() {
		plain, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		defer plain.Close()
		s := newServer(plain, new(atomic.Int64), nil)
		s.conn.out = appendSettings(s.conn.out, setting{settingWindow, 100}, setting{settingTable, 0})
		_, err = io.CopyN(io.Discard, s.conn.in, int64(len(preface)))
		for err == nil {
			err = s.conn.exchange(slow{s})
		}
		served <- err
	}()
	r, err := Run(t.Context(), Options{Address: l.Addr().String(), Connections: 1, InFlight: 30, For: 200 * time.Millisecond, Large: 3})
	if err != nil || r.Faults() != "" || r.Requests < 30 {
		t.Errorf("%d requests, %v, %s", r.Requests, err, r.Faults())
	}
	if err := <-served; !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// endsAt is a connection whose server is told to end before a read.
type endsAt struct {
	net.Conn
	reads int
	end   func()
	told  chan struct{} // closed when it has heard
	once  sync.Once
}

func (c *endsAt) Read(b []byte) (int, error) {
	if c.reads--; c.reads == 0 {
		c.end()
		<-c.told
	}
	return c.Conn.Read(b)
}

func (c *endsAt) SetReadDeadline(at time.Time) error {
	err := c.Conn.SetReadDeadline(at)
	c.once.Do(func() { close(c.told) })
	return err
}

func TestServersEndWithoutAFailure(t *testing.T) {
	l := listen(t)
	first, end := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		plain, err := l.Accept()
		if err != nil {
			served <- err
			return
		}
		served <- newServer(&endsAt{Conn: plain, reads: 20, end: end, told: make(chan struct{})}, new(atomic.Int64), nil).run(first)
		_ = plain.Close()
		if plain, err = l.Accept(); err == nil {
			_ = newServer(plain, new(atomic.Int64), nil).run(t.Context())
			_ = plain.Close()
		}
	}()
	r, err := Run(t.Context(), Options{Address: l.Addr().String(), Connections: 1, InFlight: 100, For: 500 * time.Millisecond})
	if err != nil || r.Faults() != "" || r.Reconnects != 1 {
		t.Errorf("%v, %s, %d reconnects", err, r.Faults(), r.Reconnects)
	}
	if err := <-served; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestCausesOfFailures(t *testing.T) {
	var none *Outages
	if got := none.cause(none.begin()); got != Unforced {
		t.Errorf("nothing is known: cause %d", got)
	}
	var o Outages
	check := func(name string, s since, want Cause) {
		t.Helper()
		if got := o.cause(s); got != want {
			t.Errorf("%s: cause %d, want %d", name, got, want)
		}
	}
	calm := o.begin()
	check("nothing happened", calm, Unforced)
	o.Stop()
	check("a server ended", calm, Unforced)
	check("one was down", o.begin(), Unforced)
	o.Kill(1)
	check("one was killed", calm, Killed)
	unsettled := o.begin()
	o.Settled()
	check("one had just been killed", unsettled, Killed)
	check("two were down", o.begin(), Down)
	o.Back(2)
	check("all are back", o.begin(), Unforced)
}
