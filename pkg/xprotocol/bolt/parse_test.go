package bolt

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
)

// seen is what is told of a frame.
type seen struct {
	Call                     stream.Call
	Status                   int
	Service, Method, Version string
	Fields                   int
	Content                  int
}

func TestVectors(t *testing.T) {
	const (
		test   = "com.nodejs.test.TestService:1.0"
		sample = "com.alipay.rpc.common.service.facade.pb.SampleServicePb:1.0"
		proto  = "com.alipay.sofa.rpc.protobuf.ProtoService:1.0"
	)
	node := func(id uint64, content int) seen {
		return seen{
			Call:    stream.Call{Kind: stream.KindRequest, Serialization: 1, Form: version1, Bits: bitHessian, ID: id, Timeout: 3 * time.Second},
			Service: test, Version: "1.0", Fields: 1, Content: content,
		}
	}
	answer := func(version, bits, serialization uint8, id uint64, content int) seen {
		return seen{
			Call:   stream.Call{Kind: stream.KindResponse, Serialization: serialization, Form: version, Bits: bits, ID: id},
			Status: 200, Content: content,
		}
	}
	ofMap := func(service, method, version string, fields int) seen {
		return seen{
			Call:    stream.Call{Kind: stream.KindRequest, Form: version1},
			Service: service, Method: method, Version: version, Fields: fields, Content: 4,
		}
	}
	want := map[string]seen{
		"bolt2-resp-java-crc": answer(version22, bitCRC, 1, 1, 750),
		"boltmap-null-value":  ofMap(proto, "echoObj", "1.0", 13),
		"boltmap-small-0":     ofMap("C", "", "", 1),
		"boltmap-small-1":     ofMap("C", "", "", 3),
		"boltmap-small-2":     ofMap("C", "", "", 1),
		"boltmap-small-3":     ofMap("C", "", "", 1),
		"boltmap-go-readme":   ofMap("HelloService:1.0", "sayHello", "1.0", 14),
		"bolt1-resp-go-readme": { // neither ver2 nor the status is one that there is
			Call:   stream.Call{Kind: stream.KindResponse, Form: version1, ID: 2, Native: 200},
			Status: 500, Fields: 1, Content: 11,
		},
		"bolt1-resp-pb": answer(version1, 0, 11, 132, 3),
		"bolt1-req-pb": {
			Call:    stream.Call{Kind: stream.KindRequest, Serialization: 11, Form: version1, ID: 109, Timeout: 100 * time.Millisecond},
			Service: sample, Method: "hello", Version: "1.0", Fields: 16, Content: 3,
		},
		"bolt1-req-node-plus":     node(1, 239),
		"bolt1-resp-node-plus":    answer(version1, 0, 1, 1, 98),
		"bolt1-req-node-echo":     node(2, 249),
		"bolt1-resp-node-echo":    answer(version1, 0, 1, 2, 100),
		"bolt1-req-node-boom":     node(3, 229),
		"bolt1-req-node-nomethod": node(4, 229),
		"bolt1-hb-node":           {Call: stream.Call{Kind: stream.KindHeartbeat, Serialization: 1, Form: version1, ID: 7}},
		"bolt2-hb-node-crc":       {Call: stream.Call{Kind: stream.KindHeartbeat, Serialization: 1, Form: version22, Bits: bitCRC, ID: 8}},
		"bolt1-hback-node":        {Call: stream.Call{Kind: stream.KindHeartbeatAnswer, Serialization: 1, Form: version1, ID: 7}, Status: 200},
		"bolt2-hback-node-crc":    {Call: stream.Call{Kind: stream.KindHeartbeatAnswer, Serialization: 1, Form: version22, Bits: bitCRC, ID: 8}, Status: 200},
	}
	got := map[string]seen{}
	for name, b := range vectors(t) {
		h, content := parse(t, b)
		got[name] = seen{
			Call: h.RPC.Call, Status: h.Status, Fields: h.Len(), Content: len(content),
			Service: attribute(h, stream.Service), Method: attribute(h, stream.Method), Version: attribute(h, stream.Version),
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFields(t *testing.T) {
	h, _ := parse(t, vectors(t)["boltmap-null-value"])
	got := fields(h)
	want := []string{"sofa_head_target_service", "com.alipay.sofa.rpc.protobuf.ProtoService:1.0", "rpc_trace_context.sofaRpcId", "0"}
	if !slices.Equal(got[:4], want) {
		t.Errorf("%q", got[:4])
	}
	if want := []string{"sofa_head_target_app", absent, "protocol", "bolt"}; !slices.Equal(got[14:18], want) {
		t.Errorf("%q", got[14:18])
	}
}

func TestHeaderMaps(t *testing.T) {
	many := func(n int) []byte { return header(slices.Repeat([]string{"", ""}, n)...) }
	tests := []struct {
		name   string
		header []byte
		fields []string
		err    error
	}{
		{"none", nil, nil, nil},
		{"empty texts", header("", ""), []string{"", ""}, nil},
		{"no value", header("a", absent), []string{"a", absent}, nil},
		{"no key", header(absent, "a", "b", "c"), []string{"b", "c"}, nil},
		{"neither", header("b", "c", absent, absent), []string{"b", "c"}, nil},
		{"negative key", append([]byte{0xff, 0xff, 0xff, 0xfe}, header("a", "b", "c")...), []string{"b", "c"}, nil},
		{"negative value", append(header("a"), 0xff, 0xff, 0xff, 0xfe), []string{"a", absent}, nil},
		{"most negative value", append(header("a"), 0x80, 0, 0, 0), []string{"a", absent}, nil},
		{"repeated", header("a", "1", "a", "2"), []string{"a", "1", "a", "2"}, nil},
		{"as many as there may be", many(maxPairs), slices.Repeat([]string{"", ""}, maxPairs), nil},

		{"one too many", many(maxPairs + 1), nil, errPairs},
		{"too many without a key", header(slices.Repeat([]string{absent, absent}, maxPairs+1)...), nil, errPairs},
		{"part of a length", []byte{0}, nil, errMap},
		{"no room for the value's length", header("a"), nil, errMap},
		{"part of the value's length", append(header("a"), 0, 0, 0), nil, errMap},
		{"no room for the value's length behind no key", header(absent), nil, errMap},
		{"key too long", []byte{0, 0, 0, 5, 0, 0, 0, 0}, nil, errMap},
		{"key reaches into the content", []byte{0, 0, 0, 8, 0, 0, 0, 0}, nil, errMap},
		{"value too long", append(header("a"), 0, 0, 0, 1), nil, errMap},
		{"value longer than memory", append(header("a"), 0x7f, 0xff, 0xff, 0xff), nil, errMap},
	}
	for _, tt := range tests {
		for _, ver1 := range []byte{0, 1, 2} {
			s := request(tt.header)
			s.ver1, s.flags = ver1, 1
			b := s.bytes()
			h := &stream.Head{}
			content, err := codec{}.Parse(b, h)
			if !errors.Is(err, tt.err) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
			}
			if tt.err != nil {
				continue
			}
			h.KeepFrame("bolt", b, content)
			if got := fields(h); !slices.Equal(got, tt.fields) {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.fields)
			}
		}
	}
}

func TestAttributes(t *testing.T) {
	tests := []struct {
		name                     string
		header                   []byte
		service, method, version string
		err                      error
	}{
		{"of SofaRPC", header("service", "a.B:1.0", "sofa_head_method_name", "m"), "a.B:1.0", "m", "1.0", nil},
		{"with a unique id", header("service", "a.B:1.0:u:v"), "a.B:1.0:u:v", "", "1.0", nil},
		{"with a unique id and no version", header("service", "a.B::u"), "a.B::u", "", "", nil},
		{"without a version", header("service", "a.B"), "a.B", "", "", nil},
		{"target alone", header("sofa_head_target_service", "a.B:2"), "a.B:2", "", "2", nil},
		{"service before target", header("sofa_head_target_service", "a.B:2", "service", "a.B:1"), "a.B:1", "", "1", nil},
		{"service is null", header("service", absent, "sofa_head_target_service", "a.B:2"), "a.B:2", "", "2", nil},
		{"service is empty", header("service", "", "sofa_head_target_service", "a.B:2"), "a.B:2", "", "2", nil},
		{"case matters to peers", header("Service", "a.B:1"), "com.example.Request", "", "", nil},
		{"neither", nil, "com.example.Request", "", "", nil},
		{"service twice", header("service", "a", "service", "b"), "", "", "", errRepeated},
		{"target twice", header("sofa_head_target_service", "a", "x", "y", "sofa_head_target_service", "a"), "", "", "", errRepeated},
		{"method twice", header("sofa_head_method_name", absent, "sofa_head_method_name", "a"), "", "", "", errRepeated},
	}
	for _, tt := range tests {
		for _, typ := range []byte{typeRequest, typeOneWay} {
			s := request(tt.header)
			s.typ = typ
			h := &stream.Head{}
			b := s.bytes()
			content, err := codec{}.Parse(b, h)
			if !errors.Is(err, tt.err) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
			}
			if tt.err != nil {
				continue
			}
			h.KeepFrame("bolt", b, content)
			got := [3]string{attribute(h, stream.Service), attribute(h, stream.Method), attribute(h, stream.Version)}
			if want := [3]string{tt.service, tt.method, tt.version}; got != want {
				t.Errorf("%s: %q, want %q", tt.name, got, want)
			}
			if _, ok := h.Attribute(stream.Group); ok {
				t.Errorf("%s: has a group", tt.name)
			}
		}
	}
}

