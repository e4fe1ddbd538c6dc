package http2

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/stream"
)

// socket are the fields of a request for a WebSocket.
var socket = []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a", ":path", "/chat",
	"sec-websocket-version", "13", "sec-websocket-key", "of no use"}

const upgradeHead = "GET http://a /chat length 0 opaque\n  sec-websocket-version: 13\n  upgrade: websocket\n  Sec-Websocket-Key: BwAAAAAAAAAHAAAAAAAAAA==\n"

func seven() uint64 { return 7 }

func TestExtendedConnect(t *testing.T) {
	s := ready(t, Config{Rand: seven})
	s.client.headers(1, false, socket...).data(1, "too early", false)
	expect(t, "sent", s.exchange(), "")
	r := s.last()
	expect(t, "request", strings.ReplaceAll(r.text(), "sec-websocket-key", "Sec-Websocket-Key"), upgradeHead)
	expect(t, "nothing passes before it is granted", len(r.body), 0)
	grant := responseHead(101, -1, "Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Accept", "x", "Sec-WebSocket-Protocol", "chat")
	grant.Opaque = true
	r.sender.Head(grant, false)
	expect(t, "granted", s.written(), lines("1 HEADERS", "  :status: 200", "  sec-websocket-protocol: chat"))
	expect(t, "what was held", string(r.body), "too early")
	s.client.data(1, ", then", false)
	s.exchange()
	r.sender.Data(s.chain("hello"), false)
	expect(t, "data", s.written(), lines(`1 DATA "hello"`))
	s.client.data(1, " in time", true)
	s.exchange()
	expect(t, "all of it", string(r.body), "too early, then in time")
	expect(t, "over", r.over, true)
	r.sender.Data(s.chain("bye"), true)
	expect(t, "end", s.written(), lines(`1 DATA "bye" end`))
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.close()
}

func TestATunnelMayEndTheOtherWayFirst(t *testing.T) {
	s := ready(t, Config{AllowConnect: true})
	s.client.headers(1, false, ":method", "CONNECT", ":authority", "A:443")
	s.exchange()
	r := s.last()
	expect(t, "request", r.text(), lines("CONNECT http://a:443  length 0 opaque"))
	grant := responseHead(200, -1)
	grant.Opaque = true
	r.sender.Head(grant, false)
	r.sender.Data(s.chain("x"), true)
	expect(t, "sent", s.written(), lines("1 HEADERS", "  :status: 200", `1 DATA "x" end`))
	expect(t, "phase", s.conn.Phase(), stream.Busy)
	s.client.data(1, "abc", false).data(1, "d", true)
	expect(t, "the other way", s.exchange(), "")
	expect(t, "the other way", string(r.body), "abcd")
	expect(t, "phase", s.conn.Phase(), stream.Idle)
	s.close()
}

func TestATunnelThatIsDeclined(t *testing.T) {
	for name, early := range map[string]string{"": "", "with early data": "early"} {
		t.Run(name, func(t *testing.T) {
			s := ready(t, Config{})
			s.client.headers(1, false, socket...)
			if early != "" {
				s.client.data(1, early, false)
			}
			s.exchange()
			r := s.last()
			s.response(r.sender, 403, "no")
			expect(t, "sent", s.written(), lines("1 HEADERS", "  :status: 403", "  content-length: 2", `1 DATA "no" end`, "1 RST NO_ERROR"))
			expect(t, "the request is over", r.over && len(r.body) == 0 && r.reset.Reason == 0, true)
			expect(t, "pending credit", s.conn.recv.window.pendingCredit, int32(len(early)))
			s.client.data(1, "late", true)
			expect(t, "late data", s.exchange(), "")
			s.close()
		})
	}
}

// A tunnel that is declined by a response that takes its time: data that comes
// meanwhile is for nobody.
func TestATunnelThatIsDeclinedSlowly(t *testing.T) {
	for _, ends := range []bool{false, true} {
		s := ready(t, Config{})
		s.client.headers(1, false, socket...)
		s.exchange()
		r := s.last()
		r.sender.Head(responseHead(403, -1), false)
		expect(t, "over", r.over, true)
		s.sent()
		s.client.data(1, "late", ends)
		expect(t, "late data", s.exchange(), "")
		r.sender.Data(s.chain("no"), true)
		want := lines(`1 DATA "no" end`)
		if !ends {
			want += lines("1 RST NO_ERROR")
		}
		expect(t, "sent", s.written(), want)
		s.close()
	}
}

func TestATunnelThatIsDeclinedWithoutBody(t *testing.T) {
	s := ready(t, Config{})
	s.client.headers(1, false, socket...)
	s.exchange()
	s.response(s.last().sender, 502, "")
	expect(t, "sent", s.written(), lines("1 HEADERS end", "  :status: 502", "1 RST NO_ERROR"))
	expect(t, "over", s.last().over, true)
	s.client.headers(3, true, socket...)
	s.exchange()
	s.response(s.last().sender, 502, "")
	expect(t, "one that ended at once", s.written(), lines("3 HEADERS end", "  :status: 502"))
	s.close()
}

