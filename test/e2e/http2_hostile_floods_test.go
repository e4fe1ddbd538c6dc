package e2e_test

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// hostileFlood is an attack that is something repeated. Each is let through for a
// while, because correct clients do the same now and then.
type hostileFlood struct {
	name  string
	begin func(f *frames)        // once, before
	do    func(f *frames, i int) // again and again; i counts from 0
	most  int                    // so often at most before weir ends the connection
	opens int                    // so many requests at most reach the upstream
	each  bool                   // and one each time
}

// forgiven is what most things that are counted lose in a second.
const forgiven = 100

// stream numbers the stream of an attack's i-th request.
func streamOf(i int) uint32 { return uint32(2*i + 1) }

func hang(f *frames, id uint32, end bool, fields ...string) {
	f.request(id, end, "POST", "/hang", fields...)
}

var hostileFloods = []hostileFlood{
	{
		name: "PING flood (CVE-2019-9512)", most: 1200,
		do: func(f *frames, _ int) { f.WritePing(false, [8]byte{}) },
	},
	{
		name: "PING flood of answers", most: 1200,
		do: func(f *frames, _ int) { f.WritePing(true, [8]byte{}) },
	},
	{
		name: "PRIORITY loop (CVE-2019-9513)", most: 1200,
		do: func(f *frames, i int) {
			f.WritePriority(streamOf(i%1000), xhttp2.PriorityParam{StreamDep: streamOf((i + 7) % 1000), Exclusive: true, Weight: uint8(i)})
		},
	},
	{
		name: "PRIORITY_UPDATE and unknown frames", most: 1200,
		do: func(f *frames, i int) {
			f.WriteRawFrame(xhttp2.FrameType(0x10+i%100), 0, 0, []byte("\x00\x00\x00\x01u=1"))
		},
	},
	{
		name: "reset flood (CVE-2019-9514)", most: 300, // invalid requests, each answered by a reset
		do: func(f *frames, i int) { f.headers(streamOf(i), true, ":method", "GET") },
	},
	{
		name: "SETTINGS flood (CVE-2019-9515)", most: 1200,
		do: func(f *frames, _ int) { f.WriteSettings() },
	},
	{
		name: "SETTINGS flood that moves 100 windows", most: 1200, opens: 100,
		begin: func(f *frames) {
			for i := range 100 {
				hang(f, streamOf(i), false)
			}
		},
		do: func(f *frames, i int) {
			f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: uint32(i%2) * (1<<31 - 1)})
		},
	},
	{
		name: "long SETTINGS flood", most: 50,
		do: func(f *frames, _ int) {
			f.WriteRawFrame(xhttp2.FrameSettings, 0, 0, []byte(strings.Repeat("\x00\x01\x00\x00\x10\x00", 2700)))
		},
	},
	{
		name: "empty DATA (CVE-2019-9518)", most: 150, opens: 1,
		begin: func(f *frames) { hang(f, 1, false) },
		do:    func(f *frames, _ int) { f.WriteData(1, false, nil) },
	},
	{
		name: "empty DATA, all padding", most: 150, opens: 1,
		begin: func(f *frames) { hang(f, 1, false) },
		do:    func(f *frames, _ int) { f.WriteDataPadded(1, false, nil, make([]byte, 50)) },
	},
	{
		name: "empty HEADERS and CONTINUATION", most: 150, each: true,
		do: func(f *frames, i int) {
			block := f.encode(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/")
			f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: streamOf(i), EndStream: true})
			for range 6 {
				f.WriteContinuation(streamOf(i), false, nil)
			}
			f.WriteContinuation(streamOf(i), true, block)
		},
	},
	{
		name: "rapid reset (CVE-2023-44487)", most: 300, each: true,
		do: func(f *frames, i int) {
			hang(f, streamOf(i), true)
			f.WriteRSTStream(streamOf(i), xhttp2.ErrCodeCancel)
		},
	},
	{
		name: "rapid reset of requests that have a body", most: 300, each: true,
		do: func(f *frames, i int) {
			hang(f, streamOf(i), false)
			f.WriteData(streamOf(i), false, []byte("the first part"))
			f.WriteRSTStream(streamOf(i), xhttp2.ErrCodeNo)
		},
	},
	{
		name: "streams above the limit", most: 450, opens: 100,
		do: func(f *frames, i int) { hang(f, streamOf(i), true) },
	},
	{
		name: "WINDOW_UPDATE flood", most: 1200,
		do: func(f *frames, _ int) { f.WriteWindowUpdate(0, 1) },
	},
	{
		name: "WINDOW_UPDATE flood on a stream", most: 1200, opens: 1,
		begin: func(f *frames) { hang(f, 1, false) },
		do:    func(f *frames, _ int) { f.WriteWindowUpdate(1, 1) },
	},
	{
		name: "RST_STREAM for a stream that is over", most: 1200, opens: 1,
		begin: func(f *frames) { hang(f, 1, false) },
		do:    func(f *frames, _ int) { f.WriteRSTStream(1, xhttp2.ErrCodeCancel) },
	},
	{
		name: "GOAWAY flood", most: 1200,
		do: func(f *frames, _ int) { f.WriteGoAway(0, xhttp2.ErrCodeNo, []byte("again")) },
	},
}

