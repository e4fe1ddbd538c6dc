package http2

import (
	"fmt"
	"strings"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// flood calls do, at most n times and a time apart, until the connection ends. It
// returns how often that took and with what error.
func (s *server) flood(n int, apart time.Duration, do func(i int)) (int, error) {
	s.tb.Helper()
	for i := range n {
		s.now += int64(apart)
		do(i)
		err := s.feed(s.conn, s.client.bytes())
		if err != nil {
			got := s.client.read(s.sent())
			if !strings.Contains(got, "GOAWAY") {
				s.tb.Errorf("no GOAWAY in\n%s", got)
			}
			return i, err
		}
		s.sent()
	}
	return n, nil
}

// attacks are floods, and what of the same kind a correct client does.
var attacks = []struct {
	name    string
	attack  func(s *server, i int)
	apart   time.Duration
	want    *Error
	most    int // how many are let through
	honest  func(s *server, i int)
	every   time.Duration
	stays   bool // its requests are not answered
	answers bool // requests are answered at once
}{
	{
		name:   "PING flood (CVE-2019-9512)",
		attack: func(s *server, _ int) { s.client.ping(false, "x") },
		want:   ErrFlood, most: 1000,
		honest: func(s *server, _ int) { s.client.ping(false, "x") },
		every:  10 * time.Millisecond,
	},
	{
		name:   "SETTINGS flood (CVE-2019-9515)",
		attack: func(s *server, _ int) { s.client.settings() },
		want:   ErrFlood, most: 1000,
		honest: func(s *server, _ int) { s.client.settings(xhttp2.Setting{ID: 4, Val: 1 << 20}) },
		every:  20 * time.Millisecond,
	},
	{
		name: "long SETTINGS flood",
		attack: func(s *server, _ int) {
			s.client.raw(frameSettings, 0, 0, strings.Repeat("\x00\x04\x00\x00\x10\x00", 2000))
		},
		want: ErrFlood, most: 3,
		honest: func(s *server, _ int) { s.client.settings(make([]xhttp2.Setting, 16)...) },
		every:  40 * time.Millisecond,
	},
	{
		name:   "resource loop by PRIORITY (CVE-2019-9513)",
		attack: func(s *server, i int) { s.client.raw(framePriority, 0, uint32(2*i+1), "\x00\x00\x00\x00\x01") },
		want:   ErrFlood, most: 1000,
		honest: func(s *server, i int) {
			s.client.get(uint32(2*i+1)).raw(framePriority, 0, uint32(2*i+1), "\x00\x00\x00\x00\x01").raw(0x10, 0, 0, "\x00\x00\x00\x00u=1")
		},
	},
	{
		name:   "unknown frames",
		attack: func(s *server, _ int) { s.client.raw(99, 0, 0, "x") },
		want:   ErrFlood, most: 1000,
	},
	{
		name:   "rapid reset (CVE-2023-44487)",
		attack: func(s *server, i int) { s.client.get(uint32(2*i+1)).rst(uint32(2*i+1), Cancel) },
		want:   ErrResets, most: 200,
		honest: func(s *server, i int) { // every second request is cancelled
			s.client.get(uint32(4*i+1)).rst(uint32(4*i+1), Cancel).get(uint32(4*i + 3))
		},
	},
	{
		name: "rapid reset among requests that are answered",
		attack: func(s *server, i int) {
			id := uint32(20*i + 1)
			s.client.get(id)
			for n := range uint32(9) {
				s.client.post(id+2*n+2).rst(id+2*n+2, Cancel)
			}
		},
		want: ErrResets, most: 200 / (9 - hedges), answers: true,
	},
	{
		name: "reset flood (CVE-2019-9514)",
		attack: func(s *server, i int) {
			s.client.headers(uint32(2*i+1), true, "x", "y")
		},
		want: ErrResets, most: 200,
		honest: func(s *server, i int) {
			s.client.headers(uint32(4*i+1), true, "x", "y").get(uint32(4*i + 3))
		},
	},
	{
		name:   "0-length headers (CVE-2019-9516)",
		attack: func(s *server, i int) { s.client.get(uint32(2*i+1), "", "", "", "") },
		want:   ErrResets, most: 200,
	},
	{
		name: "MadeYouReset by a window (CVE-2025-8671)",
		attack: func(s *server, i int) {
			s.client.get(uint32(2*i+1)).window(uint32(2*i+1), 0)
		},
		want: ErrResets, most: 200,
	},
	{
		name: "MadeYouReset by a priority",
		attack: func(s *server, i int) {
			s.client.get(uint32(2*i+1)).raw(framePriority, 0, uint32(2*i+1), "x")
		},
		want: ErrResets, most: 200,
	},
	{
		name: "MadeYouReset by data behind the end",
		attack: func(s *server, i int) {
			s.client.get(uint32(2*i+1)).data(uint32(2*i+1), "x", false)
		},
		want: ErrResets, most: 200,
	},
	{
		name: "empty frames (CVE-2019-9518)",
		attack: func(s *server, i int) {
			if i == 0 {
				s.client.post(1)
			}
			s.client.data(1, "", false)
		},
		want: ErrFlood, most: 100,
		honest: func(s *server, i int) {
			s.client.post(uint32(2*i+1)).data(uint32(2*i+1), "", false).data(uint32(2*i+1), "", true)
		},
	},
	{
		name: "empty DATA, all padding",
		attack: func(s *server, i int) {
			if i == 0 {
				s.client.post(1)
			}
			s.client.raw(frameData, flagPadded, 1, "\x03\x00\x00\x00")
		},
		want: ErrFlood, most: 100,
	},
	{
		name: "empty HEADERS and CONTINUATION",
		attack: func(s *server, i int) {
			id := uint32(2*i + 1)
			s.client.raw(frameHeaders, flagEndStream, id, "")
			for range 6 {
				s.client.raw(frameContinuation, 0, id, "")
			}
			s.client.raw(frameContinuation, flagEndHeaders, id, string(s.client.encode(pseudo...)))
		},
		want: ErrFlood, most: 16, answers: true,
		honest: func(s *server, i int) {
			id := uint32(2*i + 1)
			s.client.raw(frameHeaders, flagEndStream, id, "").raw(frameContinuation, flagEndHeaders, id, string(s.client.encode(pseudo...)))
		},
	},
	{
		name: "tiny DATA",
		attack: func(s *server, i int) {
			if i == 0 {
				s.client.post(1)
			}
			s.client.data(1, "x", false)
		},
		want: ErrFlood, most: 100_000,
		honest: func(s *server, i int) { // small messages of gRPC, many a second
			if i == 0 {
				s.client.post(1)
			}
			s.client.data(1, "\x00\x00\x00\x00\x01x", false)
		},
		stays: true,
	},
	{
		name: "WINDOW_UPDATE flood",
		attack: func(s *server, i int) {
			s.client.window(0, 1)
		},
		want: ErrFlood, most: 1000,
		honest: func(s *server, i int) { // one for every response, stream and connection
			s.client.get(uint32(2*i+1)).window(uint32(2*i+1), 1000).window(0, 2)
		},
	},
	{
		name: "data dribble (CVE-2019-9511)",
		attack: func(s *server, i int) {
			if i == 0 {
				s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).get(1)
				s.exchange()
				s.answerWith(50000, true)
			}
			s.client.window(1, 1)
		},
		want: ErrFlood, most: 1001,
		honest: func(s *server, i int) { // a window update for each small frame that was sent
			if i == 0 {
				s.client.get(1)
				s.exchange()
				s.answerWith(10, false)
			}
			s.streams[0].sender.Data(s.chain("message"), false)
			s.client.window(1, 7).window(0, 7)
		},
		stays: true,
	},
	{
		name: "frames on streams that were reset",
		attack: func(s *server, i int) {
			if i == 0 {
				s.client.post(1)
				s.exchange()
				s.last().sender.Reset(stream.Reset{Reason: stream.Cancelled})
			}
			s.client.data(1, text(100), false)
		},
		want: ErrFlood, most: DefaultStreamWindow / 100, // what may have been under way
	},
	{
		name: "streams above the limit",
		attack: func(s *server, i int) {
			s.client.post(uint32(2*i + 1))
		},
		want: ErrResets, most: DefaultMaxConcurrentStreams + 200,
	},
}

