package variable

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/stream/streamtest"
)

// request is a request of which everything is known.
func request() *stream.Info {
	var req, resp stream.Head
	req.Clear()
	req.SetMethod([]byte("POST"))
	req.SetScheme("https")
	req.SetPath([]byte("/a/b?x=1&y=two+words%21&x=2&e&%7A=%zz%4"))
	req.Add("Host", "old")
	req.SetAuthority([]byte("shop.example:8080"))
	req.Add("User-Agent", "curl/8")
	req.Add("Cookie", "a=1; session=s3cr=t")
	req.Add("cookie", "session=second;b=2")
	req.Add("X-Request-Id", "r-1")
	req.Add("X-Empty", "")
	resp.Clear()
	resp.Status = 503
	resp.Add("Server", "weir")
	resp.Add("X-Up", "u")
	return &stream.Info{
		Request: &req, Response: &resp,
		PathOriginal: []byte("/a/./b?x=1"),
		Protocol:     "Http1", UpstreamProtocol: "Http2",
		Downstream: streamtest.Between(7, "[::ffff:10.0.0.1]:1234", "[2001:db8::1]:80"),
		Upstream:   streamtest.Between(8, "", "10.0.0.2:5678"),
		Listener:   "in", VirtualHost: "vh", Route: "r", Cluster: "c", UpstreamHost: "10.0.0.3:9090",
		Failure:         "connect failed",
		Start:           time.Date(2026, 3, 4, 5, 6, 7, 89_999_999, time.Local),
		RequestReceived: 1500 * time.Microsecond, ResponseReceived: 20 * time.Millisecond, Duration: 21*time.Millisecond + 1,
		BytesReceived: 11, BytesSent: 22, Status: 503, Tries: 3,
		Flags: stream.UpstreamConnectFailure | stream.RetriesExhausted,
	}
}

func TestAppend(t *testing.T) {
	for name, want := range map[string]string{
		"start_time":                        "2026/03/04 05:06:07.089",
		"request_received_duration":         "1.5ms",
		"response_received_duration":        "20ms",
		"request_finished_duration":         "21.000001ms",
		"duration":                          "21.000001ms",
		"process_time_duration":             "2.500001ms",
		"response_code":                     "503",
		"x-mosn-status":                     "503",
		"response_flag":                     "true",
		"response_flags":                    "UF,URX",
		"upstream_transport_failure_reason": "connect failed",
		"bytes_sent":                        "22",
		"bytes_received":                    "11",
		"tries":                             "3",
		"retries":                           "2",
		"protocol":                          "Http1",
		"downstream_protocol":               "Http1",
		"upstream_protocol":                 "Http2",
		"connection_id":                     "7",
		"upstream_connection_id":            "8",
		"upstream_local_address":            "10.0.0.2:5678",
		"downstream_local_address":          "[2001:db8::1]:80",
		"downstream_remote_address":         "10.0.0.1:1234",
		"listener_port":                     "80",
		"listener":                          "in",
		"listener_name":                     "in",
		"virtual_host":                      "vh",
		"route_name":                        "r",
		"upstream_cluster":                  "c",
		"upstream_host":                     "10.0.0.3:9090",
		"request_method":                    "POST",
		"x-mosn-method":                     "POST",
		"request_scheme":                    "https",
		"x-mosn-scheme":                     "https",
		"x-mosn-host":                       "shop.example:8080",
		"authority":                         "shop.example:8080",
		"request_uri":                       "/a/b?x=1&y=two+words%21&x=2&e&%7A=%zz%4",
		"request_path":                      "/a/b",
		"x-mosn-path":                       "/a/b",
		"request_path_original":             "/a/./b",
		"x-mosn-path-original":              "/a/./b",
		"request_arg":                       "x=1&y=two+words%21&x=2&e&%7A=%zz%4",
		"x-mosn-querystring":                "x=1&y=two+words%21&x=2&e&%7A=%zz%4",
		"request_arg_x":                     "1",
		"request_arg_y":                     "two words!",
		"request_arg_e":                     "",
		"request_arg_z":                     "%zz%4",
		"request_header_user-agent":         "curl/8",
		"request_header_X-EMPTY":            "",
		"request_header_Host":               "shop.example:8080",
		"response_header_server":            "weir",
		"response_header_x-up":              "u",
		"cookie_a":                          "1",
		"cookie_session":                    "s3cr=t",
		"cookie_b":                          "2",
		"trace_id":                          "r-1",
		"Http1_request_method":              "POST",
		"Http1_cookie_a":                    "1",
	} {
		got, ok := parse(t, name).Append([]byte(">"), request())
		if !ok || string(got) != ">"+want {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, want)
		}
	}
}

