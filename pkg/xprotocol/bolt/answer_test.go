package bolt

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// known are the statuses that Java does not close its connection on, and that it
// reads no content of.
var known = map[uint32]bool{1: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 0x10: true}

func TestAnswerStatus(t *testing.T) {
	tests := []struct {
		status int
		flags  stream.Flags
		want   uint32
	}{
		{404, stream.NoRouteFound, 6},
		{404, 0, 6},
		{503, stream.NoRouteFound, 6},
		{503, stream.NoHealthyUpstream, 0x10},
		{503, stream.UpstreamConnectFailure, 0x10},
		{503, stream.UpstreamConnectFailure | stream.RetriesExhausted, 0x10},
		{503, stream.UpstreamConnectFailure | stream.UpstreamOverflow, 0x10},
		{503, stream.UpstreamConnectionLost, 0x10},
		{502, stream.UpstreamRemoteReset, 0x10},
		{502, 0, 0x10},
		{503, stream.Draining, 0x10},
		{503, stream.UpstreamOverflow, 4},
		{503, stream.FaultInjected, 4},
		{503, 0, 4},
		{429, stream.RateLimited, 4},
		{429, 0, 4},
		{500, stream.RateLimited, 4},
		{504, stream.UpstreamTimeout, 7},
		{504, stream.UpstreamTimeout | stream.UpstreamConnectFailure, 7},
		{504, 0, 7},
		{408, stream.StreamIdleTimeout, 7},
		{500, stream.StreamIdleTimeout, 7},
		{400, stream.DownstreamProtocolError, 9},
		{400, 0, 9},
		{413, 0, 9},
		{431, 0, 9},
		{502, stream.UpstreamProtocolError, 9},
		{403, 0, 3},
		{500, stream.LocalReset, 3},
		{502, stream.UpstreamOverflow, 9},
		{413, stream.UpstreamOverflow, 9},
		{500, 0, 3},
		{0, 0, 3},
	}
	for _, tt := range tests {
		for ver1 := range byte(3) {
			s := request(header("service", "a.B:1"))
			s.ver1, s.flags, s.id = ver1, 1, 1<<31+5
			to, _ := parse(t, s.bytes())
			b := codec{}.Answer([]byte("before"), &to.RPC.Call, xprotocol.Answer{Status: tt.status, Flags: tt.flags})
			want := sample{ver1: ver1, cmd: 2, id: s.id, codec: s.codec, status: uint16(tt.want)}.bytes()
			if string(b) != "before"+string(want) {
				t.Errorf("%d %v: %x, want %x", tt.status, tt.flags, b[6:], want)
			}
		}
	}
}

// TestAnswerIsKnown: there is nothing that can be answered with a status that hurts.
func TestAnswerIsKnown(t *testing.T) {
	for status := range 1000 {
		for bit := range 32 {
			if got := boltStatus(xprotocol.Answer{Status: status, Flags: 1 << bit}); !known[uint32(got)] {
				t.Fatalf("%d with %v is answered %#x", status, stream.Flags(1<<bit), got)
			}
		}
	}
}

func TestAnswerText(t *testing.T) {
	const text = "no route for a.Ḃ:1"
	exceptionOf := func(n, text string) string {
		// The definition of a class of 52 bytes and 2 fields, then an object of it: a
		// text of n characters, and null.
		return "4fc834" + hex.EncodeToString([]byte(exception)) +
			"92" + "0d" + hex.EncodeToString([]byte("detailMessage")) + "0a" + hex.EncodeToString([]byte("stackTrace")) +
			"6f90" + "53" + n + hex.EncodeToString([]byte(text)) + "4e"
	}
	tests := []struct {
		name    string
		codec   byte
		content string
		text    string
		want    string // hex
	}{
		{"hessian", 1, "O", text, exceptionOf("0012", text)},
		{"hessian, nothing to say", 1, "O", "", ""},
		{"hessian, not UTF-8", 1, "O", "a\xff\xfeb", exceptionOf("0004", "a\ufffd\ufffdb")},
		{"hessian, two units of UTF-16", 1, "O", "a\U0001f600b", exceptionOf("0003", "a\ufffdb")},
		{"hessian, long", 1, "O", strings.Repeat("x", 5000), exceptionOf("1000", strings.Repeat("x", 4096))},
		{"hessian 2", 1, "C", text, ""},
		{"protobuf", 11, "\x0a", text, hex.EncodeToString([]byte(text))},
		{"protobuf, four bytes", 11, "", "a\U0001f600b", hex.EncodeToString([]byte("a\U0001f600b"))},
		{"protobuf, not UTF-8", 11, "", "\xffb", hex.EncodeToString([]byte("\ufffdb"))},
		{"json", 12, "{}", text, ""},
		{"fory", 23, "O", text, ""},
	}
	for _, tt := range tests {
		for ver1 := range byte(3) {
			s := sample{ver1: ver1, typ: 1, cmd: 1, id: 9, codec: tt.codec, content: tt.content}
			to, _ := parse(t, s.bytes())
			b := codec{}.Answer(nil, &to.RPC.Call, xprotocol.Answer{Status: 404, Text: []byte(tt.text)})
			content, _ := hex.DecodeString(tt.want)
			want := sample{ver1: ver1, cmd: 2, id: 9, codec: tt.codec, status: 6, content: string(content)}
			if tt.want != "" {
				want.class = exception
			}
			if !bytes.Equal(b, want.bytes()) {
				t.Errorf("%s: %x, want %x", tt.name, b, want.bytes())
			}
			if n, err := (codec{}).Length(b); n != len(b) || err != nil {
				t.Errorf("%s: length %d, %v, not %d", tt.name, n, err, len(b))
			}
		}
	}
}

