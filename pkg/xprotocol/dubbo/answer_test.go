package dubbo_test

import (
	"bytes"
	"testing"

	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

func TestAnswer(t *testing.T) {
	tests := []struct {
		serialization uint8
		text, want    string
	}{
		{2, "no route", "before dabb 023c 00000000000000ff 00000009 08 6e6f20726f757465"},
		{2, "", "before dabb 023c 00000000000000ff 00000001 00"},
		{2, "é\U0001f600", "before dabb 023c 00000000000000ff 00000009 03 c3a9 eda0bd edb880"},
		{23, "no route", "before dabb 173c 00000000000000ff 0000000d 00000009 51 6e6f20726f757465"},
		{23, "é\U0001f600", "before dabb 173c 00000000000000ff 0000000c 00000008 7a06 c3a9 f09f9880"},
		{6, "no route", "before dabb 023c 00000000000000ff 00000009 08 6e6f20726f757465"},
		{3, "no route", "before dabb 023c 00000000000000ff 00000009 08 6e6f20726f757465"},
	}
	for _, tt := range tests {
		call := &stream.Call{Kind: stream.KindRequest, ID: 255, Serialization: tt.serialization}
		got := dubbo.New().Answer([]byte("before"), call, xprotocol.Answer{Status: 404, Flags: stream.NoRouteFound, Text: []byte(tt.text)})
		if want := append([]byte("before"), unhex(t, tt.want[len("before"):])...); !bytes.Equal(got, want) {
			t.Errorf("%q in %d: %x, want %x", tt.text, tt.serialization, got, want)
		}
	}
}

func TestAnswerStatus(t *testing.T) {
	tests := []struct {
		status int
		flags  stream.Flags
		want   byte
	}{
		{404, stream.NoRouteFound, 60},
		{503, stream.NoHealthyUpstream, 80},
		{504, stream.UpstreamTimeout, 31},
		{504, stream.UpstreamTimeout | stream.RetriesExhausted, 31},
		{504, stream.StreamIdleTimeout, 31},
		{503, stream.UpstreamOverflow, 100},
		{429, stream.RateLimited, 100},
		{503, stream.UpstreamConnectFailure, 35},
		{502, stream.UpstreamConnectionLost, 35},
		{502, stream.UpstreamRemoteReset, 35},
		{502, stream.UpstreamProtocolError, 35},
		{400, stream.DownstreamProtocolError, 40},
		{503, stream.Draining, 80},
		{400, 0, 40},
		{404, 0, 60},
		{408, 0, 31},
		{413, 0, 40},
		{429, 0, 100},
		{431, 0, 40},
		{500, 0, 70},
		{500, stream.LocalReset, 70},
		{502, stream.UpstreamOverflow, 50},
		{413, stream.UpstreamOverflow, 40},
		{502, 0, 35},
		{503, stream.FaultInjected, 100},
		{504, 0, 31},
		{418, 0, 70},
		{0, 0, 70},
	}
	for _, tt := range tests {
		b := dubbo.New().Answer(nil, &stream.Call{Serialization: 2}, xprotocol.Answer{Status: tt.status, Flags: tt.flags})
		if b[3] != tt.want {
			t.Errorf("%d with %b: %d, want %d", tt.status, tt.flags, b[3], tt.want)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	tests := []struct {
		like *stream.Call
		want string
	}{
		{nil, "dabb e200 0000000000000007 00000001 4e"},
		{&stream.Call{Serialization: 2}, "dabb e200 0000000000000007 00000001 4e"},
		{&stream.Call{Serialization: 3}, "dabb e200 0000000000000007 00000001 4e"},
		{&stream.Call{Serialization: 23}, "dabb f700 0000000000000007 00000005 00000001af"},
	}
	for _, tt := range tests {
		got := heartbeater().Heartbeat(nil, 7, tt.like)
		if !bytes.Equal(got, unhex(t, tt.want)) {
			t.Errorf("%+v: %x, want %s", tt.like, got, tt.want)
		}
		if h, _ := parse(t, got); h.RPC.Kind != stream.KindHeartbeat || h.RPC.ID != 7 {
			t.Errorf("%x is read as %+v", got, h.RPC.Call)
		}
	}
}

// TestHeartbeatAnswers: what Java and others answer is what weir answers, and a
// heartbeat of any other serialization comes back as well.
func TestHeartbeatAnswers(t *testing.T) {
	tests := []struct{ heartbeat, answer []byte }{
		{named(t, "dubbo-hb-java"), named(t, "dubbo-hback-java")},
		{named(t, "dubbo-node-heartbeat_req"), named(t, "dubbo-node-heartbeat_res")},
		{named(t, "hessian2-heartbeat"), named(t, "hessian2-heartbeat-answer")},
		{named(t, "fastjson2-heartbeat"), named(t, "fastjson2-heartbeat-answer")},
		{unhex(t, "dabb e300 ffffffffffffffff 00000005 aced000570"), unhex(t, "dabb 2314 ffffffffffffffff 00000005 aced000570")},
		{unhex(t, "dabb ff00 8000000000000000 00000000"), unhex(t, "dabb 3f14 8000000000000000 00000000")},
	}
	for _, tt := range tests {
		h, content := parse(t, tt.heartbeat)
		if h.RPC.Kind != stream.KindHeartbeat {
			t.Errorf("%x: kind %d", tt.heartbeat, h.RPC.Kind)
		}
		if got := heartbeater().HeartbeatAnswer(nil, &h.RPC.Call, content, true); !bytes.Equal(got, tt.answer) {
			t.Errorf("%x is answered by %x, want %x", tt.heartbeat, got, tt.answer)
		}
		if got := heartbeater().HeartbeatAnswer([]byte("x"), &h.RPC.Call, content, false); string(got) != "x" {
			t.Errorf("%x: not well, but answered by %x", tt.heartbeat, got)
		}
	}
}

// TestGoAway: what weir announces is what Java announces, but for the id.
func TestGoAway(t *testing.T) {
	tests := []struct {
		like *stream.Call
		want []byte
	}{
		{nil, named(t, "hessian2-readonly")},
		{&stream.Call{Serialization: 2}, named(t, "hessian2-readonly")},
		{&stream.Call{Serialization: 6}, named(t, "hessian2-readonly")},
		{&stream.Call{Serialization: 23}, named(t, "fastjson2-readonly")},
	}
	for _, tt := range tests {
		if got := goAwayer().GoAway(nil, 12, tt.like); !bytes.Equal(got, tt.want) {
			t.Errorf("%+v: %x, want %x", tt.like, got, tt.want)
		}
	}
}

func TestMatch(t *testing.T) {
	spec := dubbo.Spec()
	if spec.Name != "dubbo" || spec.MaxFrame != 8<<20+16 || spec.IDBits != 64 || spec.Usage != xprotocol.Multiplexed {
		t.Errorf("%+v", spec)
	}
	match := func(b ...byte) (v protocol.Verdict) {
		for n := 1; n <= len(b) && v == protocol.More; n++ {
			v = spec.Match(b[:n])
		}
		return v
	}
	for _, f := range frames(t) {
		want := protocol.Yes
		if f.bytes[2]&0x80 == 0 {
			want = protocol.No // a client does not begin with a response
		}
		if got := match(f.bytes...); got != want {
			t.Errorf("%s: %d, want %d", f.name, got, want)
		}
	}
	for _, tt := range []struct {
		b    []byte
		want protocol.Verdict
	}{
		{[]byte{0xda}, protocol.More},
		{[]byte{0xda, 0xbb}, protocol.More},
		{[]byte{0xda, 0xbb, 0x80}, protocol.Yes},
		{[]byte{0xda, 0xbb, 0x02}, protocol.No},
		{[]byte{0xda, 0xbc}, protocol.No},
		{[]byte{0xdb}, protocol.No},
		{[]byte("GET "), protocol.No},
		{[]byte{0, 0, 0, 1, 0xda, 0xbc}, protocol.No},
	} {
		if got := match(tt.b...); got != tt.want {
			t.Errorf("%x: %d, want %d", tt.b, got, tt.want)
		}
	}
}