func TestATunnelThatEndsAtOnce(t *testing.T) {
	s := ready(t, Config{})
	s.client.headers(1, true, socket...)
	s.exchange()
	r := s.last()
	expect(t, "over", r.over, false)
	grant := responseHead(101, -1)
	grant.Opaque = true
	r.sender.Head(grant, false)
	expect(t, "over", r.over, true)
	s.sent()
	r.sender.Data(s.chain(""), true)
	expect(t, "sent", s.written(), lines(`1 DATA "" end`))
	s.close()
}

func TestGrantsThatMakeNoSense(t *testing.T) {
	opaque := func(status int) *stream.Head {
		h := responseHead(status, -1)
		h.Opaque = true
		return h
	}
	for _, tc := range []struct {
		name   string
		fields []string
		head   *stream.Head
	}{
		{"101 to a plain request", with(), opaque(101)},
		{"101 that grants nothing", with(), responseHead(101, -1)},
		{"200 to an upgrade", socket, opaque(200)},
		{"200 without opaque", socket, responseHead(200, -1)},
		{"101 to CONNECT", []string{":method", "CONNECT", ":authority", "a:1"}, opaque(101)},
		{"status 99", with(), responseHead(99, -1)},
		{"status 1000", with(), responseHead(1000, -1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{AllowConnect: true})
			s.client.headers(1, false, tc.fields...)
			s.exchange()
			s.last().sender.Head(tc.head, false)
			expect(t, "sent", s.written(), lines("1 HEADERS end", "  :status: 502", "  content-length: 0", "1 RST NO_ERROR"))
			expect(t, "cause", s.last().reset.Err, error(ErrBadMessage))
			s.close()
		})
	}
}

func TestUpgradesNeedPermission(t *testing.T) {
	s := newServer(t, Config{Upgrades: []string{}})
	s.client.writes.WriteString(preface)
	s.client.settings().headers(1, false, socket...)
	got := s.exchange()
	expect(t, "announced", strings.Contains(got, "8=1"), false)
	expect(t, "refused", strings.HasSuffix(got, "1 RST PROTOCOL_ERROR\n"), true)
	s.close()
}

func upgradeRequest() *stream.Head {
	h := requestHead("GET", "a", "/chat", 0, "Upgrade", "websocket", "Connection", "Upgrade",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13")
	h.Opaque = true
	return h
}

var takesUpgrades = xhttp2.Setting{ID: xhttp2.SettingEnableConnectProtocol, Val: 1}

const sentUpgrade = "1 HEADERS\n  :method: CONNECT\n  :protocol: websocket\n  :scheme: http\n  :authority: a\n  :path: /chat\n  sec-websocket-version: 13\n"

func TestClientUpgrade(t *testing.T) {
	c := connected(t, Config{}, takesUpgrades)
	r := c.open(upgradeRequest(), false)
	expect(t, "sent", c.written(), sentUpgrade)
	c.server.headers(1, false, ":status", "200", "sec-websocket-protocol", "chat").data(1, "hello", false)
	expect(t, "answer", c.exchange(), "")
	want := "101 length -1 opaque\n  sec-websocket-protocol: chat\n  upgrade: websocket\n  sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
	expect(t, "granted", r.text(), want)
	expect(t, "data", string(r.body), "hello")
	r.sender.Data(c.chain("bye"), true)
	expect(t, "sent", c.written(), lines(`1 DATA "bye" end`))
	c.server.data(1, "", true)
	c.exchange()
	expect(t, "over", r.over, true)
	c.close()
}

// The server may end its direction first.
func TestClientTunnelHalfClosed(t *testing.T) {
	c := connected(t, Config{})
	h := requestHead("CONNECT", "a:443", "", 0)
	h.Opaque = true
	r := c.open(h, false)
	expect(t, "sent", c.written(), lines("1 HEADERS", "  :method: CONNECT", "  :authority: a:443"))
	c.server.headers(1, false, ":status", "200").data(1, "x", true)
	expect(t, "answer", c.exchange(), "")
	expect(t, "response", r.text(), lines("200 length -1 opaque", `body "x"`, "end"))
	r.sender.Data(c.chain("more"), true)
	expect(t, "sent", c.written(), lines(`1 DATA "more" end`))
	c.close()
}

func TestClientUpgradeIsDeclined(t *testing.T) {
	c := connected(t, Config{}, takesUpgrades)
	r := c.open(upgradeRequest(), false)
	r.onHead = func(_ *stream.Head, end bool) {
		if end {
			r.sender.Data(c.chain(""), true) // as the proxy does
		}
	}
	c.sent()
	c.server.headers(1, true, ":status", "403")
	expect(t, "answer", c.exchange(), lines(`1 DATA "" end`))
	expect(t, "response", r.text(), lines("403 length 0", "end"))
	c.close()
}

func TestClientUpgradeThatTheServerDoesNotTake(t *testing.T) {
	c := connected(t, Config{})
	r := c.open(upgradeRequest(), false)
	expect(t, "reset", r.reset, stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrNoUpgrade})
	expect(t, "sent", c.written(), "")
	c.close()
}

