package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// What a connection may cost at most, by the limits of a siege: 100 streams, each with a head of 60 KiB and a window of 64 KiB in either direction.
// A head is held twice where it goes from connection to connection, and a window
// that is full waits in slabs of a power of two.
const (
	mostStreams = 100
	mostHead    = 60 << 10
	mostWindow  = 64 << 10
)

// TestHostileContinuations (CVE-2024-27919, CVE-2024-30255): a header block that has
// too many frames, or several times too many bytes, ends the connection at once. What
// is within the limits is not decoded before it is whole: that would show as
// COMPRESSION_ERROR.
func TestHostileContinuations(t *testing.T) {
	g := besiege(t, setup{})
	const undecodable = "\xff\xff\xff\x7f"
	for _, tc := range []struct {
		name     string
		front    string
		fragment string
		most     int // frames
	}{
		{"empty", undecodable, "", 8},
		{"of a byte", undecodable, "\x82", 8},
		{"as long as a frame may be", "\x82", strings.Repeat("\x82", 1<<14), 4*mostHead>>14 + 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := g.within(t)
			f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(tc.front)})
			for range tc.most {
				g.serves(1)
				f.WriteContinuation(1, false, []byte(tc.fragment))
			}
			f.dropped(xhttp2.ErrCodeEnhanceYourCalm)
		})
	}
	if opens := g.opens.Load(); opens > 0 {
		t.Errorf("%d requests reached the upstream", opens)
	}
	g.withstood()
}

// TestHostileUnfinishedBlocks: connections in the middle of a header block hold what
// has come of it, and no more.
func TestHostileUnfinishedBlocks(t *testing.T) {
	g := besiege(t, setup{})
	const conns = 50
	for range conns {
		f := g.attacker()
		f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: make([]byte, 1<<14)})
		for range 2 {
			f.WriteContinuation(1, false, make([]byte, 1<<14))
		}
		f.WriteRawFrame(xhttp2.FrameContinuation, 0, 1, make([]byte, 1<<13))
		g.serves(1)
	}
	until(t, "the blocks have come", func() bool { return g.live() >= conns*(7<<13) })
	g.serves(100)
	g.holds(conns*(64<<10)+256<<10, conns*(80<<10)+2<<20)
}

// TestHostileHeaders: what has too many fields is answered 431, however small it is
// on the wire, costs what it takes to count them, and leaves nothing behind.
func TestHostileHeaders(t *testing.T) {
	pseudo := []string{":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"}
	for _, tc := range []struct {
		name   string
		begin  func(f *frames)
		fields func(f *frames) []byte // behind the pseudo-headers
		price  int                    // in honest requests
	}{
		{
			name:   "fields of nothing (CVE-2019-9516)",
			fields: func(*frames) []byte { return []byte(strings.Repeat("\x00\x01x\x00", 4000)) },
			price:  10,
		},
		{
			name: "a bomb of references (CVE-2016-6581)",
			begin: func(f *frames) {
				f.request(1, true, "GET", "/", "x", strings.Repeat("y", 3900))
				f.whole(1)
			},
			fields: func(*frames) []byte { return []byte(strings.Repeat("\xbe", 16000)) },
			price:  10,
		},
		{
			name:   "a bomb of cookies (CVE-2026-49975)",
			fields: func(*frames) []byte { return []byte(strings.Repeat("\xa0", 16000)) }, // cookie: (nothing)
			price:  10,
		},
		{
			name:   "a cookie in 129 crumbs",
			fields: func(f *frames) []byte { return []byte(strings.Repeat("\x0f\x11\x01a", 129)) },
			price:  2,
		},
		{
			name:   "101 fields",
			fields: func(*frames) []byte { return []byte(strings.Repeat("\x00\x01x\x01y", 101)) },
			price:  2,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := besiege(t, setup{})
			f := g.attacker()
			if tc.begin != nil {
				tc.begin(f)
			}
			before := g.opens.Load()
			const times = 100
			took := g.costs(func() {
				for i := range times {
					id := uint32(2*i + 3)
					b := append(f.encode(pseudo...), tc.fields(f)...)
					f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: b, EndStream: true, EndHeaders: true})
					f.expect(id, 431, "")
					g.serves(1)
				}
			})
			t.Logf("%d honest requests each", took/times/g.price)
			g.cheap(took, times*(1+tc.price))
			if n := g.opens.Load() - before; n > 0 {
				t.Errorf("%d requests reached the upstream", n)
			}
			g.withstood()
		})
	}
}

// TestHostileEmptyNames: a field without a name is no field. It resets its stream,
// and so does not come often.
func TestHostileEmptyNames(t *testing.T) {
	g := besiege(t, setup{})
	f := g.attacker()
	g.flood(f, 300, forgiven, func(i int) {
		b := append(f.encode(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"), strings.Repeat("\x00\x00\x00", 5000)...)
		f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: streamOf(i), BlockFragment: b, EndStream: true, EndHeaders: true})
	})
	f.dropped(xhttp2.ErrCodeEnhanceYourCalm)
	if opens := g.opens.Load(); opens > 0 {
		t.Errorf("%d requests reached the upstream", opens)
	}
	g.withstood()
}

// TestHostileTableChurn (CVE-2022-41717): names and values that are never the same
// go through the tables of both sides, which do not grow beyond their size.
func TestHostileTableChurn(t *testing.T) {
	g := besiege(t, setup{})
	f := g.attacker()
	const requests = 2000
	churn := func(i int) {
		f.enc.SetMaxDynamicTableSize(uint32(4096 * (i % 2)))
		f.enc.SetMaxDynamicTableSize(4096)
		name := fmt.Sprintf("x-%d-%s", i, strings.Repeat("n", 300))
		f.request(streamOf(i), true, "GET", "/", name, strings.Repeat("v", 700), name+"-2", "v")
		f.expect(streamOf(i), 200, "well")
		delete(f.msgs, streamOf(i))
		f.heads = f.heads[:0]
	}
	took := g.costs(func() {
		for i := range requests {
			churn(i)
			if i%10 == 0 {
				g.serves(1)
			}
		}
	})
	g.cheap(took, 5*requests)
	g.withstood()
	f.Close()
}

// TestHostileHeldStreams (CVE-2026-49975, CVE-2026-47774): as many streams as there
// may be, each with a head that is as large as it may be and takes a few bytes on
// the wire, held by a window that never opens.
func TestHostileHeldStreams(t *testing.T) {
	for _, path := range []string{"/hang", "/endless"} {
		t.Run(path, func(t *testing.T) {
			g := besiege(t, setup{})
			f := g.attacker(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 0})
			wire := 0
			for i := range 2 * mostStreams {
				b := f.encode(":method", "GET", ":scheme", "http", ":authority", "a", ":path", path, "x", strings.Repeat("y", 3900))
				b = append(b, strings.Repeat("\xbe", 14)...)
				f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: streamOf(i), BlockFragment: b, EndStream: true, EndHeaders: true})
				wire += len(b)
				if i%10 == 0 {
					g.serves(1)
				}
			}
			until(t, "the streams are open", func() bool { return g.opens.Load() == mostStreams })
			if !f.reached() {
				t.Error("the connection has ended")
			}
			g.serves(100)
			t.Logf("%d bytes on the wire", wire)
			const upstreamOwn = mostStreams * (mostHead + 64<<10) // the server's requests, and goroutines
			g.holds(mostStreams*2*mostWindow+1<<20, mostStreams*(2*mostHead+2*mostWindow)+upstreamOwn+4<<20)
			f.Close()
			g.withstood()
		})
	}
}
