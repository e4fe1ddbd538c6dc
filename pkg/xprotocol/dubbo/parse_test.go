package dubbo_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// TestFrames shows what is known of every frame in testdata.
func TestFrames(t *testing.T) {
	var got strings.Builder
	for _, f := range frames(t) {
		h, content := parse(t, f.bytes)
		fmt.Fprintf(&got, "%s\n", f.name)
		describe(&got, h, len(content))
	}
	if *show {
		fmt.Print(got.String())
		return
	}
	if diff := cmp.Diff(readFile(t, "expect.txt"), got.String()); diff != "" {
		t.Errorf("(-expect.txt +got)\n%s", diff)
	}
}

func describe(out *strings.Builder, h *stream.Head, content int) {
	kinds := map[stream.Kind]string{
		stream.KindRequest: "request", stream.KindOneWay: "one-way", stream.KindResponse: "response",
		stream.KindHeartbeat: "heartbeat", stream.KindHeartbeatAnswer: "heartbeat answer",
		stream.KindGoAway: "go away", stream.KindEvent: "event",
	}
	c := &h.RPC
	head, tail := h.Frame()
	fmt.Fprintf(out, "\t%s %d in %d, %d+%d+%d bytes", kinds[c.Kind], int64(c.ID), c.Serialization, len(head), content, len(tail))
	if c.Kind == stream.KindResponse {
		fmt.Fprintf(out, ", status %d: %d", c.Native, h.Status)
	}
	if c.Exception {
		out.WriteString(", exception")
	}
	if c.Unread {
		out.WriteString(", unread")
	}
	if c.Timeout != 0 {
		fmt.Fprintf(out, ", timeout %v", c.Timeout)
	}
	out.WriteByte('\n')
	for i, name := range []string{"service", "version", "method", "group"} {
		if v, ok := h.Attribute([]stream.Attribute{stream.Service, stream.Version, stream.Method, stream.Group}[i]); ok {
			fmt.Fprintf(out, "\t%s %s\n", name, v)
		}
	}
	for i := range h.Len() {
		name, value := h.At(i)
		text := fmt.Sprintf("%q", value)
		if h.NullAt(i) {
			text = "null"
		}
		if len(text) > 80 {
			text = fmt.Sprintf("%s... %d bytes", text[:40], len(value))
		}
		fmt.Fprintf(out, "\t- %s: %s\n", name, text)
	}
}

// TestPublicAttributes says of frames that others published what the ones who
// published them say.
func TestPublicAttributes(t *testing.T) {
	tests := []struct {
		name                           string
		service, version, method, path string
		group                          string
		timeout                        time.Duration
		tailAt                         int // in the body
	}{
		{
			name:    "dubbo-req-java3-hessian2",
			service: "org.apache.dubbo.springboot.demo.DemoService", version: "0.0.0", method: "sayHello",
			path:    "/org.apache.dubbo.springboot.demo.DemoService/sayHello",
			timeout: time.Second, tailAt: 92,
		},
		{
			name:    "dubbo-req-java-complex",
			service: "com.dmall.dsf.zone.proxy.service.ProxyInterface", version: "0.0.0", method: "unitTestByUnit",
			path:    "/com.dmall.dsf.zone.proxy.service.ProxyInterface/unitTestByUnit",
			timeout: 3 * time.Second,
			tailAt:  633,
		},
		{
			name:    "dubbo-req-node-types",
			service: "com.test.TestService", version: "1.0.0", method: "test-method",
			path:   "/com.test.TestService/test-method",
			tailAt: 141,
		},
		{
			name:    "dubbo-req-node-plus",
			service: "com.nodejs.test.TestService", version: "1.0", method: "plus", group: "SOFA",
			path:   "/com.nodejs.test.TestService/plus",
			tailAt: 48,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := named(t, tt.name)
			h, content := parse(t, b)
			for a, want := range map[stream.Attribute]string{
				stream.Service: tt.service, stream.Version: tt.version, stream.Method: tt.method, stream.Group: tt.group,
			} {
				if got, ok := h.Attribute(a); string(got) != want || ok != (want != "") {
					t.Errorf("attribute %d is %q, want %q", a, got, want)
				}
			}
			head, _ := h.Frame()
			if at := len(head) + len(content) - 16; at != tt.tailAt {
				t.Errorf("attachments at %d, want %d", at, tt.tailAt)
			}
			if h.RPC.Timeout != tt.timeout || string(h.Path()) != tt.path {
				t.Errorf("timeout %v, path %s", h.RPC.Timeout, h.Path())
			}
		})
	}
}