// TestLongText: a text is cut between characters.
func TestLongText(t *testing.T) {
	for i := range 4 {
		b, n := appendPlain(nil, []byte(strings.Repeat("x", i)+strings.Repeat("\u1e02", maxPlain)), utf8.MaxRune)
		if !utf8.Valid(b) || utf8.RuneCount(b) != n || len(b) < maxPlain || len(b) > maxPlain+utf8.UTFMax {
			t.Errorf("%d bytes, %d characters", len(b), n)
		}
	}
}

func TestNoAnswerToOneWay(t *testing.T) {
	s := request(nil)
	s.typ = typeOneWay
	to, _ := parse(t, s.bytes())
	if b := (codec{}).Answer(nil, &to.RPC.Call, xprotocol.Answer{Status: 404}); b != nil {
		t.Errorf("%x", b)
	}
}

func TestHeartbeat(t *testing.T) {
	like := func(ver1 byte) *stream.Call {
		s := request(nil)
		s.ver1, s.flags, s.codec = ver1, 1, 11
		h, _ := parse(t, s.bytes())
		return &h.RPC.Call
	}
	tests := []struct {
		like *stream.Call
		id   uint64
		want string
	}{
		{nil, 7, "01010000 01 00000007 01 ffffffff 0000000000000000"},
		{like(0), 1<<32 - 1, "01010000 01 ffffffff 01 ffffffff 0000000000000000"},
		{like(1), 7, "0201010000 01 00000007 01 00 ffffffff 0000000000000000"},
		{like(2), 7, "0202010000 01 00000007 01 00 ffffffff 0000000000000000"},
	}
	for _, tt := range tests {
		b := codec{}.Heartbeat(nil, tt.id, tt.like)
		if got, want := hex.EncodeToString(b), strings.ReplaceAll(tt.want, " ", ""); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if h, _ := parse(t, b); h.RPC.Kind != stream.KindHeartbeat || h.RPC.ID != tt.id {
			t.Errorf("is %+v", h.RPC.Call)
		}
	}
}

func TestHeartbeatAnswer(t *testing.T) {
	frames := vectors(t)
	for to, want := range map[string]string{"bolt1-hb-node": "bolt1-hback-node", "bolt2-hb-node-crc": "bolt2-hback-node-crc"} {
		h, content := parse(t, frames[to])
		if got := (codec{}).HeartbeatAnswer(nil, &h.RPC.Call, content, true); !bytes.Equal(got, frames[want]) {
			t.Errorf("%x, want %x", got, frames[want])
		}
	}
	for ver1 := range byte(3) {
		for flags := range byte(2) {
			h, content := parse(t, sample{ver1: ver1, typ: 1, id: 9, codec: 1, flags: flags}.bytes())
			if ver1 == 1 {
				flags = 0 // without a checksum, there is nothing to switch on
			}
			want := append([]byte("before"), sample{ver1: ver1, cmd: 0, id: 9, codec: 1, flags: flags, status: 1}.bytes()...)
			if got := (codec{}).HeartbeatAnswer([]byte("before"), &h.RPC.Call, content, false); !bytes.Equal(got, want) {
				t.Errorf("%x, want %x", got, want)
			}
		}
	}
}

func TestGoAway(t *testing.T) {
	if b := New(Options{}).(xprotocol.GoAwayer).GoAway(nil, 1, nil); len(b) != 0 {
		t.Errorf("%x without being asked for", b)
	}
	on := New(Options{GoAway: true}).(xprotocol.GoAwayer)
	if got, want := hex.EncodeToString(on.GoAway(nil, 5, nil)), "010100640100000005010000000000000000"+"00000000"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h, _ := parse(t, sample{ver1: 2, flags: 1, typ: 1, cmd: 1, codec: 11}.bytes())
	b := on.GoAway(nil, 5, &h.RPC.Call)
	if want := (sample{ver1: 2, typ: 1, cmd: 100, id: 5, codec: 1}).bytes(); !bytes.Equal(b, want) {
		t.Errorf("%x, want %x", b, want)
	}
	if h, _ := parse(t, b); h.RPC.Kind != stream.KindGoAway {
		t.Errorf("is %+v", h.RPC.Call)
	}
}

func TestSpec(t *testing.T) {
	s := Spec()
	if s.Name != "bolt" || len(s.Aliases) != 1 || s.Aliases[0] != "boltv2" || s.IDBits != 32 || s.Usage != xprotocol.Multiplexed || s.Match == nil {
		t.Errorf("%+v", s)
	}
	for _, on := range []bool{false, true} {
		c := (&ListenerSettings{EnableBoltGoaway: on}).Codec(new(config.Report))
		if b := c.(xprotocol.GoAwayer).GoAway(nil, 1, nil); len(b) > 0 != on {
			t.Errorf("configured %v: %x", on, b)
		}
	}
	if b := s.Codec.(xprotocol.GoAwayer).GoAway(nil, 1, nil); b != nil {
		t.Errorf("goes away although nobody asked for it: %x", b)
	}
}
