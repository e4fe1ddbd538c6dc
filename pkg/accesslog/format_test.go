package accesslog

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/stream/streamtest"
)

func info() *stream.Info {
	var req, resp stream.Head
	req.SetMethod([]byte("GET"))
	req.SetPath([]byte("/a?b=c"))
	req.Add("User-Agent", "curl/8")
	req.Add("X-Request-Id", "r-1")
	resp.Status = 200
	return &stream.Info{
		Request: &req, Response: &resp, Protocol: "Http1",
		Downstream:   streamtest.Between(7, "10.0.0.1:1234", "10.0.0.9:80"),
		Upstream:     streamtest.Between(8, "", "10.0.0.2:5678"),
		UpstreamHost: "10.0.0.3:9090", Route: "r",
		Start:           time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local),
		RequestReceived: time.Millisecond, ResponseReceived: 2 * time.Millisecond, Duration: 2500 * time.Microsecond,
		BytesReceived: 11, BytesSent: 22, Status: 200, Tries: 1,
	}
}

// everyValue is a JSON format with variables of every kind and place.
var everyValue = config.FormatFields{
	{Name: "agent", Format: "%request_header_user-agent%"},
	{Name: "none", Format: "%request_header_none%"},
	{Name: "status", Format: "%response_code%"},
	{Name: "ms", Format: "%duration%"},
	{Name: "up", Format: "%upstream_connection_id%"},
	{Name: "from", Format: "%downstream_remote_address%"},
	{Name: "flags", Format: "%response_flags%"},
	{Name: `q"`, Format: "say \"%request_uri%\" %request_header_none% 100%% %duration%"},
	{Name: "fixed", Format: "a\tb"},
	{Name: "empty", Format: ""},
}