// madeYouReset are attacks after which weir resets a stream whose request it has
// forwarded (CVE-2025-8671).
var madeYouReset = []struct {
	name  string
	whole bool // the request is complete
	then  func(f *frames, id uint32)
}{
	{"WINDOW_UPDATE of 0", true, func(f *frames, id uint32) { f.WriteWindowUpdate(id, 0) }},
	{"WINDOW_UPDATE above the limit", true, func(f *frames, id uint32) { f.WriteWindowUpdate(id, 1<<31-1) }},
	{"PRIORITY of a wrong length", true, func(f *frames, id uint32) { f.WriteRawFrame(xhttp2.FramePriority, 0, id, []byte("abcd")) }},
	{"PRIORITY on itself", true, func(f *frames, id uint32) { f.WritePriority(id, xhttp2.PriorityParam{StreamDep: id}) }},
	{"DATA behind the end", true, func(f *frames, id uint32) { f.WriteData(id, false, []byte("more")) }},
	{"HEADERS behind the end", true, func(f *frames, id uint32) { f.headers(id, true, "a", "b") }},
	{"HEADERS that do not end the request", false, func(f *frames, id uint32) { f.headers(id, false, "a", "b") }},
	{"trailers with a pseudo-header", false, func(f *frames, id uint32) { f.headers(id, true, ":path", "/") }},
	{"more data than announced", false, func(f *frames, id uint32) { f.WriteData(id, false, make([]byte, 500)) }},
	{"less data than announced", false, func(f *frames, id uint32) { f.WriteData(id, true, make([]byte, 5)) }},
}

func everyFlood() []hostileFlood {
	all := hostileFloods
	for _, m := range madeYouReset {
		all = append(all, hostileFlood{
			name: "MadeYouReset: " + m.name, most: 300, each: true,
			do: func(f *frames, i int) {
				length := "400"
				if m.whole {
					length = "0"
				}
				hang(f, streamOf(i), m.whole, "content-length", length)
				m.then(f, streamOf(i))
			},
		})
	}
	return all
}

// TestHostileFloods: the connection of a client that repeats what is of no use ends
// with ENHANCE_YOUR_CALM. Until then nobody else notices, and upstreams get no more
// requests than the attack's own limit lets through.
func TestHostileFloods(t *testing.T) {
	for _, a := range everyFlood() {
		t.Run(a.name, func(t *testing.T) {
			g := besiege(t, setup{})
			f := g.attacker()
			if a.begin != nil {
				a.begin(f)
			}
			n := 0
			took := g.costs(func() { n = g.flood(f, a.most, forgiven, func(i int) { a.do(f, i) }) })
			f.dropped(xhttp2.ErrCodeEnhanceYourCalm)
			g.cheap(took, n+200)
			g.withstood()
			if a.each {
				a.opens += n
			}
			if opens := int(g.opens.Load()); opens > a.opens {
				t.Errorf("%d requests reached the upstream, want at most %d", opens, a.opens)
			}
			t.Logf("ended after %d times, %v; %d requests reached the upstream", n, took, g.opens.Load())
		})
	}
}
