package http2

import (
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// A head that is longer than a frame goes out in several.
func TestLongHeadsAreContinued(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	h := responseHead(200, -1)
	want := "1 HEADERS\n1 CONTINUATION\n1 CONTINUATION\n  :status: 200\n"
	for i := range 10 {
		v := strings.Repeat(string(rune('A'+i)), 5000) // of 7 bits or more each
		h.Add(fmt.Sprintf("x-%d", i), v)
		want += fmt.Sprintf("  x-%d: %s\n", i, v)
	}
	s.last().sender.Head(h, false)
	expect(t, "sent", s.written(), want)
	var trailers stream.Header
	trailers.Add("x", strings.Repeat("\xff", 20000))
	s.last().sender.Trailers(&trailers)
	expect(t, "trailers", strings.HasPrefix(s.written(), "1 HEADERS end\n1 CONTINUATION\n"), true)
	s.close()
}

// A field that compresses badly needs more room than was reckoned with.
func TestHeadsThatGrow(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	h := responseHead(200, -1)
	want := lines("1 HEADERS end", "  :status: 200")
	for i := range 3000 {
		h.Add("a", fmt.Sprint(i%7))
		want += fmt.Sprintf("  a: %d\n", i%7)
	}
	s.last().sender.Head(h, true)
	expect(t, "sent", s.written(), want)
	s.close()
}

// Names that Connection lists go no further, but for those that a client must not
// take away.
func TestNominatedFields(t *testing.T) {
	c := connected(t, Config{})
	c.open(requestHead("GET", "a", "/", 0, "Connection", "x-hop, Authorization,user-agent", "X-Hop", "1", "X-Stay", "2",
		"Authorization", "secret", "User-Agent", "me", "Content-Type", "t", "Proxy-X", "p", "Connection", "Proxy-X, content-type"), true)
	expect(t, "sent", c.written(), lines("1 HEADERS end", "  :method: GET", "  :scheme: http", "  :authority: a", "  :path: /",
		"  x-stay: 2", "  authorization: secret (hidden)", "  content-type: t", "  proxy-x: p"))
	many := requestHead("GET", "a", "/", 0, "Connection", strings.Repeat("x,", 40)+"y", "Y", "1")
	c.open(many, true)
	expect(t, "the 41st", strings.Contains(c.written(), "  y: 1"), true)
	c.close()
}

// The peer may shrink and grow what the encoder remembers.
func TestHeaderTableSize(t *testing.T) {
	c := connected(t, Config{})
	get := func() string {
		r := c.open(requestHead("GET", "a", "/", 0, "X-Name", "a value that comes again"), true)
		b := c.sent()
		got := c.server.read(b)
		expect(t, "sent", strings.HasSuffix(got, "  x-name: a value that comes again\n"), true)
		r.sender.Reset(stream.Reset{Reason: stream.Cancelled})
		c.sent()
		return string(b)
	}
	first, again := get(), get()
	if len(again) >= len(first) {
		t.Error("the table is not used")
	}
	c.server.settings(xhttp2.Setting{ID: 1, Val: 0}, xhttp2.Setting{ID: 1, Val: 200})
	c.exchange()
	if b := get(); len(b) <= len(again) {
		t.Error("the table was not emptied")
	}
	c.close()
}

func TestConfiguredSettings(t *testing.T) {
	s := newServer(t, Config{MaxConcurrentStreams: 7, StreamWindow: 1000, ConnWindow: 1, MaxFrameSize: 20000, HeaderTableSize: 100,
		MaxHeaderBytes: 5000, Upgrades: []string{}})
	s.client.writes.WriteString(preface)
	s.client.settings().ack()
	expect(t, "announced", s.exchange(), lines("SETTINGS 1=100 3=7 4=1000 5=20000 6=5000", "SETTINGS ack"))
	// The client has seen that the table has 100 bytes, and may not make it 101.
	s.client.raw(frameHeaders, flagEndHeaders|flagEndStream, 1, "\x3f\x46"+string(s.client.encode(pseudo...)))
	_, err := s.flush()
	isError(t, err, ErrCompression)
	s.close()
}

func TestAStreamThatDependsOnItself(t *testing.T) {
	s := ready(t, Config{})
	depends := func(id uint32) {
		s.client.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: s.client.encode(pseudo...), EndStream: true, EndHeaders: true,
			Priority: xhttp2.PriorityParam{StreamDep: id}})
	}
	depends(3)
	s.client.get(5)
	expect(t, "sent", s.exchange(), lines("3 RST PROTOCOL_ERROR"))
	expect(t, "streams", len(s.streams), 1)
	s.client.raw(framePriority, 0, 99, "\x00\x00\x00\x00")
	expect(t, "PRIORITY on an idle stream", s.exchange(), lines("99 RST FRAME_SIZE_ERROR"))
	depends(2)
	_, err := s.flush()
	isError(t, err, ErrStreamID)
	s.close()
}