// TestResponsesHaveNoAttributes: what a response's header map repeats is nobody's
// harm.
func TestResponsesHaveNoAttributes(t *testing.T) {
	h, _ := parse(t, sample{cmd: 2, class: "C", header: header("service", "a:1", "service", "b:1")}.bytes())
	for _, a := range []stream.Attribute{stream.Service, stream.Method, stream.Version, stream.Group} {
		if v, ok := h.Attribute(a); ok {
			t.Errorf("attribute %d is %q", a, v)
		}
	}
}

func TestTimeouts(t *testing.T) {
	tests := []struct {
		typ  byte
		cmd  uint16
		ms   int32
		want time.Duration
	}{
		{1, 1, 3000, 3 * time.Second},
		{1, 1, 1, time.Millisecond},
		{1, 1, 1<<31 - 1, (1<<31 - 1) * time.Millisecond},
		{1, 1, 0, 0},
		{1, 1, -1, 0},
		{1, 1, -1 << 31, 0},
		{2, 1, -1, 0},
		{2, 1, 3000, 0},
		{1, 0, 3000, 0},
	}
	for _, tt := range tests {
		for ver1 := range byte(3) {
			h, _ := parse(t, sample{ver1: ver1, typ: tt.typ, cmd: tt.cmd, timeout: tt.ms}.bytes())
			if h.RPC.Timeout != tt.want {
				t.Errorf("type %d, command %d: %d is %v, want %v", tt.typ, tt.cmd, tt.ms, h.RPC.Timeout, tt.want)
			}
		}
	}
}

