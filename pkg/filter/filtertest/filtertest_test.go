package filtertest_test

import (
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

func TestStamp(t *testing.T) {
	filtertest.Run(t, func() filter.Filter { return filtertest.Make(t, makeStamp, "") }, filtertest.Options{Stateless: true})
	x := filtertest.New(t, filtertest.Make(t, makeStamp, `{"value": "here"}`))
	x.RequestHead("GET", "/", true, "Content-Length", "0")
	x.ResponseHead(200, false)
	x.ResponseData("hello", false)
	x.ResponseTrailers("Checksum", "1")
	if v, _ := x.Upstream.Head.Get("X-Stamp"); string(v) != "here" || x.Upstream.Head.ContentLength != 0 {
		t.Errorf("the upstream got %q, length %d", v, x.Upstream.Head.ContentLength)
	}
	if v, _ := x.Downstream.Trailers.Get("Checksum"); string(x.Downstream.Body) != "hello" || string(v) != "1" {
		t.Errorf("the downstream got %q %q", x.Downstream.Body, v)
	}
}

// upper is a blocking filter that wants whole bodies and changes them.
type upper struct {
	filter.PassRequest
	filter.PassResponse
}

func (upper) Blocks() {}

func (f upper) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, f }

func (upper) RequestHead(*filter.Stream, *stream.Head, bool) filter.Status { return filter.Buffer }

func (upper) RequestData(_ *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	if !end {
		return filter.Buffer
	}
	d.AppendString("!")
	return filter.Continue
}

func (upper) ResponseData(_ *filter.Stream, _ *buffer.Chain, end bool) filter.Status {
	return filter.Buffer
}

func TestBlocking(t *testing.T) {
	filtertest.Run(t, func() filter.Filter { return upper{} }, filtertest.Options{Changes: true})
}

func TestTryMake(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{`{"value": "x"}`, ""},
		{"null", ""},
		{"{\n  \"valu\": \"x\"}", `2:3: valu: unknown key (did you mean "value"?)`},
		{`{"value": }`, "1:11: "},
		{"", ""},
	} {
		_, problems := filtertest.TryMake(makeStamp, tt.config)
		if got := problems.Error(); len(got) < len(tt.want) || got[:len(tt.want)] != tt.want || tt.want == "" && got != "" {
			t.Errorf("%q: %s", tt.config, got)
		}
	}
}

// alarm writes down when it ran out, and may set itself again.
type alarm struct {
	eventloop.Timer
	w     *filtertest.Worker
	at    []time.Duration
	again time.Duration
}

func (a *alarm) Expired(t *eventloop.Timer) {
	a.at = append(a.at, a.w.Now())
	if a.again > 0 {
		a.w.Schedule(t, a.again, a)
		a.again = 0
	}
}

func TestWorkerTime(t *testing.T) {
	w := &filtertest.Worker{}
	a, b, c := &alarm{w: w, again: 5 * time.Second}, &alarm{w: w}, &alarm{w: w}
	w.Schedule(&a.Timer, 2*time.Second, a)
	w.Schedule(&b.Timer, time.Second, b)
	w.Schedule(&b.Timer, 3*time.Second, b) // moved
	w.Schedule(&c.Timer, time.Second, c)
	w.Cancel(&c.Timer)
	w.Advance(10 * time.Second)
	if len(a.at) != 2 || a.at[0] != 2*time.Second || a.at[1] != 7*time.Second {
		t.Errorf("a ran out at %v", a.at)
	}
	if len(b.at) != 1 || b.at[0] != 3*time.Second || len(c.at) != 0 {
		t.Errorf("b ran out at %v, c at %v", b.at, c.at)
	}
	if w.Timers() != 0 || w.Now() != 10*time.Second {
		t.Errorf("%d timers, at %v", w.Timers(), w.Now())
	}
}