func TestAttacks(t *testing.T) {
	for _, tc := range attacks {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			if tc.answers {
				s.answering()
			}
			n, err := s.flood(5*max(tc.most, 1000), tc.apart, func(i int) { tc.attack(s, i) })
			isError(t, err, tc.want)
			if n > tc.most || n < tc.most*9/10 {
				t.Errorf("ended after %d, not %d", n, tc.most)
			}
			s.close()
		})
		if tc.honest == nil {
			continue
		}
		t.Run(tc.name+": a correct client", func(t *testing.T) {
			s := ready(t, Config{})
			s.client.window(0, 1<<30)
			if !tc.stays {
				s.answering()
			}
			if n, err := s.flood(20000, tc.every, func(i int) { tc.honest(s, i) }); err != nil {
				t.Errorf("ended after %d: %v", n, err)
			}
			s.close()
		})
	}
}

// answering makes every request be answered as soon as it is complete.
func (s *server) answering() {
	s.onStream = func(r *recorder) {
		s.streams = s.streams[:0]
		r.onHead = func(_ *stream.Head, end bool) {
			if end {
				s.response(r.sender, 200, "ok")
			}
		}
		r.onData = func(end bool) {
			if end {
				s.response(r.sender, 200, "ok")
			}
		}
	}
}

