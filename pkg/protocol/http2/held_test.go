package http2

import (
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

// A connection has room for a thousand ordinary calls, and not for as many heads of the
// greatest size: who sends them is refused what is above the limit, and may send it again.
func TestHeldHeadsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		name    string
		size    int // of a field in each head
		streams int
	}{
		{"ordinary heads", 500, DefaultMaxConcurrentStreams},
		{"heads as large as they may be", DefaultMaxHeaderBytes - 300, DefaultMaxBuffered / DefaultMaxHeaderBytes},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{MaxFrameSize: 1<<16 - 1})
			s.client.settings(xhttp2.Setting{ID: 4, Val: 0})
			refused := 0
			for i := range uint32(DefaultMaxConcurrentStreams) {
				s.client.get(2*i+1, "x", strings.Repeat("x", tc.size))
				refused += strings.Count(s.exchange(), "RST REFUSED_STREAM")
			}
			if n := len(s.streams); n < tc.streams || n > tc.streams+tc.streams/50 || n+refused != DefaultMaxConcurrentStreams {
				t.Errorf("%d requests were taken, and %d refused; want %d taken", n, refused, tc.streams)
			}
			if s.conn.streams.heads > DefaultMaxBuffered {
				t.Errorf("heads of %d bytes are held", s.conn.streams.heads)
			}
			for _, r := range s.streams {
				s.response(r.sender, 204, "")
			}
			expect(t, "held when all are answered", s.conn.streams.heads, 0)
			s.sent()
			s.client.get(5001, "x", strings.Repeat("x", tc.size))
			expect(t, "afterwards", s.exchange(), "")
			s.close()
		})
	}
}

// A single request is taken however little may be held.
func TestASingleHeadIsTaken(t *testing.T) {
	s := ready(t, Config{MaxBuffered: 1000})
	s.client.get(1, "x", text(5000)).get(3)
	expect(t, "sent", s.exchange(), lines("3 RST REFUSED_STREAM"))
	expect(t, "requests", len(s.streams), 1)
	s.close()
}

// Responses that a client has no window for are held up to a limit, above which hosts
// are stopped sooner and further requests are refused.
func TestUnreadResponsesAreBounded(t *testing.T) {
	const limit = 1 << 20
	s := ready(t, Config{MaxBuffered: limit})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0})
	id := uint32(1)
	for ; id < 2*DefaultMaxConcurrentStreams; id += 2 {
		s.client.get(id)
		if strings.Contains(s.exchange(), "REFUSED_STREAM") {
			break
		}
		r := s.answerWith(10_000, false)
		for range 6 {
			if r.pauses == 0 {
				r.sender.Data(s.chain(text(10_000)), false)
			}
		}
	}
	expect(t, "held", s.conn.send.waiting > limit*9/10 && s.conn.send.waiting <= limit+DefaultStreamWindow, true)
	early, late := s.streams[0], s.last()
	expect(t, "an early stream may hold a window", s.conn.streams.get(1).out.queue.Len(), 70_000)
	expect(t, "a late one a piece", late.pauses, 1)
	s.client.settings(xhttp2.Setting{ID: 4, Val: 1 << 20}).window(0, 1<<28)
	s.exchange()
	expect(t, "held when all is read", s.conn.send.waiting, 0)
	expect(t, "the streams go on", early.resumes+late.resumes, 2)
	s.client.get(id + 2)
	expect(t, "afterwards", s.exchange(), "")
	s.close()
}

// What a host has sent before it cut a response off goes to the client, which is told
// behind it.
func TestACutOffResponseIsDelivered(t *testing.T) {
	for _, reason := range []stream.Reason{stream.RemoteReset, stream.ConnectionLost, stream.ProtocolError} {
		t.Run(reason.String(), func(t *testing.T) {
			s := ready(t, Config{StreamWindow: 1 << 20})
			s.client.get(1)
			s.exchange()
			r := s.answerWith(200_000, false)
			s.written()
			r.sender.Reset(stream.Reset{Reason: reason})
			expect(t, "at once", s.written(), "")
			s.client.window(1, 1<<20).window(0, 100_000)
			got := s.exchange()
			expect(t, "told too early", strings.Contains(got, "RST"), false)
			s.client.window(0, 100_000)
			got += s.exchange()
			expect(t, "the end", strings.HasSuffix(got, lines("1 RST INTERNAL_ERROR")), true)
			expect(t, "data", dataIn(t, got), 200_000-initialWindow)
			s.close()
		})
	}
}