func TestResponseStatus(t *testing.T) {
	failed := func(value string) []byte { return header("a", "b", "sofa_head_response_error", value) }
	tests := []struct {
		native uint16
		header []byte
		want   int
	}{
		{0, nil, 200}, {0, failed("true"), 200}, {0, failed("false"), 200}, {0, failed(absent), 200},
		{1, nil, 500}, {2, nil, 500}, {3, nil, 500}, {4, nil, 503}, {5, nil, 500}, {6, nil, 404},
		{7, nil, 504}, {8, nil, 502}, {9, nil, 400}, {10, nil, 500}, {0x10, nil, 502}, {0x11, nil, 500},
		{0x12, nil, 400}, {200, nil, 500}, {0xffff, nil, 500}, {4, failed("true"), 503},
	}
	for _, tt := range tests {
		for ver1 := range byte(3) {
			h, _ := parse(t, sample{ver1: ver1, cmd: 2, status: tt.native, header: tt.header}.bytes())
			if h.Status != tt.want || h.RPC.Native != uint32(tt.native) {
				t.Errorf("%#x: %d (native %#x), want %d", tt.native, h.Status, h.RPC.Native, tt.want)
			}
			if refused := tt.native == 4 || tt.native == 6; h.RPC.Refused != refused {
				t.Errorf("%#x: refused %v", tt.native, h.RPC.Refused)
			}
			if exception := tt.native == 0 && bytes.Equal(tt.header, failed("true")); h.RPC.Exception != exception {
				t.Errorf("%#x, header %q: exception %v", tt.native, tt.header, h.RPC.Exception)
			}
		}
	}
}

