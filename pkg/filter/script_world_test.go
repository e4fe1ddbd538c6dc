package filter_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// world is a stream, its scripted filters and its owner, which write down what
// happens to them.
type world struct {
	t       *testing.T
	worker  *filtertest.Worker
	limit   int
	pool    []func()
	full    bool
	env     filter.Env
	s       filter.Stream
	filters map[string]*scripted
	inside  map[string]string
	log     []string
	begun   bool
	over    bool
	sent    bool // the response's head
	paused  [2]bool
}

func newWorld(t *testing.T) *world {
	return &world{t: t, worker: &filtertest.Worker{}, limit: 1000}
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

func (w *world) begin(names []string) {
	w.filters, w.inside = make(map[string]*scripted), make(map[string]string)
	w.full, w.over, w.begun, w.sent, w.paused = false, false, true, false, [2]bool{}
	var chain filter.Chain
	for _, n := range names {
		name, kind, _ := strings.Cut(n, ":")
		f := &scripted{w: w, name: name, kind: kind, script: make(map[string][]string)}
		w.filters[name] = f
		if kind == "blocking" {
			chain = append(chain, filter.NewLink(name, blocking{f}))
		} else {
			chain = append(chain, filter.NewLink(name, f))
		}
	}
	w.env = filter.Env{Worker: w.worker, Goroutines: w, Rand: func() uint64 { return 0 }, BufferLimit: w.limit}
	w.s.Begin(&w.env, chain, w, &stream.Info{}, sink{w, "upstream"}, sink{w, "downstream"})
}

func (w *world) finish() {
	if w.over || !w.begun {
		return
	}
	w.over = true
	if w.s.Finish() {
		w.note("finished")
	} else {
		w.note("finished, but for a hook elsewhere")
	}
}

// settle finishes the stream, if there is one, with all its hooks.
func (w *world) settle() {
	w.finish()
	for len(w.pool) > 0 {
		w.hook()
	}
	w.worker.Turn()
}

// hook runs the hook that was submitted first. A panic ends there, as in a pool.
func (w *world) hook() {
	if len(w.pool) == 0 {
		w.t.Fatal("no hook was submitted")
	}
	fn := w.pool[0]
	w.pool = w.pool[1:]
	defer func() {
		if p := recover(); p != nil {
			w.note("panic: %v", p)
		}
	}()
	fn()
}

// Submit keeps the hook until the script runs it.
func (w *world) Submit(fn func()) error {
	if w.full {
		return errors.New("full")
	}
	w.pool = append(w.pool, fn)
	return nil
}

func (w *world) Settled() { w.note("settled") }

// Reply answers as the proxy does: with a head and a body, through the stream.
func (w *world) Reply(r filter.Reply) {
	w.note("owner: reply %d %v", r.Status, r.Flags)
	if w.sent {
		w.note("owner: the response is reset")
		w.finish()
		return
	}
	w.s.Head(filter.ResponseDirection, &stream.Head{Status: r.Status, ContentLength: 2}, false)
	var b buffer.Chain
	b.Init(w.worker.Buffers())
	b.AppendString("no")
	w.s.Data(filter.ResponseDirection, &b, true)
}

func (w *world) Flow(d filter.Direction) stream.Flow { return flow{w, d} }

type flow struct {
	w *world
	d filter.Direction
}

func (f flow) Pause()  { f.set(true, "slowed down") }
func (f flow) Resume() { f.set(false, "resumed") }

func (f flow) set(pause bool, what string) {
	f.w.note("sender of the %s: %s", [...]string{"request", "response"}[f.d], what)
	if f.w.paused[f.d] == pause {
		f.w.t.Errorf("twice in a row")
	}
	f.w.paused[f.d] = pause
	if do, ok := f.w.inside[what]; ok {
		f.w.do(do, nil)
	}
}

type sink struct {
	w    *world
	name string
}

func (k sink) Head(h *stream.Head, end bool) {
	k.w.sent = k.w.sent || k.name == "downstream"
	what := string(h.Method())
	if h.Status != 0 {
		what = fmt.Sprint(h.Status)
	}
	if h.ContentLength >= 0 {
		what += fmt.Sprintf(" length=%d", h.ContentLength)
	}
	k.note("head", what+show(&h.Header), end)
}

func (k sink) Data(d *buffer.Chain, end bool) {
	text := short(d)
	d.Clear()
	k.note("data", text, end)
}

func (k sink) Trailers(t *stream.Header) { k.note("trailers", strings.TrimSpace(show(t)), true) }
func (k sink) Reset(stream.Reset)        { k.w.t.Errorf("the stream reset a sink") }

func (k sink) note(part, what string, end bool) {
	if k.w.over {
		k.w.t.Errorf("%s: %s after the end", k.name, part)
	}
	k.w.note("%s: %s %s%s", k.name, part, what, ending(end))
	if do, ok := k.w.inside[k.name+"."+part]; ok {
		delete(k.w.inside, k.name+"."+part)
		for step := range strings.SplitSeq(do, "+") {
			k.w.do(step, nil)
		}
	}
}

func ending(end bool) string {
	if end {
		return " end"
	}
	return ""
}

func short(d *buffer.Chain) string {
	if d.Len() > 20 {
		return fmt.Sprintf("%d bytes", d.Len())
	}
	return fmt.Sprintf("%q", d.AppendTo(nil))
}

// do does one step of a script. data is what the hook was given, if any.
func (w *world) do(step string, data *buffer.Chain) (status filter.Status) {
	name, rest, _ := strings.Cut(step, ":")
	switch name {
	case "continue":
	case "pause":
		return filter.Pause
	case "buffer":
		return filter.Buffer
	case "panic":
		panic("scripted")
	case "reply":
		w.s.Reply(filter.Reply{Status: number(w.t, rest)})
	case "resume-request":
		w.s.ResumeRequest()
	case "resume-response":
		w.s.ResumeResponse()
	case "append":
		data.AppendString(rest)
	case "clear":
		data.Clear()
	case "finish":
		w.finish()
	case "begin": // the owner uses the stream again, inside a call of it
		w.finish()
		w.begin(strings.Split(rest, ","))
	case "after":
		delay, then, _ := strings.Cut(rest, ":")
		d, err := time.ParseDuration(delay)
		if err != nil {
			w.t.Fatal(err)
		}
		w.s.AfterFunc(d, func() {
			w.note("after %v: %s", d, then)
			w.do(then, nil)
		})
	case "respond":
		w.part(filter.ResponseDirection, strings.Split(rest, ","))
	case "request":
		w.part(filter.RequestDirection, strings.Split(rest, ","))
	default:
		w.t.Fatalf("unknown step %q, known are %v", step, slices.Sorted(maps.Keys(w.filters)))
	}
	return filter.Continue
}

// scripted is a filter that does what its script says.
type scripted struct {
	w      *world
	name   string
	kind   string
	script map[string][]string
}

type blocking struct{ *scripted }

func (blocking) Blocks() {}

func (f *scripted) Attach(*filter.Stream) (filter.Request, filter.Response) {
	switch f.kind {
	case "request":
		return f, nil
	case "response":
		return nil, f
	}
	return f, f
}

// hook writes down the call and does the next step of the hook's script.
func (f *scripted) hook(name, what string, end bool, data *buffer.Chain) filter.Status {
	f.w.note("%s: %s %s%s", f.name, name, what, ending(end))
	steps := f.script[name]
	if f.kind == "pausing" {
		return filter.Pause
	}
	if len(steps) == 0 {
		return filter.Continue
	}
	f.script[name] = steps[1:]
	status := filter.Continue
	for step := range strings.SplitSeq(steps[0], "+") {
		status = max(status, f.w.do(step, data))
	}
	return status
}

func (f *scripted) RequestHead(_ *filter.Stream, h *stream.Head, end bool) filter.Status {
	h.Add(f.name, "1")
	return f.hook("request.head", string(h.Method()), end, nil)
}

func (f *scripted) RequestData(_ *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	return f.hook("request.data", short(d), end, d)
}

func (f *scripted) RequestTrailers(_ *filter.Stream, t *stream.Header) filter.Status {
	return f.hook("request.trailers", strings.TrimSpace(show(t)), true, nil)
}

func (f *scripted) ResponseHead(_ *filter.Stream, h *stream.Head, end bool) filter.Status {
	h.Add(f.name, "1")
	return f.hook("response.head", fmt.Sprint(h.Status), end, nil)
}

func (f *scripted) ResponseData(_ *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	return f.hook("response.data", short(d), end, d)
}

func (f *scripted) ResponseTrailers(_ *filter.Stream, t *stream.Header) filter.Status {
	return f.hook("response.trailers", strings.TrimSpace(show(t)), true, nil)
}

func (f *scripted) Finished(*filter.Stream) { f.w.note("%s: told that it is finished", f.name) }