// dataIn adds up the lengths of the DATA frames in what a peer has read.
func dataIn(t *testing.T, read string) (sum int) {
	t.Helper()
	for line := range strings.Lines(read) {
		var id, n int
		if _, err := fmt.Sscanf(line, "%d DATA (%d)", &id, &n); err == nil {
			sum += n
		}
	}
	return sum
}

// Who takes nothing of a response is told at once that it has been cut off, as are those
// who do not wait for it.
func TestAResetIsNotHeldBack(t *testing.T) {
	for _, tc := range []struct {
		name   string
		window uint32
		reason stream.Reason
		wait   time.Duration
	}{
		{"nothing was ever taken", 0, stream.RemoteReset, 0},
		{"nothing was taken for long", 1000, stream.RemoteReset, stalled},
		{"the client is gone", 1000, stream.Cancelled, 0},
		{"the time is over", 1000, stream.TimedOut, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.settings(xhttp2.Setting{ID: 4, Val: tc.window}).get(1)
			s.exchange()
			r := s.answerWith(2000, false)
			s.sent()
			s.now += int64(tc.wait)
			r.sender.Reset(stream.Reset{Reason: tc.reason})
			expect(t, "sent", strings.HasPrefix(s.written(), "1 RST "), true)
			expect(t, "waiting", s.conn.send.waiting, 0)
			s.close()
		})
	}
}

// A response that was cut off and that its client stops taking is given up.
func TestACutOffResponseIsReaped(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 1000}).get(1)
	s.exchange()
	s.answerWith(2000, false).sender.Reset(stream.Reset{Reason: stream.RemoteReset})
	s.sent()
	expect(t, "waits", s.conn.Stalled(), true)
	s.conn.ResetStalled(s.now, stream.Taken{Moved: s.now - 1})
	expect(t, "sent", s.written(), lines("1 RST CANCEL"))
	s.close()
}

// On a stream that was reset, a peer may send what was under way, and no more.
func TestDataOnStreamsThatWereReset(t *testing.T) {
	s := ready(t, Config{})
	s.client.window(0, 1<<30)
	for i := range uint32(10) {
		id := 2*i + 1
		s.client.post(id).data(id, text(10_000), false)
		s.exchange()
		s.last().sender.Reset(stream.Reset{Reason: stream.Cancelled})
		for range 5 {
			s.client.data(id, text(10_000), false)
		}
		s.exchange()
	}
	s.client.data(19, text(10_000), false)
	_, err := s.flush()
	isError(t, err, ErrFlood)
	s.close()
}

// The same of a host.
func TestResponsesOnStreamsThatWereReset(t *testing.T) {
	for name, more := range map[string]func(p *peer){
		"DATA":    func(p *peer) { p.data(1, text(10_000), false) },
		"HEADERS": func(p *peer) { p.headers(1, false, "x", text(10_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{})
			r := c.open(requestHead("GET", "a", "/", 0), true)
			c.server.headers(1, false, ":status", "200").data(1, text(10_000), false)
			c.exchange()
			r.sender.Reset(stream.Reset{Reason: stream.Cancelled})
			for range 5 {
				more(c.server)
			}
			c.exchange()
			var err error
			sent := 0
			for ; err == nil && sent < 1<<30; sent += 10_000 {
				more(c.server)
				_, err = c.flush()
			}
			isError(t, err, ErrFlood)
			if sent > 10<<20 {
				t.Errorf("%d bytes were taken", sent)
			}
			c.close()
		})
	}
}
