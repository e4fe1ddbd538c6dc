package http2

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/stream"
)

func TestDrainOfAnIdleConnection(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	s.response(s.last().sender, 200, "")
	s.sent()
	s.conn.Drain()
	expect(t, "sent", s.written(), lines("GOAWAY 1 NO_ERROR"))
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.conn.Drain()
	s.conn.NotifyDrain()
	expect(t, "again", s.written(), "")
	s.close()
}

func TestDrainBeforeThePreface(t *testing.T) {
	s := newServer(t, Config{})
	s.conn.NotifyDrain()
	s.conn.Drain()
	expect(t, "sent", s.written(), "")
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}

// The whole course: requests that were sent before the client knew are served.
func TestDrainInTwoSteps(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	s.conn.NotifyDrain()
	s.conn.NotifyDrain()
	expect(t, "announced", s.written(), lines("GOAWAY 2147483647 NO_ERROR", `PING "weir end"`))
	s.conn.Drain()
	s.response(s.streams[0].sender, 200, "")
	s.sent()
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.client.get(3)
	s.exchange()
	expect(t, "a request on its way", len(s.streams), 2)
	s.client.ping(true, "weir end")
	expect(t, "seen", s.exchange(), lines("GOAWAY 3 NO_ERROR"))
	s.client.get(5)
	expect(t, "another request", s.exchange(), lines("5 RST REFUSED_STREAM"))
	expect(t, "phase", s.conn.Phase(), stream.Busy)
	s.response(s.streams[1].sender, 200, "x")
	expect(t, "its response", s.written(), lines("3 HEADERS", "  :status: 200", "  content-length: 1", `3 DATA "x" end`))
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}

func TestDrainWaitsForTheAnswerOnlySoLong(t *testing.T) {
	s := ready(t, Config{})
	s.conn.NotifyDrain()
	s.conn.Drain()
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.now += int64(time.Second)
	s.sent()
	s.conn.Drain()
	expect(t, "sent", s.written(), lines("GOAWAY 0 NO_ERROR"))
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}

// Without an announcement, a drain of a busy connection makes one.
func TestDrainOfABusyConnection(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	s.conn.Drain()
	expect(t, "sent", s.written(), lines("GOAWAY 2147483647 NO_ERROR", `PING "weir end"`))
	s.client.ping(true, "something").ping(true, "weir end")
	expect(t, "seen", s.exchange(), lines("GOAWAY 1 NO_ERROR"))
	s.last().sender.Reset(stream.Reset{Reason: stream.RemoteReset})
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}

// A client that takes nothing of the last responses does not keep a connection for
// ever; one that takes them slowly gets them.
func TestDrainGivesUpAStalledClient(t *testing.T) {
	s := ready(t, Config{})
	s.client.window(0, 1000).post(1)
	s.client.raw(frameSettings, 0, 0, "\x00\x04\x00\x00\x00\x00").data(1, "", true)
	s.exchange()
	s.response(s.last().sender, 200, "waits for the window")
	s.sent()
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.now += int64(9 * time.Second)
	s.conn.Drain()
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.client.window(1, 2)
	s.exchange()
	s.now += int64(9 * time.Second)
	s.conn.Drain()
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.now += int64(2 * time.Second)
	s.sent()
	s.conn.Drain()
	expect(t, "sent", s.written(), lines("GOAWAY 1 NO_ERROR"))
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}

func TestTimedOut(t *testing.T) {
	for _, tc := range []struct{ name, input, sent string }{
		{"preface", preface[:10], ""},
		{"settings", preface, lines("SETTINGS 3=1024 4=65536 6=61440 8=1", "0 WINDOW 983041", "GOAWAY 0 NO_ERROR")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, Config{})
			if err := s.feed(s.conn, []byte(tc.input)); err != nil {
				t.Fatal(err)
			}
			s.conn.TimedOut()
			s.conn.TimedOut()
			expect(t, "sent", s.written(), tc.sent)
			expect(t, "phase", s.conn.Phase(), stream.Closing)
			s.close()
		})
	}
}