// TestLengthOfPrefixes: what Length says does not change as more bytes come.
func TestLengthOfPrefixes(t *testing.T) {
	c := dubbo.New()
	for _, f := range frames(t) {
		for n := 1; n <= len(f.bytes); n++ {
			want := len(f.bytes)
			if n < 16 {
				want = 0
			}
			if got, err := c.Length(f.bytes[:n]); got != want || err != nil {
				t.Fatalf("%s: %d bytes: %d, %v, want %d", f.name, n, got, err, want)
			}
		}
	}
}

func TestLength(t *testing.T) {
	c := dubbo.New()
	if n, err := c.Length(unhex(t, "dabbc2000000000000000001 7fffffef")); err != nil || n != 1<<31-1 {
		t.Errorf("the longest frame: %d, %v", n, err)
	}
	// Java reads lengths with a sign: nobody can tell where such frames end.
	negative := []string{"dabbc2000000000000000001 ffffffff", "dabbc2000000000000000001 80000000", "dabb02140000000000000001 7ffffff0"}
	for _, bad := range append(negative, "da bc", "db", "00", "47 45 54 20", "6c 73 0d 0a") {
		if n, err := c.Length(unhex(t, bad)); err == nil {
			t.Errorf("%s: %d without an error", bad, n)
		}
	}
	for _, bad := range []string{"dabbc2", "dabcc200000000000000000100000000"} {
		if _, err := c.Parse(unhex(t, bad), &stream.Head{}); err == nil {
			t.Errorf("%s was parsed", bad)
		}
	}
}

// TestSerializations: every one is carried, and the ones that are not read are all
// content.
func TestSerializations(t *testing.T) {
	body := named(t, "dubbo-req-java3-hessian2")[16:]
	for id := range byte(32) {
		b := append(unhex(t, "dabb c000 00000000000000ff 00000000"), body...)
		b[2] |= id
		h, content := parse(t, join(255, b[:16], body, nil))
		head, tail := h.Frame()
		if h.RPC.Serialization != id || h.RPC.Kind != stream.KindRequest || h.RPC.ID != 255 {
			t.Errorf("%d: %+v", id, h.RPC.Call)
		}
		if id == 2 {
			continue
		}
		if len(head) != 16 || len(tail) != 0 || !bytes.Equal(content, body) || h.Len() != 0 || len(h.Path()) != 0 {
			t.Errorf("%d: divides into %d, %d, %d, path %q", id, len(head), len(content), len(tail), h.Path())
		}
	}
}

func TestKinds(t *testing.T) {
	tests := []struct {
		frame string
		want  stream.Kind
	}{
		{"dabb c200 0000000000000001 00000000", stream.KindRequest},
		{"dabb 8200 0000000000000001 00000000", stream.KindOneWay},
		{"dabb 0214 0000000000000001 00000001 92", stream.KindResponse},
		{"dabb 4214 0000000000000001 00000001 92", stream.KindResponse},
		{"dabb e200 0000000000000001 00000001 4e", stream.KindHeartbeat},
		{"dabb e200 0000000000000001 00000000", stream.KindHeartbeat},
		{"dabb 2214 0000000000000001 00000001 4e", stream.KindHeartbeatAnswer},
		{"dabb a200 0000000000000001 00000002 0152", stream.KindGoAway},
		{"dabb b700 0000000000000001 00000006 000000024a52", stream.KindGoAway},
		{"dabb a600 0000000000000001 00000004 2252220a", stream.KindGoAway},
		{"dabb a600 0000000000000001 00000005 2252220d0a", stream.KindGoAway},
		{"dabb a700 0000000000000001 00000009 aced00057703000152", stream.KindGoAway},
		{"dabb a200 0000000000000001 00000002 0157", stream.KindEvent},
		{"dabb a200 0000000000000001 00000001 4e", stream.KindEvent},
		{"dabb a200 0000000000000001 00000000", stream.KindEvent},
		{"dabb a600 0000000000000001 00000003 22220a", stream.KindEvent},
		{"dabb a200 0000000000000001 00000022 20" + strings.Repeat("41", 32) + "52", stream.KindEvent},
	}
	for _, tt := range tests {
		b := unhex(t, tt.frame)
		h, _ := parse(t, b)
		var call stream.Call
		dubbo.New().(xprotocol.Previewer).Preview(b, &call)
		if h.RPC.Kind != tt.want || call.Kind != tt.want || call.ID != 1 || call.Serialization != b[2]&31 {
			t.Errorf("%s: kind %d, preview %+v, want %d", tt.frame, h.RPC.Kind, call, tt.want)
		}
	}
}

