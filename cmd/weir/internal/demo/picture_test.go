package demo

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixedView is a view whose numbers fill their columns.
func fixedView() *view {
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	v := &view{
		address: "127.0.0.1:2045", notice: "Ports 8081, 8082, 8083, 2045, 34901 are taken: free ones are used instead.",
		files: "/tmp/weir-demo-1234567890", log: "/tmp/weir-demo-1234567890/access.log",
		try:     commands("127.0.0.1:2045", "/tmp/weir-demo-1234567890/bolt.call", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 34901}),
		elapsed: 7 * time.Second, rate: 199.6, routePeak: 80, hostPeak: 80,
	}
	v.now = sample{
		listener: counts{total: 1400, open: 20, p50: ms(0.31), p99: ms(502)},
		codes:    [6]int64{0, 0, 1398, 0, 1, 1}, delayed: 153, aborted: 2, retries: 93, upstream: 12,
	}
	v.routes = []row{
		{label: label{name: "bolt", target: "cluster bolt"}, counts: counts{total: 230, p50: ms(0.2), p99: ms(1.1)}, rate: 33},
		{label: label{name: "dubbo", target: "cluster dubbo"}, counts: counts{total: 231, failed: 1, p50: ms(0.2), p99: ms(1.1)}, rate: 33},
		{label: label{name: "grpc", target: "cluster grpc"}, counts: counts{total: 232, p50: ms(0.2), p99: ms(1.1)}, rate: 28},
		{label: label{name: "/hello", target: "weir itself"}, counts: counts{total: 420, p50: 900, p99: ms(0.3)}, rate: 60},
		{label: label{name: "/flaky", target: "cluster flaky"}, counts: counts{total: 280, failed: 1, retried: 93, p50: ms(0.4), p99: ms(12.3)}, rate: 39.4},
		{label: label{name: "/slow", target: "cluster shop"}, counts: counts{total: 140, p50: ms(502), p99: ms(12_345)}, rate: 0},
		{label: label{name: "/", target: "cluster shop"}, counts: counts{total: 999_999}, rate: 80},
	}
	v.hosts = []row{
		{label: label{name: "shop", target: "127.0.0.1:54321 x3"}, counts: counts{total: 520, open: 5, p50: ms(0.2), p99: ms(1.5)}, rate: 75},
		{label: label{name: "shop", target: "127.0.0.1:8082 x1"}, counts: counts{total: 170, open: 2, p50: ms(0.2), p99: ms(1.5)}, rate: 25.5},
		{label: label{name: "flaky", target: "127.0.0.1:8083"}, counts: counts{total: 140, failed: 46, open: 3, p50: ms(0.2), p99: ms(1.5)}, rate: 20},
		{label: label{name: "flaky", target: "127.0.0.1:54321"}, counts: counts{total: 140, open: 2, p50: ms(99.9), p99: ms(9999)}, rate: 1},
		{label: label{name: "bolt", target: "127.0.0.1:8084"}, counts: counts{total: 230, open: 2, p50: ms(0.1), p99: ms(0.9)}, rate: 33},
		{label: label{name: "dubbo", target: "127.0.0.1:8085"}, counts: counts{total: 231, open: 2, p50: ms(0.1), p99: ms(0.9)}, rate: 33},
		{label: label{name: "grpc", target: "127.0.0.1:8086"}, counts: counts{total: 232, open: 2, p50: ms(0.1), p99: ms(0.9)}, rate: 28},
	}
	v.hosts[1].state, v.hosts[3].state = "ejected", "unhealthy"
	return v
}

func TestPicture(t *testing.T) {
	for _, c := range []struct {
		width int
		style style
		name  string
	}{
		{80, style{}, "picture_80"},
		{80, style{ascii: true}, "picture_80_ascii"},
		{80, style{colour: true}, "picture_80_colour"},
		{120, style{}, "picture_120"},
		{40, style{}, "picture_40"},
	} {
		got := strings.Join(picture(fixedView(), c.width, c.style), "\n") + "\n"
		file := filepath.Join("testdata", c.name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
		}
	}
}

// TestPictureFits: at every width no line is longer, colours change nothing but
// colours, and 24 lines hold everything.
func TestPictureFits(t *testing.T) {
	colours := regexp.MustCompile("\x1b\\[[0-9]*m")
	for width := range 200 {
		bare := picture(fixedView(), width, style{})
		for _, line := range bare {
			if n := utf8.RuneCountInString(line); n > width {
				t.Fatalf("%d columns instead of %d: %q", n, width, line)
			}
		}
		if len(bare) != 24 {
			t.Fatalf("%d lines at width %d", len(bare), width)
		}
		inColour := picture(fixedView(), width, style{colour: true})
		for i, line := range inColour {
			if got := strings.TrimRight(colours.ReplaceAllString(line, ""), " "); got != bare[i] {
				t.Fatalf("in colour %q, without %q", got, bare[i])
			}
		}
		ascii := strings.Join(picture(fixedView(), width, style{ascii: true}), "")
		if i := strings.IndexFunc(ascii, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
			t.Fatalf("not ASCII: %q", ascii[i:])
		}
	}
}