func TestContinuationFloodIsNotDecoded(t *testing.T) {
	for _, tc := range []struct {
		name     string
		fragment string
		frames   int
		want     *Error
	}{
		{"many", "\x82", 8, ErrBlockFrames},
		{"empty", "", 8, ErrBlockFrames},
		{"large", strings.Repeat("\x82", 16384), 4 * DefaultMaxHeaderBytes / 16384, ErrBlockTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := ready(t, Config{})
			n, err := s.flood(100, 0, func(i int) {
				if i == 0 {
					s.client.raw(frameHeaders, 0, 1, tc.fragment)
				} else {
					s.client.raw(frameContinuation, 0, 1, tc.fragment)
				}
				expect(t, "phase", s.conn.Phase() == stream.ReadingHead, i > 0)
			})
			isError(t, err, tc.want)
			if n > tc.frames || n < tc.frames-1 {
				t.Errorf("%d frames were taken", n)
			}
			expect(t, "streams", len(s.streams), 0)
			if held := s.pool.Stats().LiveBytes; held > 0 {
				t.Errorf("%d bytes are held", held)
			}
			s.close()
		})
	}
}

func TestABlockInSeveralFrames(t *testing.T) {
	s := ready(t, Config{})
	b := s.client.encode(with("x", strings.Repeat("y\x01z"[:1], 3000))...)
	s.client.framer.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:10], EndStream: true})
	s.client.framer.WriteContinuation(1, false, b[10:500])
	s.client.framer.WriteContinuation(1, false, nil)
	s.client.framer.WriteContinuation(1, true, b[500:])
	expect(t, "sent", s.exchange(), "")
	expect(t, "request", s.last().text(), lines("GET http://a / length 0", "  x: "+strings.Repeat("y", 3000), "end"))
	s.close()
}

// One byte of a block can stand for a field of 4 KiB: the fields are counted, and
// nothing of them is kept beyond the limit.
func TestHPACKBomb(t *testing.T) {
	s := ready(t, Config{})
	s.client.enc.SetMaxDynamicTableSize(4096)
	s.client.headers(1, true, with("x", text(4000))...)
	s.exchange()
	r := s.streams[0]
	s.response(r.sender, 200, "")
	s.sent()
	b := append(s.client.encode(pseudo...), strings.Repeat("\xbe", 10000)...)
	s.client.raw(frameHeaders, flagEndHeaders|flagEndStream, 3, string(b))
	expect(t, "sent", s.exchange(), lines("3 HEADERS end", "  :status: 431", "  content-length: 0"))
	for range 100 {
		if h := s.heads.Get(); h.Size() > DefaultMaxHeaderBytes {
			t.Errorf("a head of %d bytes is kept", h.Size())
		}
	}
	s.heads = &stream.Pool{}
	s.conn.Close(stream.Reset{Reason: stream.ConnectionLost})
}

