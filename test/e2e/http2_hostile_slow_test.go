package e2e_test

import (
	"bytes"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// written is what a client would write, as bytes.
func written(write func(f *frames)) string {
	var b bytes.Buffer
	f := newFrames(&raw{})
	f.Framer = xhttp2.NewFramer(&b, nil)
	f.AllowIllegalWrites = true
	write(f)
	return b.String()
}

// front is how a correct client begins.
var front = xhttp2.ClientPreface + written(func(f *frames) { f.WriteSettings(); f.WriteSettingsAck() })

// TestHostileSlowloris: what begins a request, or the connection, must be there
// within request_header_timeout, and bytes that come one at a time gain nothing.
func TestHostileSlowloris(t *testing.T) {
	unfinished := written(func(f *frames) {
		f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("\x82\x86")})
	})
	long := strings.Repeat("x", 1<<13)
	for _, tc := range []struct {
		name   string
		begin  string // at once
		then   string // a byte at a time
		silent bool   // nothing is said at the end, because the client is none of HTTP/2 yet
	}{
		{"a preface", "P", xhttp2.ClientPreface[1:23], true},
		{"no SETTINGS", xhttp2.ClientPreface, "", false},
		{"half of SETTINGS", xhttp2.ClientPreface, "\x00\x3f\xfc\x04\x00\x00\x00\x00\x00" + long, false},
		{"half of a frame's front", front + "\x00\x00", "", false},
		{"a HEADERS frame", front + "\x00\x40\x00\x01\x05\x00\x00\x00\x01", long, false},
		{"a block without an end", front + unfinished, "", false},
		{"a CONTINUATION frame", front + unfinished + "\x00\x40\x00\x09\x00\x00\x00\x00\x01", long, false},
		{"half of a PING", front + "\x00\x00\x08\x06\x00\x00\x00\x00\x00", "xxxxxxx", false},
		{"a HEADERS frame behind a request", front + written(func(f *frames) { f.request(1, true, "GET", "/") }) + "\x00\x40\x00\x01\x05\x00\x00\x00\x03", long, false},
		{"a HEADERS frame beside a request", front + written(func(f *frames) { f.request(1, true, "GET", "/hang") }) + "\x00\x40\x00\x01\x05\x00\x00\x00\x03", long, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := besiege(t, setup{http1: `"request_header_timeout": "0.5s"`})
			c := dial(t, g.addr())
			end := make(chan string, 1)
			go func() {
				said, _ := c.rest()
				end <- said
			}()
			c.send(tc.begin)
			said, over := "", false
			for at := 0; !over; at++ {
				if at < len(tc.then) {
					c.send(tc.then[at : at+1])
				}
				g.serves(1)
				select {
				case said = <-end:
					over = true
				default:
				}
			}
			last := goodbye(said)
			if tc.silent != (last == nil) || last != nil && last.ErrCode != xhttp2.ErrCodeNo {
				t.Errorf("weir ended it with %v", last)
			}
			g.withstood()
		})
	}
}

// goodbye is the GOAWAY at the end of what weir said; nil if there is none.
func goodbye(said string) (last *xhttp2.GoAwayFrame) {
	fr := xhttp2.NewFramer(nil, strings.NewReader(said))
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return last
		}
		if away, ok := f.(*xhttp2.GoAwayFrame); ok {
			last = away
		}
	}
}

// TestHostileSlowBodies: a request whose body does not come is given up, and an
// upstream that waits for it is freed.
func TestHostileSlowBodies(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  string
		more func(f *frames) // again and again, but so seldom that it is no flood
	}{
		{"nothing comes", `"stream_idle_timeout": "2s"`, func(*frames) {}},
		{"PINGs come", `"stream_idle_timeout": "2s"`, func(f *frames) { f.WritePing(false, [8]byte{}) }},
		{"a little comes now and then", `"request_timeout": "2s"`, func(f *frames) { f.WriteData(1, false, []byte("a little")) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := besiege(t, setup{http1: tc.cfg})
			f := g.attacker()
			f.request(1, false, "POST", "/hang", "content-length", "1000000")
			until(t, "the request is under way", func() bool { return g.Load().Streams > 0 })
			for n := 0; g.Load().Streams > 0 && !t.Failed(); n++ {
				if n < 500 {
					tc.more(f)
				}
				g.serves(5)
			}
			f.expect(1, 408, "the request did not arrive in time\n")
			g.withstood()
			f.Close()
		})
	}
}
