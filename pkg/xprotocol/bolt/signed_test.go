package bolt

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
)

// What follows is how Java reads the numbers of a frame: with a sign.

// signed returns a frame whose class, header map and content have these lengths to Java,
// and behind whose fixed part stands body.
func signed(s sample, class, header int16, content int32, body string) []byte {
	s.class, s.header, s.content = "", nil, ""
	sealed := s.ver1 == 2 && s.flags&1 != 0
	b := s.bytes()
	n := frame(b).fixed()
	binary.BigEndian.PutUint16(b[n-8:], uint16(class))
	binary.BigEndian.PutUint16(b[n-6:], uint16(header))
	binary.BigEndian.PutUint32(b[n-4:], uint32(content))
	b = append(b[:n:n], body...)
	if sealed {
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}
	return b
}

// forms are the forms of a frame, with what a sample has of them.
var forms = []sample{{}, {ver1: 1}, {ver1: 2}, {ver1: 2, flags: 1}}

const sofaRequest = "com.alipay.sofa.rpc.core.request.SofaRequest"

// TestNegativeLengths: nothing stands in the place of what has a length below zero, and
// weir sends none on.
func TestNegativeLengths(t *testing.T) {
	tests := []struct {
		name            string
		class, header   int16
		content         int32
		body, wantClass string
		wantContent     string
	}{
		// sofa-bolt 1.5 made these of a header map of 41000 bytes, which it then left out.
		{"a long header map left out", int16(len(sofaRequest)), 41000 - 65536, 9, sofaRequest + "O\xbccontent", sofaRequest, "O\xbccontent"},
		{"a header map of -1", 1, -1, 7, "Ccontent", "C", "content"},
		{"the least header map", 1, -1 << 15, 7, "Ccontent", "C", "content"},
		{"no content behind it", 1, -1, 0, "C", "C", ""},
		{"a content that is no map", 1, -1, 4, "C\x00\x00\x00\x07", "C", "\x00\x00\x00\x07"},
		{"a content of zeros", 1, -1, 8, "C\x00\x00\x00\x00\x00\x00\x00\x00", "C", "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{"a class of -1", -1, 0, 7, "content", "", "content"},
		{"a content of -1", 1, 0, -1, "C", "C", ""},
		{"all of them", -1, -1, -1, "", "", ""},
	}
	for _, tt := range tests {
		for _, form := range forms {
			for _, kind := range []sample{{typ: 1, cmd: 1}, {typ: 2, cmd: 1}, {cmd: 2}} {
				form.typ, form.cmd, form.id, form.codec = kind.typ, kind.cmd, 7, codecHessian
				b := signed(form, tt.class, tt.header, tt.content, tt.body)
				measured(t, tt.name, b)
				h, content := parse(t, b)
				if got := attribute(h, stream.Service); form.typ != 0 && got != tt.wantClass || string(content) != tt.wantContent || h.Len() > 0 {
					t.Errorf("%s: class %q, content %q, %d fields", tt.name, got, content, h.Len())
				}
				got := frame(encode(t, h, content))
				if !h.Changed() || !bytes.Equal(got, signed(form, int16(len(tt.wantClass)), 0, int32(len(tt.wantContent)), tt.wantClass+tt.wantContent)) {
					t.Errorf("%s: changed %v, it is sent as %x", tt.name, h.Changed(), got)
				}
			}
		}
	}
}

// measured checks that a frame has its length, with whatever stands behind it, and that
// no part of it tells another one.
func measured(t *testing.T, name string, b []byte) {
	t.Helper()
	for _, behind := range []string{"", "\x01\x01\x00\x01\x01\x00\x00", "\x02\x02\x01", "\x00\x00\x00\x07service"} {
		if n, err := (codec{}).Length(append(slices.Clip(b), behind...)); n != len(b) || err != nil {
			t.Errorf("%s, with %q behind it: length %d, %v, want %d", name, behind, n, err, len(b))
		}
	}
	for i := 1; i < len(b); i++ {
		if n, err := (codec{}).Length(b[:i:i]); n != 0 && n != len(b) || err != nil {
			t.Errorf("%s: %d bytes tell %d, %v, want %d", name, i, n, err, len(b))
		}
	}
}

// longMap returns a header map of n bytes.
func longMap(n int) []byte {
	b := header("service", "a.B:1.0", "x", "")
	pad := n - len(b)
	return append(binary.BigEndian.AppendUint32(b[:len(b)-4], uint32(pad)), strings.Repeat("y", pad)...)
}

// TestLongHeaderMaps: a header map that is longer than Java can read costs the call that
// it is part of, and no other.
func TestLongHeaderMaps(t *testing.T) {
	for _, n := range []int{32768, 40000, 65535} {
		for _, form := range forms {
			form.codec, form.class, form.header, form.content = codecHessian, sofaRequest, longMap(n), "O\xbccontent"
			ask, answer := form, form
			ask.typ, ask.cmd, ask.id = typeRequest, cmdRequest, 7
			answer.cmd, answer.id = cmdResponse, 1
			measured(t, "a long map", ask.bytes())
			refusedAlone(t, ask, n)
			failsAlone(t, answer)
			oneWay := ask
			oneWay.typ = typeOneWay
			d := xprotocoltest.NewDownstream(Spec(), xprotocoltest.Limits{})
			if err := d.Feed(append(oneWay.bytes(), request(nil).bytes()...)); err != nil || len(d.Calls) != 1 || d.Out().Len() > 0 {
				t.Errorf("one-way with %d bytes: %v, %d calls, %d bytes are sent", n, err, len(d.Calls), d.Out().Len())
			}
		}
	}
}

// refusedAlone sends a request that is refused, and another one.
func refusedAlone(t *testing.T, bad sample, n int) {
	t.Helper()
	d := xprotocoltest.NewDownstream(Spec(), xprotocoltest.Limits{})
	good := bad
	good.header, good.id, good.flags = header("service", "a.B:1.0"), 8, bad.flags&^0x80
	if err := d.Feed(append(bad.bytes(), good.bytes()...)); err != nil {
		t.Fatalf("%d bytes: the connection ends in %v", n, err)
	}
	if len(d.Calls) != 1 || !d.Calls[0].Ended {
		t.Fatalf("%d bytes: %d calls came", n, len(d.Calls))
	}
	h, _ := parse(t, d.Sent())
	if h.RPC.Kind != stream.KindResponse || h.RPC.ID != 7 || h.RPC.Native != statusCodec {
		t.Errorf("%d bytes: it is answered by %+v", n, h.RPC.Call)
	}
}

// failsAlone lets a host answer one of two calls by a response that is refused.
func failsAlone(t *testing.T, bad sample) {
	t.Helper()
	u := xprotocoltest.NewUpstream(Spec())
	ask := request(nil)
	ask.ver1, ask.flags = bad.ver1, bad.flags&^0x80
	first, err := u.Send(ask.bytes())
	if err != nil {
		t.Fatal(err)
	}
	second, err := u.Send(ask.bytes())
	if err != nil {
		t.Fatal(err)
	}
	good := bad
	good.header, good.id, good.flags = nil, 2, bad.flags&^0x80
	if err := u.Feed(append(bad.bytes(), good.bytes()...)); err != nil {
		t.Fatalf("the connection ends in %v", err)
	}
	if first.GivenUp == nil || first.GivenUp.Reason != stream.ProtocolError || !second.Ended {
		t.Errorf("the calls end in %v and %v", first, second)
	}
}

// TestNegativeSwitches: on switches below zero a Java peer never comes to an end.
func TestNegativeSwitches(t *testing.T) {
	for _, flags := range []byte{0x80, 0x81, 0xff} {
		for ver1 := byte(1); ver1 <= 2; ver1++ {
			s := sample{ver1: ver1, flags: flags, codec: codecHessian, class: sofaRequest, content: "O\xbccontent"}
			ask, answer := s, s
			ask.typ, ask.cmd, ask.id = typeRequest, cmdRequest, 7
			answer.cmd, answer.id = cmdResponse, 1
			refusedAlone(t, ask, int(flags))
			failsAlone(t, answer)
		}
	}
}

// TestRefusedMaps: what is wrong in a header map costs the call that it is part of.
func TestRefusedMaps(t *testing.T) {
	for _, m := range [][]byte{{0}, header("a"), header("service", "a", "service", "b"), header(slices.Repeat([]string{"", ""}, maxPairs+1)...)} {
		s := request(m)
		refusedAlone(t, s, len(m))
		s.typ, s.cmd, s.id = typeResponse, cmdResponse, 1
		if !bytes.HasPrefix(m, header("service")) { // a response has none
			failsAlone(t, s)
		}
	}
}