// Fields that drive each other out of the table cost no memory.
func TestDynamicTableChurn(t *testing.T) {
	s := ready(t, Config{})
	a := &quick{wire: s.wire}
	s.conn.acceptor = a
	id := uint32(1)
	var inputs [][]byte
	for i := range 3000 {
		inputs = append(inputs, s.client.get(id, fmt.Sprint("x-", i), text(i%300)).bytes())
		id += 2
	}
	slab := s.pool.Get(buffer.MaxSlab)
	i := 0
	feed := func() {
		n := copy(slab.Bytes(), inputs[i])
		if _, err := s.conn.Feed(buffer.ViewOf(slab, 0, n)); err != nil {
			t.Fatal(err)
		}
		s.out.Clear()
		i++
	}
	for range 1000 {
		feed()
	}
	expect(t, "allocations", testing.AllocsPerRun(1900, feed), 0)
	slab.Release()
	s.close()
}

func TestCookieBomb(t *testing.T) {
	s := ready(t, Config{})
	var crumbs []string
	for range 128 {
		crumbs = append(crumbs, "cookie", "")
	}
	s.client.get(1, crumbs...)
	expect(t, "128 crumbs", s.exchange(), "")
	s.client.get(3, append(crumbs, "cookie", "")...)
	expect(t, "129 crumbs", s.exchange(), lines("3 HEADERS end", "  :status: 431", "  content-length: 0"))
	s.close()
}

// CVE-2019-9517: a client that never opens its window has what its streams may keep, and no more,
// however much the hosts would send.
func TestInternalDataBuffering(t *testing.T) {
	s := ready(t, Config{MaxConcurrentStreams: 100})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0})
	for i := range uint32(200) {
		s.client.get(2*i + 1)
		s.exchange()
	}
	expect(t, "streams", len(s.streams), 100)
	for range 100 {
		for _, r := range s.streams {
			switch {
			case r.pauses > 0:
			case !r.over:
			case r.head.Status == 0:
				r.sender.Head(responseHead(200, -1), false)
				r.head.Status = 200
				fallthrough
			default:
				r.sender.Data(s.chain(text(16000)), false)
			}
		}
		s.sent()
	}
	if held := s.pool.Stats().LiveBytes; held > 100*(2*DefaultStreamWindow) {
		t.Errorf("%d bytes are held", held)
	}
	for _, r := range s.streams {
		r.sender.Reset(stream.Reset{Reason: stream.TimedOut})
	}
	expect(t, "held after the streams were reaped", s.pool.Stats().LiveBytes-s.out.Held(), 0)
	s.client.get(1001)
	expect(t, "afterwards", strings.Count(s.exchange(), "REFUSED"), 0)
	s.close()
}

// A client that sends requests and does not read is not read from.
func TestAClientThatDoesNotRead(t *testing.T) {
	s := ready(t, Config{})
	s.answering()
	s.conn.Pressure(true)
	for i := range uint32(1000) {
		s.client.get(2*i + 1)
	}
	if err := s.feed(s.conn, s.client.bytes()); err != nil {
		t.Fatal(err)
	}
	expect(t, "requests", len(s.streams), 0)
	expect(t, "paused", s.paused, true)
	s.conn.Pressure(false)
	if err := s.run(s.conn); err != nil {
		t.Fatal(err)
	}
	expect(t, "responses", strings.Count(s.written(), ":status: 200"), 1000)
	s.close()
}

func TestUnreadAnswersAreBounded(t *testing.T) {
	for name, do := range map[string]func(*peer, int){
		"PING":     func(p *peer, _ int) { p.ping(false, "x") },
		"SETTINGS": func(p *peer, _ int) { p.settings() },
	} {
		t.Run(name, func(t *testing.T) {
			s := ready(t, Config{})
			s.conn.Pressure(true)
			var err error
			n := 0
			for ; n < 5000 && err == nil; n++ {
				do(s.client, n)
				s.now += int64(time.Second)
				err = s.feed(s.conn, s.client.bytes())
			}
			isError(t, err, ErrUnread)
			expect(t, "answers", n, maxUnread+1)
			if s.out.Len() > 100_000 {
				t.Errorf("%d bytes wait", s.out.Len())
			}
			s.close()
		})
	}
	s := ready(t, Config{})
	for range 3 {
		s.conn.Pressure(true)
		for range 600 {
			s.now += int64(time.Second)
			s.client.ping(false, "x")
			s.exchange()
		}
		s.conn.Pressure(false) // it has read
	}
	s.close()
}