func TestAbsent(t *testing.T) {
	in := request()
	for _, name := range []string{
		"requested_server_name", "x-mosn-rpc-service", "x-mosn-rpc-method", "request_header_x-none", "response_header_x-none",
		"cookie_c", "cookie_A", "request_arg_X", "request_arg_zz", "Http2_request_method", "Http2_request_header_host",
	} {
		if got, ok := parse(t, name).Append([]byte(">"), in); ok || string(got) != ">" {
			t.Errorf("%s: %q, %v; want nothing", name, got, ok)
		}
	}
}

// TestEmptyInfo asks for every name when nothing is known yet.
func TestEmptyInfo(t *testing.T) {
	known := map[string]string{
		"request_received_duration": "0s", "response_received_duration": "0s", "request_finished_duration": "0s",
		"duration": "0s", "process_time_duration": "0s", "response_code": "0", "response_flag": "false",
		"bytes_sent": "0", "bytes_received": "0", "tries": "0", "retries": "0",
	}
	for _, name := range Names() {
		want, known := known[name]
		got, ok := parse(t, name).Append(nil, &stream.Info{})
		if ok != known || string(got) != want {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, ok, want, known)
		}
	}
}

func TestTraceID(t *testing.T) {
	const w3c = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, c := range []struct {
		header [][2]string
		want   string
	}{
		{[][2]string{{"x-request-id", "r"}, {"sofa-traceid", "s"}}, "s"},
		{[][2]string{{"X-B3-TraceId", "b"}, {"SOFA-TraceId", "s"}, {"X-Request-Id", "r"}}, "b"},
		{[][2]string{{"X-B3-TraceId", "b"}, {"Traceparent", w3c}}, "0af7651916cd43dd8448eb211c80319c"},
		{[][2]string{{"Traceparent", w3c[:35]}, {"X-Request-Id", "r"}}, "r"},
		{[][2]string{{"Traceparent", "garbage"}, {"X-B3-TraceId", ""}}, ""},
		{nil, ""},
	} {
		var h stream.Head
		for _, f := range c.header {
			h.Add(f[0], f[1])
		}
		got, ok := parse(t, "trace_id").Append(nil, &stream.Info{Request: &h})
		if string(got) != c.want || ok != (c.want != "") {
			t.Errorf("%v: %q, %v; want %q", c.header, got, ok, c.want)
		}
	}
}

func TestRequestLength(t *testing.T) {
	var h stream.Head
	h.SetMethod([]byte("GET"))
	h.SetPath([]byte("/x"))
	h.Add("Host", "a")
	want := len("GET /x HTTP/1.1\r\nHost: a\r\n\r\n") + 5
	got, ok := requestLength(&stream.Info{Request: &h, BytesReceived: 5})
	if !ok || got != uint64(want) {
		t.Errorf("%d, %v; want %d", got, ok, want)
	}
}

func TestAppendNumber(t *testing.T) {
	in := request()
	for name, want := range map[string]string{
		"bytes_sent": "22", "duration": "21.000001", "request_received_duration": "1.5", "response_received_duration": "20",
	} {
		if got, ok := parse(t, name).AppendNumber(nil, in); !ok || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, want)
		}
	}
	if got, ok := parse(t, "route_name").AppendNumber(nil, in); ok || len(got) > 0 {
		t.Errorf("route_name: %q, %v; want nothing", got, ok)
	}
}