// TestNews: a server that died is told of before ports are, and not longer than it
// is news.
func TestNews(t *testing.T) {
	f := &fate{Outage: Outage{After: 2 * time.Second, For: 3 * time.Second, Every: 10 * time.Second}}
	for elapsed, want := range map[time.Duration]bool{
		0: false, 1999 * time.Millisecond: false, 2 * time.Second: true, 4999 * time.Millisecond: true, 5 * time.Second: false,
		11 * time.Second: false, 12 * time.Second: true, 15 * time.Second: false, 1002 * time.Second: true,
	} {
		if got := f.is(elapsed); got != want {
			t.Errorf("gone after %v: %v", elapsed, got)
		}
	}
	f.Every = 0
	if f.is(12 * time.Second) {
		t.Error("it dies twice")
	}

	at := func(d time.Duration) time.Time { return time.Unix(0, 0).Add(d) }
	f.server, f.lost = &web{address: "127.0.0.1:54321"}, 5
	if got := f.news(at(0), 5); got != "" {
		t.Errorf("it never died: %s", got)
	}
	f.times, f.gone, f.since = 1, true, at(0)
	if got, want := f.news(at(2*time.Second), 6), "127.0.0.1:54321 was killed 2 s ago. Requests that failed since then: 1."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	f.gone = false
	v := fixedView()
	v.news = f.news(at(toldFor-1), 5)
	if got, want := picture(v, 80, style{})[9], "127.0.0.1:54321 is back. Requests that failed since it was killed: 0."; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := f.news(at(toldFor), 5); got != "" {
		t.Errorf("old news: %s", got)
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		rate, peak  float64
		eighths     string
		wholeColumn string
	}{
		{0, 0, "    |", "    |"},
		{0, 8, "    |", "    |"},
		{1, 32, "▏   |", "    |"},
		{15, 32, "█▉  |", "##  |"},
		{32, 32, "████|", "####|"},
		{99, 32, "████|", "####|"},
		{31.9, 32, "████|", "####|"},
	} {
		for _, ascii := range []bool{false, true} {
			p := &pen{style: style{ascii: ascii}, width: 80}
			p.bar(c.rate, c.peak, 4)
			got, want := p.put(tty.Plain, "|").next().lines[0], c.eighths
			if ascii {
				want = c.wholeColumn
			}
			if got != want {
				t.Errorf("%v of %v: %q, want %q", c.rate, c.peak, got, want)
			}
		}
	}
}

func TestMillis(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "-"}, {1, "<0.01ms"}, {10 * time.Microsecond, "0.01ms"}, {9990 * time.Microsecond, "9.99ms"},
		{12_340 * time.Microsecond, "12.3ms"}, {502 * time.Millisecond, "502ms"}, {5 * time.Second, "5000ms"}, {time.Minute, "60.0s"},
	} {
		if got := millis(c.d); got != c.want {
			t.Errorf("%v: %s, want %s", c.d, got, c.want)
		}
	}
}

// TestRates: rates are over the last second, and bars keep the scale of the
// highest.
func TestRates(t *testing.T) {
	r := &reader{routes: []label{{name: "/"}}, hosts: []label{{name: "shop"}}}
	begin := time.Unix(0, 0)
	var h history
	var v view
	at := func(d time.Duration, total int64) {
		c := counts{total: total}
		h.add(sample{at: begin.Add(d), listener: c, routes: []counts{c}, hosts: []counts{c}})
		h.describe(&v, r)
	}
	for i, step := range []struct {
		at         time.Duration
		total      int64
		rate, peak float64
	}{
		{0, 0, 0, 0},
		{500 * time.Millisecond, 50, 100, 100},
		{time.Second, 100, 100, 100},
		{1500 * time.Millisecond, 350, 300, 300},
		{2 * time.Second, 350, 250, 300},
		{10 * time.Second, 430, 10, 300},
		{10 * time.Second, 430, 10, 300},
	} {
		at(step.at, step.total)
		got := fmt.Sprint(v.rate, v.routes[0].rate, v.hosts[0].rate, v.routePeak, v.hostPeak)
		want := fmt.Sprint(step.rate, step.rate, step.rate, step.peak, step.peak)
		if got != want {
			t.Errorf("step %d: %s, want %s", i, got, want)
		}
	}
}