// While nothing has acknowledged our SETTINGS, a client may open more streams than it
// is allowed, in good faith: as many as were on their way.
func TestStreamsBeforeTheLimitIsKnown(t *testing.T) {
	s := newServer(t, Config{MaxConcurrentStreams: 10})
	s.client.writes.WriteString(preface)
	s.client.settings()
	for i := range uint32(500) {
		s.client.post(2*i + 1)
	}
	got := s.exchange()
	expect(t, "refused", strings.Count(got, "REFUSED_STREAM"), 490)
	expect(t, "streams", len(s.streams), 10)
	s.close()
}

// A stream counts until both its messages are over on our side, not until the
// client has reset it, or has been sent everything it is to be sent.
func TestStreamsCountUntilTheyAreOver(t *testing.T) {
	s := ready(t, Config{MaxConcurrentStreams: 2})
	s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).get(1).get(3)
	s.exchange()
	for _, r := range s.streams {
		s.response(r.sender, 200, "waits for the window")
	}
	s.sent()
	s.client.get(5)
	expect(t, "a third", s.exchange(), lines("5 RST REFUSED_STREAM"))
	s.client.window(1, 1000)
	s.exchange()
	s.client.get(7)
	expect(t, "when one is over", strings.Contains(s.exchange(), "REFUSED"), false)
	s.close()
}

func TestHugeWindowDeltas(t *testing.T) {
	s := ready(t, Config{})
	s.client.get(1)
	s.exchange()
	for range 50 {
		s.client.settings(xhttp2.Setting{ID: 4, Val: 0}).settings(xhttp2.Setting{ID: 4, Val: 1<<31 - 1})
		s.exchange()
	}
	expect(t, "window", s.conn.streams.get(1).out.window, 1<<31-1)
	s.close()
}

// Memory of a connection with as many streams as it may have, heads as large as they
// may be, and windows that are full.
func TestMemoryIsBounded(t *testing.T) {
	s := ready(t, Config{MaxConcurrentStreams: 100})
	s.onStream = func(r *recorder) { r.onHead = func(*stream.Head, bool) { r.sender.Pause() } }
	for i := range uint32(150) {
		s.client.post(2*i+1, "x", text(15000))
		s.exchange()
	}
	for i := range uint32(100) {
		for range 4 {
			s.client.data(2*i+1, text(2600), false)
		}
	}
	s.exchange()
	expect(t, "slabs are with the sinks, or nowhere", s.pool.Stats().LiveBytes, 0)
	expect(t, "streams", len(s.streams), 100)
	s.close()
}

func TestBudgetLeaks(t *testing.T) {
	l := limit{every: 10, burst: 3, save: 5}
	var r rate
	for range 3 {
		if !r.take(l, 1, 100) {
			t.Fatal("refused within the burst")
		}
	}
	if r.take(l, 1, 100) {
		t.Error("allowed over the burst")
	}
	if r.take(l, 1, 109) {
		t.Error("allowed too early")
	}
	if !r.take(l, 1, 110) || r.take(l, 1, 110) {
		t.Error("one comes back every 10")
	}
	b := bucket{rate: r}
	b.refund(l, 2)
	if !b.take(l, 2, 110) || b.take(l, 1, 110) {
		t.Error("two were given back")
	}
	var idle bucket
	idle.refund(l, 1000)
	if idle.take(l, 4, 0) {
		t.Error("what is given back is saved up")
	}
	var worked bucket
	worked.earn(l, 1000)
	if !worked.take(l, 5, 0) || !worked.take(l, 3, 0) || worked.take(l, 1, 0) {
		t.Error("what is earned is saved up, up to 5")
	}
}

// A rest that is kept by the event loop is never longer than it keeps.
func TestFramesFitTheLoop(t *testing.T) {
	cfg := Config{MaxFrameSize: 1 << 20, MaxHeaderBytes: 1 << 20}
	if n := cfg.maxFrameSize() + frameHeaderLen; n > buffer.MaxSlab/2+frameHeaderLen {
		t.Errorf("a frame may be %d bytes", n)
	}
	s := ready(t, cfg)
	many := with()
	for i := range 10 {
		many = append(many, fmt.Sprint("x-", i), text(6000))
	}
	s.client.get(1, many[8:]...)
	s.exchange()
	expect(t, "fields", s.last().head.Len(), 10)
	s.close()
}