func TestOtherUpgrades(t *testing.T) {
	s := ready(t, Config{Upgrades: []string{"connect-udp"}, Scheme: "https"})
	fields := []string{":method", "CONNECT", ":protocol", "connect-udp", ":scheme", "https", ":authority", "a", ":path", "/x"}
	s.client.headers(1, false, fields...).headers(3, false, socket...)
	expect(t, "sent", s.exchange(), lines("3 HEADERS end", "  :status: 501", "  content-length: 0", "3 RST NO_ERROR"))
	expect(t, "request", s.last().text(), lines("GET https://a /x length 0 opaque", "  upgrade: connect-udp"))
	s.close()
	c := connected(t, Config{}, takesUpgrades)
	r := c.open(&s.last().head, false)
	expect(t, "sent", c.written(), lines("1 HEADERS", "  :method: CONNECT", "  :protocol: connect-udp", "  :scheme: https", "  :authority: a", "  :path: /x"))
	c.server.headers(1, true, ":status", "204")
	c.exchange()
	expect(t, "granted", r.text(), lines("101 length -1 opaque", "  upgrade: connect-udp", "end"))
	c.close()
}

// Trailers in a tunnel make no sense.
func TestTrailersInATunnel(t *testing.T) {
	s := ready(t, Config{})
	s.client.headers(1, false, socket...).headers(1, true, "x", "y")
	expect(t, "sent", s.exchange(), lines("1 RST PROTOCOL_ERROR"))
	s.client.headers(3, false, socket...)
	s.exchange()
	grant := responseHead(101, -1)
	grant.Opaque = true
	r := s.last()
	r.sender.Head(grant, false)
	r.sender.Trailers(&stream.Header{})
	expect(t, "sent", s.written(), lines("3 HEADERS", "  :status: 200", "3 RST INTERNAL_ERROR"))
	s.close()
}

// Trailers of a request that nobody wants any more end it all the same.
func TestTrailersForNobody(t *testing.T) {
	s := ready(t, Config{})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 1}).post(1)
	s.exchange()
	s.response(s.last().sender, 401, "no")
	s.sent()
	s.client.headers(1, true, "x", "y").window(1, 5)
	expect(t, "sent", s.exchange(), lines(`1 DATA "o" end`))
	s.close()
}

func TestProtocol(t *testing.T) {
	p := Protocol()
	expect(t, "name", p.Name, "Http2")
	expect(t, "multiplexed", p.Multiplexed, true)
	expect(t, "match", p.Match([]byte(preface)), protocol.Yes)
	w := newWire(t)
	settings := &ListenerSettings{MaxConcurrentStreams: 9, StreamWindowSize: 20000, ConnectionWindowSize: 70000,
		MaxHeaderSize: 3000, MaxHeaderCount: 5, MaxBufferedSize: 70000, MaxRequestBodySize: 6, AllowConnect: true}
	server := settings.Server(&protocol.Listener{})(w, &quick{wire: w}, w.heads).(*ServerConn)
	got := *server.cfg
	if got.Upgrades == nil || got.upgrades() {
		t.Error("upgrades are allowed")
	}
	got.Upgrades = nil
	expect(t, "config", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", Config{MaxConcurrentStreams: 9, StreamWindow: 20000, ConnWindow: 70000,
		MaxHeaderBytes: 3000, MaxHeaderCount: 5, MaxBuffered: 70000, MaxBody: 6, AllowConnect: true}))
	settings.AllowUpgrade, settings.Upgrades = true, []string{"chat", "websocket"}
	expect(t, "upgrades", settings.Config().upgrade([]byte("WebSocket")), true)
	if c := p.ClusterSettings(nil).Client()(w, w.heads); c.Available() != 100 {
		t.Errorf("%d streams are available", c.Available())
	}
	w.check()
}

// A request of HTTP/1 that became the first stream.
func TestUpgradedFromHTTP1(t *testing.T) {
	s := newServer(t, Config{})
	s.conn.Upgraded(requestHead("GET", "a", "/", 0), appendSetting(nil, settingInitialWindowSize, 3))
	expect(t, "sent", s.written(), lines("SETTINGS 3=1024 4=65536 6=61440 8=1", "0 WINDOW 983041"))
	s.response(s.last().sender, 200, "hello")
	expect(t, "response", s.written(), lines("1 HEADERS", "  :status: 200", "  content-length: 5", `1 DATA "hel"`))
	s.client.writes.WriteString(preface)
	s.client.settings().window(1, 10).get(3)
	expect(t, "the rest", s.exchange(), lines("SETTINGS ack", `1 DATA "lo" end`))
	expect(t, "streams", len(s.streams), 2)
	s.close()
	s = newServer(t, Config{})
	s.conn.Upgraded(requestHead("GET", "a", "/", 0), appendSetting(nil, settingMaxFrameSize, 0))
	expect(t, "phase", s.conn.Phase(), stream.Closing)
	s.close()
}