func TestChecksum(t *testing.T) {
	for _, name := range []string{"bolt2-resp-java-crc", "bolt2-hb-node-crc", "bolt2-hback-node-crc"} {
		b := vectors(t)[name]
		for i := range b {
			b[i] ^= 0x80
			// A bit in the lengths makes another frame of it, one in the version none.
			if n, err := (codec{}).Length(b); n == len(b) && err == nil {
				if _, err := (codec{}).Parse(b, &stream.Head{}); !errors.Is(err, errCRC) {
					t.Errorf("%s: %v with byte %d changed", name, err, i)
				}
			}
			b[i] ^= 0x80
		}
		parse(t, b)
	}
}

func TestParseTakesWholeFramesOnly(t *testing.T) {
	b := vectors(t)["bolt1-req-pb"]
	for _, part := range [][]byte{b[:10], b[:21], b[:22], b[:len(b)-1], append(slices.Clip(b), 0)} {
		if _, err := (codec{}).Parse(part, &stream.Head{}); !errors.Is(err, errLength) {
			t.Errorf("%d of %d bytes: %v", len(part), len(b), err)
		}
	}
}

// TestHessianContent: only who writes SofaRPC's Hessian is known to read it.
func TestHessianContent(t *testing.T) {
	tests := []struct {
		typ, codec byte
		content    string
		want       uint8
	}{
		{1, 1, "O\xbccom.alipay", bitHessian},
		{1, 1, "O", bitHessian},
		{1, 1, "C0com.alipay", 0}, // Hessian 2
		{1, 1, "\x02hi", 0},
		{1, 1, "", 0},
		{1, 11, "O", 0},
		{0, 1, "O", 0},
	}
	for _, tt := range tests {
		s := sample{typ: tt.typ, cmd: 2 - uint16(tt.typ), codec: tt.codec, content: tt.content}
		h, _ := parse(t, s.bytes())
		var front stream.Call
		codec{}.Preview(append(s.bytes(), "O, of the next frame"...), &front)
		if h.RPC.Bits != tt.want || front.Bits != tt.want {
			t.Errorf("type %d, codec %d, %q: %b, and %b", tt.typ, tt.codec, tt.content, h.RPC.Bits, front.Bits)
		}
	}
}

// TestLimitsBeforeLooking: hostile lengths cost no memory.
func TestLimitsBeforeLooking(t *testing.T) {
	b := request(append(header("service", strings.Repeat("s", 1000)), 0x7f, 0xff, 0xff, 0xff)).bytes()
	h := &stream.Head{}
	h.AddSpan(stream.Span{}, stream.Span{}, false)
	if n := testing.AllocsPerRun(10, func() {
		h.Clear()
		if _, err := (codec{}).Parse(b, h); !errors.Is(err, errMap) {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Error(strconv.Itoa(int(n)) + " allocations")
	}
}
