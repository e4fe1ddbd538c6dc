package http1

import (
	"errors"
	"strconv"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
)

var (
	wsRequest  = get("Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n")
	wsResponse = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
)

func accepted() *stream.Head { return opaque(responseHead(101, -1, "Upgrade", "websocket")) }

func TestUpgrade(t *testing.T) {
	splits(wsRequest+"ping", func(name string, pieces []string) {
		s := newServer(t, Config{})
		for _, p := range pieces {
			if err := s.write(p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		r := s.last()
		expect(t, name, r.text(), "GET http://a / 1.1 length 0 opaque\n  Host: a\n  Upgrade: WebSocket\n")
		expect(t, name+": read before it is accepted", string(r.body), "")
		expect(t, name, s.conn.Phase(), stream.Busy)
		r.sender.Head(accepted(), false)
		s.resume()
		expect(t, name, s.sent(), wsResponse)
		expect(t, name, s.conn.Phase(), stream.Tunnel)
		expect(t, name, string(r.body), "ping")
		r.sender.Data(s.chain("pong"), false)
		expect(t, name, s.sent(), "pong")
		s.write("\x00\n\r\x81")
		expect(t, name, string(r.body), "ping\x00\n\r\x81")
		s.close()
	})
}

// Each direction of a tunnel ends by itself, in either order.
func TestTunnelEnds(t *testing.T) {
	open := func() (*server, *recorder) {
		s := newServer(t, Config{})
		s.write(wsRequest)
		s.last().sender.Head(accepted(), false)
		s.sent()
		return s, s.last()
	}
	s, r := open()
	expect(t, "busy", s.conn.EOF(), true)
	expect(t, "over", r.over, true)
	r.sender.Data(s.chain("more"), false)
	expect(t, "phase", s.conn.Phase(), stream.Tunnel)
	r.sender.Data(s.chain(""), true)
	expect(t, "sent", s.sent(), "more")
	expect(t, "write ended", s.writeEnded, true)
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()

	s, r = open()
	r.sender.Data(s.chain("bye"), true)
	expect(t, "write ended", s.writeEnded, true)
	expect(t, "phase", s.conn.Phase(), stream.Tunnel)
	s.write("more")
	expect(t, "data", string(r.body), "more")
	expect(t, "busy", s.conn.EOF(), false)
	expect(t, "over", r.over, true)
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()

	s, r = open()
	r.onData = func(end bool) { r.sender.Data(s.chain(""), end) }
	expect(t, "busy, answered inside", s.conn.EOF(), false)
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}

// A request whose upgrade is declined is an ordinary one without a body.
func TestUpgradeDeclined(t *testing.T) {
	for _, body := range []string{"", "no"} {
		s := newServer(t, Config{})
		s.write(wsRequest + plainGet)
		r := s.last()
		s.response(r.sender, 403, body)
		expect(t, "over", r.over, true)
		expect(t, "body", string(r.body), "")
		s.resume()
		expect(t, "streams", len(s.streams), 2)
		s.response(s.last().sender, 200, "ok")
		expect(t, "phase", s.conn.Phase(), stream.Idle)
		s.close()
	}
}

func TestUpgradeConfigured(t *testing.T) {
	s := newServer(t, Config{Upgrades: []string{"tcp"}})
	s.write(get("Connection: upgrade\r\nUpgrade: tcp\r\n"))
	expect(t, "opaque", s.last().head.Opaque, true)
	s.close()
	s = newServer(t, Config{Upgrades: []string{}})
	s.write(wsRequest)
	expect(t, "opaque", s.last().head.Opaque, false)
	s.close()
}

// A body that a request announces comes before what goes through the tunnel, as when
// docker executes a command.
func TestUpgradeWithBody(t *testing.T) {
	splits("POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 4\r\n\r\nbodyping", func(name string, pieces []string) {
		s := newServer(t, Config{Upgrades: []string{"tcp"}})
		for _, p := range pieces {
			if err := s.write(p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		r := s.last()
		expect(t, name+": read before it is accepted", string(r.body), "body")
		expect(t, name+": over", r.over, false)
		expect(t, name+": opaque", r.head.Opaque, true)
		r.sender.Head(opaque(responseHead(101, -1, "Upgrade", "tcp")), false)
		s.resume()
		expect(t, name, string(r.body), "bodyping")
		expect(t, name, s.conn.Phase(), stream.Tunnel)
		s.close()
	})

	const start = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\nbo"
	for name, tc := range map[string]struct {
		answer func(s *server, to stream.End)
		again  bool
		want   int
	}{
		"declined while it comes": {func(s *server, to stream.End) {
			to.Head(responseHead(200, 2), false)
			s.write("dy" + plainGet)
			to.Data(s.chain("no"), true)
		}, true, 200},
		"declined before it is over": {func(s *server, to stream.End) { s.response(to, 403, "no") }, false, 403},
		"declined behind it": {func(s *server, to stream.End) {
			s.write("dy" + plainGet)
			s.response(to, 403, "no")
		}, true, 403},
		"granted before it is over": {func(_ *server, to stream.End) { to.Head(accepted(), false) }, false, 502},
	} {
		s := newServer(t, Config{})
		s.write(start)
		tc.answer(s, s.last().sender)
		s.resume()
		expect(t, name+": streams", len(s.streams) == 2, tc.again)
		expect(t, name, s.sent()[9:12], strconv.Itoa(tc.want))
		if tc.again {
			expect(t, name+": body", s.streams[0].text(), "POST http://a / 1.1 length 4 opaque\n  Host: a\n  Upgrade: websocket\n  Content-Length: \nbody \"body\"\nend\n")
		}
		s.close()
	}
}

// A client sends the body at once, and what follows when the tunnel is granted.
func TestClientUpgradeWithBody(t *testing.T) {
	ask := func() (*client, *recorder) {
		c := newClient(t, Config{})
		r := c.open(opaque(requestHead("POST", "a", "/", 4, "Upgrade", "tcp", "Content-Length", "")), false)
		expect(t, "head", c.sent(), "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nContent-Length: 4\r\nConnection: Upgrade\r\n\r\n")
		expect(t, "pauses before the body", r.pauses, 0)
		r.sender.Data(c.chain("bo"), false)
		return c, r
	}
	const granted = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: TCP\r\n\r\n"
	c, r := ask()
	r.sender.Data(c.chain("dyping"), false)
	expect(t, "pauses behind the body", r.pauses, 1)
	expect(t, "sent", c.sent(), "body")
	c.write(granted + "pong")
	expect(t, "sent", c.sent(), "ping")
	expect(t, "resumes", r.resumes, 1)
	expect(t, "body", string(r.body), "pong")
	c.close()

	c, _ = ask()
	err := c.write(granted)
	expect(t, "granted before the body is over", errors.Is(err, ErrUpgrade), true)
	c.close()

	c, r = ask()
	r.sender.Data(c.chain("dy"), false)
	c.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	r.sender.Data(c.chain(""), true)
	expect(t, "declined: available", c.conn.Available(), 1)
	c.close()

	c, r = ask()
	c.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nn")
	r.sender.Data(c.chain("dy"), true)
	c.write("o")
	expect(t, "declined within the body: sent", c.sent(), "body")
	expect(t, "declined within the body: available", c.conn.Available(), 1)
	c.close()

	c, r = ask()
	c.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
	expect(t, "declined before the body is over", r.over, true)
	expect(t, "declined before the body is over: available", c.conn.Available(), 0)
	r.sender.Data(c.chain("dy"), true)
	c.close()

	c, r = ask()
	r.sender.Data(c.chain("d"), true)
	expect(t, "too short", r.reset.Err, ErrLength)
	c.close()

	c, r = ask()
	c.conn.Pressure(true)
	expect(t, "pauses", r.pauses, 1)
	c.conn.Pressure(false)
	expect(t, "resumes", r.resumes, 1)
	c.close()
}

func TestConnect(t *testing.T) {
	const request = "CONNECT Example.com:443 HTTP/1.1\r\nHost: other\r\n\r\n"
	cfg := Config{AllowConnect: true}
	s := newServer(t, cfg)
	s.write(request + "hello")
	r := s.last()
	expect(t, "head", r.text(), "CONNECT http://example.com:443  1.1 length 0 opaque\n  Host: example.com:443\n")
	r.sender.Head(opaque(responseHead(200, -1)), false)
	s.resume()
	expect(t, "sent", s.sent(), "HTTP/1.1 200 OK\r\n\r\n")
	expect(t, "data", string(r.body), "hello")
	s.close()

	s = newServer(t, cfg)
	s.write(request)
	s.response(s.last().sender, 200, "ok")
	if sent := s.sent(); sent[:13] != "HTTP/1.1 502 " {
		t.Errorf("a 2xx that is no tunnel: sent %q", sent)
	}
	s.close()

	for _, input := range []string{"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
		"CONNECT [::1] HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"} {
		s = newServer(t, cfg)
		if s.write(input) == nil {
			t.Errorf("%q is accepted", input)
		}
		s.close()
	}
}

// What is to go through a tunnel waits until the server has granted it.
func TestClientUpgrade(t *testing.T) {
	splits(wsResponse+"pong", func(name string, pieces []string) {
		c := newClient(t, Config{})
		r := c.open(opaque(requestHead("GET", "a", "/", 0, "Upgrade", "websocket")), false)
		c.sent()
		expect(t, name+": pauses", r.pauses, 1)
		r.sender.Data(c.chain("ping"), false)
		expect(t, name+": sent before it is granted", c.sent(), "")
		for _, p := range pieces {
			if err := c.write(p); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		expect(t, name, r.head.Opaque, true)
		expect(t, name, string(r.body), "pong")
		expect(t, name+": resumes", r.resumes, 1)
		expect(t, name, c.sent(), "ping")
		r.sender.Data(c.chain("bye"), true)
		expect(t, name, c.sent(), "bye")
		expect(t, name+": write ended", c.writeEnded, true)
		expect(t, name+": busy", c.conn.EOF(), false)
		expect(t, name+": over", r.over, true)
		expect(t, name, c.conn.Available(), 0)
		c.close()
	})
}

func TestClientTunnelEnds(t *testing.T) {
	c := newClient(t, Config{})
	r := c.open(opaque(requestHead("CONNECT", "a:1", "", 0)), false)
	r.sender.Data(c.chain("ping"), true)
	c.sent()
	c.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
	expect(t, "sent", c.sent(), "ping")
	expect(t, "write ended", c.writeEnded, true)
	c.write("pong")
	expect(t, "body", string(r.body), "pong")
	expect(t, "busy", c.conn.EOF(), false)
	c.close()

	c = newClient(t, Config{})
	r = c.open(opaque(requestHead("CONNECT", "a:1", "", 0)), false)
	c.write("HTTP/1.1 200 OK\r\n\r\n")
	c.sent()
	expect(t, "busy", c.conn.EOF(), true)
	expect(t, "over", r.over, true)
	r.sender.Data(c.chain("more"), true)
	expect(t, "sent", c.sent(), "more")
	expect(t, "available", c.conn.Available(), 0)
	c.close()
}

// A server that declines leaves a connection that can be used again, and sees
// nothing of what was meant for the tunnel.
func TestClientUpgradeDeclined(t *testing.T) {
	for _, input := range []string{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.1 204 No Content\r\n\r\n"} {
		for _, early := range []bool{false, true} {
			c := newClient(t, Config{})
			r := c.open(opaque(requestHead("GET", "a", "/", 0, "Upgrade", "websocket")), false)
			c.sent()
			r.sender.Data(c.chain("ping"), early)
			c.write(input)
			expect(t, "over", r.over, true)
			if !early {
				expect(t, "available before the request is over", c.conn.Available(), 0)
				r.sender.Data(c.chain(""), true)
			}
			expect(t, "sent", c.sent(), "")
			expect(t, "available", c.conn.Available(), 1)
			c.close()
		}
	}
}

func TestUpgradeRefusedByClient(t *testing.T) {
	for _, input := range []string{
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n\r\n",
	} {
		c := newClient(t, Config{})
		r := c.open(opaque(requestHead("GET", "a", "/", 0, "Upgrade", "websocket")), false)
		if err := c.write(input); !errors.Is(err, ErrUpgrade) {
			t.Errorf("%q: %v", input, err)
		}
		expect(t, "reason", r.reset.Reason, stream.ProtocolError)
		c.close()
	}
}

// A receiver may reset the stream when it is told that it may send.
func TestResetWithinResume(t *testing.T) {
	for _, input := range []string{wsResponse, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", answer("Content-Length: 2\r\n", "no")} {
		c := newClient(t, Config{})
		r := c.open(opaque(requestHead("GET", "a", "/", 0, "Upgrade", "websocket")), false)
		r.onResume = func() { r.sender.Reset(stream.Reset{}) }
		c.write(input)
		expect(t, "calls", r.calls, 0)
		expect(t, "available", c.conn.Available(), 0)
		c.close()
	}
}