// Whether a server takes upgrades is not known before its SETTINGS: the request
// waits for them, and others do not.
func TestClientUpgradeBeforeSettings(t *testing.T) {
	for _, takes := range []bool{true, false} {
		c := newClient(t, Config{StreamWindow: 10})
		c.sent()
		r := c.open(upgradeRequest(), false)
		r.sender.Data(c.chain("early, and more than a window"), false)
		expect(t, "pauses", r.pauses, 1)
		ended := c.open(upgradeRequest(), true)
		other := c.open(requestHead("GET", "a", "/", 0), true)
		expect(t, "sent", c.written(), lines("1 HEADERS end", "  :method: GET", "  :scheme: http", "  :authority: a", "  :path: /"))
		if !takes {
			c.server.settings()
			expect(t, "sent", c.exchange(), lines("SETTINGS ack"))
			expect(t, "reset", r.reset.Err, error(ErrNoUpgrade))
			expect(t, "reset", ended.reset.Err, error(ErrNoUpgrade))
			c.close()
			continue
		}
		c.server.settings(takesUpgrades)
		first := strings.Replace(sentUpgrade, "1 HEADERS", "3 HEADERS", 1)
		second := strings.Replace(sentUpgrade, "1 HEADERS", "5 HEADERS end", 1)
		expect(t, "sent", c.exchange(), "SETTINGS ack\n"+first+second+`3 DATA "early, and more than a window"`+"\n")
		expect(t, "resumes", r.resumes, 1)
		r.sender.Data(c.chain("x"), true)
		expect(t, "sent", c.written(), lines(`3 DATA "x" end`))
		expect(t, "other", other.reset.Reason, 0)
		c.close()
	}
}

func TestAParkedUpgradeMayBeGivenUp(t *testing.T) {
	c := newClient(t, Config{})
	r := c.open(upgradeRequest(), false)
	r.sender.Data(c.chain("x"), true)
	r.sender.Reset(stream.Reset{Reason: stream.Cancelled})
	expect(t, "resets", r.reset.Reason, 0)
	lost := c.open(upgradeRequest(), false)
	ends := c.open(upgradeRequest(), false)
	ends.sender.Data(c.chain(""), true)
	c.server.goAway(0, NoError)
	c.server.writes.Reset()
	c.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
	expect(t, "unprocessed", lost.reset, stream.Reset{Reason: stream.ConnectionLost, Unprocessed: true})
	c.close()
}

func TestAParkedUpgradeThatEnds(t *testing.T) {
	c := newClient(t, Config{})
	c.sent()
	r := c.open(upgradeRequest(), false)
	r.sender.Data(c.chain(""), true)
	c.server.settings(takesUpgrades)
	got := c.exchange()
	expect(t, "sent", got, "SETTINGS ack\n"+strings.Replace(sentUpgrade, "1 HEADERS", "1 HEADERS end", 1))
	c.close()
}

func TestUpgradeRequestsThatMakeNoSense(t *testing.T) {
	for name, change := range map[string]func(*stream.Head){
		"no Upgrade":  func(h *stream.Head) { h.DelID(stream.Upgrade) },
		"two tokens":  func(h *stream.Head) { h.SetID(stream.Upgrade, []byte("a, b")) },
		"not GET":     func(h *stream.Head) { h.SetMethod([]byte("POST")) },
		"bad path":    func(h *stream.Head) { h.SetPath([]byte("/ x")) },
		"no host":     func(h *stream.Head) { h.SetAuthority(nil) },
		"bad method":  func(h *stream.Head) { h.SetMethod([]byte("G T")) },
		"CONNECT not": func(h *stream.Head) { h.SetMethod([]byte("CONNECT")); h.Opaque = false },
	} {
		t.Run(name, func(t *testing.T) {
			c := connected(t, Config{}, takesUpgrades)
			h := upgradeRequest()
			change(h)
			r := c.open(h, false)
			expect(t, "reset", r.reset, stream.Reset{Reason: stream.Unsendable, Unprocessed: true, Err: ErrBadMessage})
			expect(t, "sent", c.written(), "")
			expect(t, "available", c.conn.Available(), 100)
			c.close()
		})
	}
}