func TestTimedOutWithinAHeaderBlock(t *testing.T) {
	for name, do := range map[string]func(*peer){
		"between frames": func(p *peer) { p.raw(frameHeaders, 0, 3, "\x82") },
		"within a frame": func(p *peer) { p.writes.WriteString("\x00\x00\x10\x01\x04\x00\x00\x00\x03") },
	} {
		t.Run(name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.post(1)
			do(s.client)
			s.exchange()
			expect(t, "phase", s.conn.Phase(), stream.ReadingHead)
			s.conn.TimedOut()
			expect(t, "sent", s.written(), lines("GOAWAY 1 NO_ERROR"))
			expect(t, "reason", s.last().reset.Reason, stream.TimedOut)
			s.close()
		})
	}
}

func TestServerEOF(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		s := ready(t, Config{})
		expect(t, "busy", s.conn.EOF(), false)
		s.close()
	})
	t.Run("within a request", func(t *testing.T) {
		s := ready(t, Config{})
		s.client.post(1)
		s.exchange()
		expect(t, "busy", s.conn.EOF(), false)
		expect(t, "reason", s.last().reset.Reason, stream.Cancelled)
		expect(t, "again", s.conn.EOF(), false)
		s.close()
	})
	t.Run("before the response", func(t *testing.T) {
		s := ready(t, Config{})
		s.client.get(1)
		s.exchange()
		expect(t, "busy", s.conn.EOF(), false)
		expect(t, "reason", s.last().reset.Reason, stream.Cancelled)
		expect(t, "phase", s.conn.Phase(), stream.Closing)
		s.close()
	})
	t.Run("a response that waits for a window", func(t *testing.T) {
		s := ready(t, Config{})
		s.client.raw(frameSettings, 0, 0, "\x00\x04\x00\x00\x00\x01").get(1)
		s.exchange()
		s.response(s.streams[0].sender, 200, "xyz")
		expect(t, "waits", s.conn.Stalled(), true)
		expect(t, "busy", s.conn.EOF(), false)
		expect(t, "waits", s.conn.Stalled(), false)
		s.close()
	})
}

func TestClientGoAway(t *testing.T) {
	c := connected(t, Config{})
	get := func() *recorder { return c.open(requestHead("GET", "a", "/", 0), true) }
	one, two, three := get(), get(), get()
	c.sent()
	c.server.goAway(maxStreamID, NoError)
	expect(t, "announced", c.exchange(), "")
	expect(t, "available", c.conn.Available(), 0)
	c.server.goAway(3, NoError).headers(1, true, ":status", "200")
	expect(t, "sent", c.exchange(), "")
	expect(t, "first", one.text(), lines("200 length 0", "end"))
	expect(t, "third", three.reset, refusedByPeer())
	late := get()
	expect(t, "late", late.reset, refusedByPeer())
	c.server.headers(3, true, ":status", "200")
	c.exchange()
	expect(t, "second", two.text(), lines("200 length 0", "end"))
	expect(t, "available", c.conn.Available(), 0)
	c.close()
}

func TestClientDrain(t *testing.T) {
	c := connected(t, Config{})
	r := c.open(requestHead("GET", "a", "/", 0), true)
	c.conn.Drain()
	expect(t, "available", c.conn.Available(), 0)
	c.server.headers(1, true, ":status", "200")
	c.exchange()
	expect(t, "response", r.text(), lines("200 length 0", "end"))
	c.close()
}

// A server that says without an error that it takes no more requests may be about to
// go. An error is one of the connection.
func TestClientLeaving(t *testing.T) {
	for code, want := range map[ErrCode]bool{NoError: true, ProtocolError: false, EnhanceYourCalm: false} {
		c := connected(t, Config{})
		expect(t, "leaving", c.conn.Leaving(), false)
		c.server.goAway(maxStreamID, code)
		c.exchange()
		expect(t, "leaving after "+code.String(), c.conn.Leaving(), want)
		expect(t, "available", c.conn.Available(), 0)
		c.close()
	}
}