func TestTokensNeedNoEscaping(t *testing.T) {
	tokens := 0
	for _, name := range Names() {
		v := parse(t, name)
		if v.Kind() != Token {
			continue
		}
		tokens++
		got, _ := v.Append(nil, request())
		for _, c := range got {
			if c < ' ' || c > '~' || c == '"' || c == '\\' {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	if tokens == 0 {
		t.Error("there are no tokens")
	}
}

func TestParseUnknown(t *testing.T) {
	for name, near := range map[string]string{
		"star_time":             `"start_time"`,
		"Response_Code":         `"response_code"`,
		"request-header_Accept": `"request_header_Accept"`,
		"request_header_":       `"request_header_X"`,
		"cookie_":               `"cookie_X"`,
		"Http1_duration":        "",
		"":                      "",
		"zzzzzzzzzzzzzzzz":      "",
		strings.Repeat("a", 99): "",
	} {
		_, err := Parse(name)
		if err == nil {
			t.Errorf("%q: no error", name)
			continue
		}
		if near == "" && strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error(), near) {
			t.Errorf("%q: %v; want %s named", name, err, near)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for format, want := range map[string]string{
		"":                               "",
		"plain":                          "[plain]",
		"%duration%":                     "{duration}",
		"%duration%%protocol%":           "{duration}{protocol}",
		"a %duration% b":                 "[a ]{duration}[ b]",
		"100%% %duration%%%%protocol%%%": "[100% ]{duration}[%]{protocol}[%]",
		`5\% of %duration%`:              "[5% of ]{duration}",
	} {
		pieces, unknown, err := ParseFormat(format)
		if err != nil || len(unknown) > 0 {
			t.Errorf("%q: %v, %v", format, unknown, err)
		}
		var got strings.Builder
		for _, p := range pieces {
			if p.IsVar {
				got.WriteString("{" + p.Variable.Name() + "}")
			} else {
				got.WriteString("[" + p.Text + "]")
			}
		}
		if got.String() != want {
			t.Errorf("%q: %s; want %s", format, got.String(), want)
		}
	}
	for _, format := range []string{"%", "%duration", "a % b", "%duration%%"} {
		if _, _, err := ParseFormat(format); err == nil {
			t.Errorf("%q: no error", format)
		}
	}
}

// TestParseFormatUnknown: no request has what nobody knows.
func TestParseFormatUnknown(t *testing.T) {
	pieces, unknown, err := ParseFormat("%durations% %nothing%%protocol%")
	if err != nil || len(unknown) != 2 || !strings.Contains(unknown[0].Error(), `"durations": did you mean "duration"`) {
		t.Fatalf("%v, %v", unknown, err)
	}
	for _, at := range []int{0, 2} {
		v := pieces[at].Variable
		if got, ok := v.Append([]byte("x"), request()); ok || string(got) != "x" || v.Kind() != Token {
			t.Errorf("%s: %q, %v", v.Name(), got, ok)
		}
		if _, ok := v.AppendNumber(nil, request()); ok {
			t.Errorf("%s is a number", v.Name())
		}
	}
}

func TestDurationIsGos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// By magnitude, so that every unit comes up.
		d := time.Duration(rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "d") >> rapid.IntRange(0, 62).Draw(t, "shift"))
		if got := string(appendDuration(nil, d)); got != d.String() {
			t.Fatalf("%s, want %s", got, d)
		}
	})
}

func TestAppendDoesNotAllocate(t *testing.T) {
	in := request()
	dst := make([]byte, 0, 4096)
	for _, name := range Names() {
		v := parse(t, name)
		if n := testing.AllocsPerRun(100, func() { v.Append(dst, in) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func FuzzParseFormat(f *testing.F) {
	f.Add("%start_time% %% %request_header_x%")
	f.Add(`\%%`)
	in := request()
	f.Fuzz(func(t *testing.T, format string) {
		pieces, _, err := ParseFormat(format)
		if err != nil {
			return
		}
		for i, p := range pieces {
			if p.IsVar {
				p.Variable.Append(nil, in)
			} else if p.Text == "" || i > 0 && !pieces[i-1].IsVar {
				t.Fatalf("%q: piece %d is empty, or the second text in a row", format, i)
			}
		}
	})
}

func parse(t *testing.T, name string) Variable {
	t.Helper()
	v, err := Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCalled: what is called is known of RPC requests, whether their head is a frame
// or is described.
func TestCalled(t *testing.T) {
	in := request()
	in.Request.Describe([]byte("pkg.Service"), []byte("Method"), nil, nil)
	for name, want := range map[string]string{"x-mosn-rpc-service": "pkg.Service", "x-mosn-rpc-method": "Method"} {
		if got, ok := parse(t, name).Append(nil, in); !ok || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, ok)
		}
	}
}