func TestRecords(t *testing.T) {
	quiet := info()
	quiet.Upstream = nil
	quiet.Request.Set("User-Agent", "a \"b\"\r\nforged\\")
	for _, c := range []struct {
		log  config.AccessLog
		in   *stream.Info
		want string
	}{
		{config.AccessLog{}, info(), "2026/03/04 05:06:07.000 r-1  7 8 1ms 2ms 22 11 Http1 200 2.5ms false 200 " +
			"10.0.0.2:5678 10.0.0.9:80 10.0.0.1:1234 10.0.0.3:9090\n"},
		{config.AccessLog{}, &stream.Info{}, "- -  - - 0s 0s 0 0 - 0 0s false 0 - - - -\n"},
		{config.AccessLog{Format: `100%% "%request_header_user-agent%"`}, quiet,
			`100% "a \x22b\x22\x0D\x0Aforged\x5C"` + "\n"},
		{config.AccessLog{JSONFormat: everyValue}, info(),
			`{"agent":"curl/8","none":null,"status":200,"ms":2.5,"up":8,"from":"10.0.0.1:1234","flags":null,"q\"":"say \"/a?b=c\" - 100% 2.5ms","fixed":"a\tb","empty":""}` + "\n"},
		{config.AccessLog{JSONFormat: everyValue}, quiet,
			`{"agent":"a \"b\"\r\nforged\\","none":null,"status":200,"ms":2.5,"up":null,"from":"10.0.0.1:1234","flags":null,"q\"":"say \"/a?b=c\" - 100% 2.5ms","fixed":"a\tb","empty":""}` + "\n"},
	} {
		if diff := cmp.Diff(c.want, record(t, &c.log, c.in)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct {
		log  config.AccessLog
		want string
	}{
		{config.AccessLog{Format: "%start_time"}, `log_format: the % before "start_time" is not closed`},
		{config.AccessLog{JSONFormat: config.FormatFields{{Name: "a", Format: "%x"}}}, `json_format: field "a": `},
		{config.AccessLog{JSONFormat: config.FormatFields{{Name: "a"}, {Name: "a"}}}, `json_format: the field "a" is there twice`},
	} {
		if _, err := Compile(&c.log); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// TestUnknownNames: a name that nobody knows is told of, and written as MOSN writes it.
func TestUnknownNames(t *testing.T) {
	text := config.AccessLog{Format: "%star_time%|%no%|%response_code%"}
	if got := record(t, &text, &stream.Info{Status: 200}); got != "-|-|200\n" {
		t.Errorf("text: %q", got)
	}
	fields := config.AccessLog{JSONFormat: config.FormatFields{{Name: "a", Format: "%star_time%"}, {Name: "b", Format: "x%star_time%"}}}
	if got := record(t, &fields, &stream.Info{}); got != `{"a":null,"b":"x-"}`+"\n" {
		t.Errorf("json: %q", got)
	}
	for log, want := range map[*config.AccessLog]string{
		&text:   `[there is no variable "star_time": did you mean "start_time"? there is no variable "no"]`,
		&fields: `[field "a": there is no variable "star_time": did you mean "start_time"? field "b": there is no variable "star_time": did you mean "start_time"?]`,
	} {
		f, err := Compile(log)
		if err != nil || fmt.Sprint(f.Unknown()) != want {
			t.Errorf("%v, %v", f.Unknown(), err)
		}
	}
}

func TestEscapes(t *testing.T) {
	for _, c := range []struct{ in, text, json string }{
		{"plain", "plain", "plain"},
		{"é日", "é日", "é日"},
		{"\x00\x1b[0m\x7f", `\x00\x1B[0m\x7F`, `\u0000\u001B[0m\u007F`},
		{"\xff\xc3", `\xFF\xC3`, `\ufffd\ufffd`},
		{"\u009b\u2028\u2029", `\xC2\x9B\xE2\x80\xA8\xE2\x80\xA9`, `\u009B\u2028\u2029`},
		{"\u202e", `\xE2\x80\xAE`, "\u202e"},
		{"\ufffd", "\ufffd", "\ufffd"},
	} {
		if got := string(appendText(nil, []byte(c.in))); got != c.text {
			t.Errorf("text of %q: %s, want %s", c.in, got, c.text)
		}
		if got := string(appendJSON(nil, []byte(c.in))); got != c.json {
			t.Errorf("json of %q: %s, want %s", c.in, got, c.json)
		}
	}
}

func TestLongValueIsCut(t *testing.T) {
	in := info()
	in.Request.Set("User-Agent", strings.Repeat("a", maxValue+1))
	got := record(t, &config.AccessLog{Format: "%request_header_user-agent%"}, in)
	if want := strings.Repeat("a", maxValue) + "...\n"; got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

// FuzzRecord checks that no value can forge or break a record.
func FuzzRecord(f *testing.F) {
	for _, s := range []string{"", "curl", "\r\n{}", "\"\\", "\xff\x80", "\u2028\u009b\ufffd", strings.Repeat("\x01", 9000)} {
		f.Add([]byte(s), []byte(s))
	}
	inJSON, err := Compile(&config.AccessLog{JSONFormat: everyValue})
	if err != nil {
		f.Fatal(err)
	}
	inText, err := Compile(&config.AccessLog{Format: `"%request_header_user-agent%" "%request_uri%"`})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, agent, path []byte) {
		var scratch []byte
		in := info()
		in.Request.SetBytes("User-Agent", agent)
		in.Request.SetPath(path)

		line := string(inJSON.append(nil, &scratch, in))
		checkLine(t, line)
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if len(agent) <= maxValue && utf8.Valid(agent) && fields["agent"] != string(agent) {
			t.Fatalf("agent %q, want %q", fields["agent"], agent)
		}

		line = string(inText.append(nil, &scratch, in))
		checkLine(t, line)
		if strings.Count(line, `"`) != 4 {
			t.Fatalf("a quote got through: %q", line)
		}
	})
}

func checkLine(t *testing.T, line string) {
	t.Helper()
	if !strings.HasSuffix(line, "\n") || !utf8.ValidString(line) {
		t.Fatalf("not a line of UTF-8: %q", line)
	}
	if i := strings.IndexFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }); i >= 0 {
		t.Fatalf("a control character at %d: %q", i, line)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	for name, log := range map[string]config.AccessLog{
		"text": {}, "JSON": {JSONFormat: everyValue},
	} {
		w, in := discard(t, &log), info()
		w.Append(in) // makes the page and the scratch memory
		if n := testing.AllocsPerRun(5000, func() { w.Append(in) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkText(b *testing.B) { benchmark(b, &config.AccessLog{}) }
func BenchmarkJSON(b *testing.B) { benchmark(b, &config.AccessLog{JSONFormat: everyValue}) }

func benchmark(b *testing.B, c *config.AccessLog) {
	w, in := discard(b, c), info()
	b.ReportAllocs()
	for b.Loop() {
		w.Append(in)
	}
}

// discard returns a Writer whose pages come back at once.
func discard(t testing.TB, c *config.AccessLog) *Writer {
	t.Helper()
	format, err := Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{counts: &counts{}, full: make(chan batch, 1)}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case b := <-f.full:
				b.release()
			case <-stop:
				return
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-done })
	files := NewFiles(slog.New(slog.DiscardHandler))
	files.open["/log"] = f
	return NewWorker(files).Writer(&Log{path: "/log", format: format})
}

func record(t *testing.T, c *config.AccessLog, in *stream.Info) string {
	t.Helper()
	f, err := Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	var scratch []byte
	return string(f.append(nil, &scratch, in))
}