// TestException: an exception that a method throws is its answer, whatever its form. A
// failure of the provider's is none.
func TestException(t *testing.T) {
	tests := map[string]bool{
		"dabb 0214 0000000000000001 00000003 900178":      true,  // with no attachments
		"dabb 0214 0000000000000001 00000005 93017848 5a": true,  // with some
		"dabb 1714 0000000000000001 00000005 0000000100":  true,  // in fastjson2
		"dabb 0214 0000000000000001 00000003 910178":      false, // a value
		"dabb 0214 0000000000000001 00000001 92":          false, // null
		"dabb 0246 0000000000000001 00000002 0178":        false, // status 70
		"dabb 0250 0000000000000001 00000003 900178":      false, // status 80
		"dabb 0814 0000000000000001 00000001 00":          false, // in kryo, which is not read
		"dabb 0214 0000000000000001 00000001 99":          false, // not a type of answer
	}
	for frame, want := range tests {
		h, _ := parse(t, unhex(t, frame))
		if h.RPC.Exception != want || (h.RPC.Native == 20 && h.Status != 200) {
			t.Errorf("%s: exception %v, status %d, want %v", frame, h.RPC.Exception, h.Status, want)
		}
	}
}

func TestStatuses(t *testing.T) {
	tests := map[byte]int{
		20: 200, 25: 400, 30: 504, 31: 504, 35: 502, 40: 400, 50: 400, 60: 404, 70: 500, 80: 500, 90: 500, 100: 503, 0: 500, 255: 500,
	}
	for native, want := range tests {
		b := unhex(t, "dabb 0200 0000000000000001 00000002 0178")
		b[3] = native
		if native == 20 {
			b = unhex(t, "dabb 0214 0000000000000001 00000003 910178")
		}
		h, _ := parse(t, b)
		if h.Status != want || h.RPC.Native != uint32(native) {
			t.Errorf("%d: %d, %d, want %d", native, h.RPC.Native, h.Status, want)
		}
		if refused := native == 60 || native == 100; h.RPC.Refused != refused {
			t.Errorf("%d: refused %v", native, h.RPC.Refused)
		}
	}
}

// TestTimeouts: the timeout is an integer or a string, and not always there.
func TestTimeouts(t *testing.T) {
	tests := []struct {
		attachments string
		want        time.Duration
	}{
		{"07 74696d656f7574 cbe8", time.Second},
		{"07 74696d656f7574 04 31353030", 1500 * time.Millisecond},
		{"07 74696d656f7574 4c 00000000000007d0", 2 * time.Second},
		{"07 74696d656f7574 4c 7fffffffffffffff", (1<<31 - 1) * time.Millisecond},
		{"07 74696d656f7574 49 ffffffff", 0},
		{"07 74696d656f7574 02 2d31", 0},
		{"07 74696d656f7574 00", 0},
		{"07 74696d656f7574 0b 3939393939393939393939", 0},
		{"07 74696d656f7574 4e", 0},
		{"03 5f544f ca58 07 74696d656f7574 04 31353030", 1500 * time.Millisecond},
		{"07 74696d656f7574 04 31353030 03 5f544f ca58", 1500 * time.Millisecond},
		{"03 5f544f ca58", 600 * time.Millisecond},
		{"03 5f746f 03 363030", 600 * time.Millisecond},
	}
	for _, tt := range tests {
		body := unhex(t, "05322e302e32 0161 00 016d 00 48"+tt.attachments+"5a")
		h, _ := parse(t, join(1, unhex(t, "dabbc200000000000000000000000000"), body, nil))
		if h.RPC.Timeout != tt.want {
			t.Errorf("%s: %v, want %v", tt.attachments, h.RPC.Timeout, tt.want)
		}
	}
}

// TestServiceFromAttachments: a request that does not begin with its path.
func TestServiceFromAttachments(t *testing.T) {
	body := unhex(t, "05322e302e32 00 4e 016d 00 48 0470617468 0370617468 5a")
	body = slices.Replace(body, bytes.Index(body, []byte("\x03path")), len(body)-1, []byte("\x03a.b")...)
	h, content := parse(t, join(1, unhex(t, "dabbc200000000000000000000000000"), body, nil))
	if got := h.Path(); string(got) != "/a.b/m" || len(content) != 0 {
		t.Errorf("path %q, content %x", got, content)
	}
}
