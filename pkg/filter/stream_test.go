package filter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// stateless is a filter as most are: it looks at heads.
type stateless struct {
	filter.PassRequest
	filter.PassResponse
}

func (f *stateless) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, f }

func (*stateless) RequestHead(_ *filter.Stream, h *stream.Head, _ bool) filter.Status {
	if _, ok := h.Get("X-Blocked"); ok {
		return filter.Pause
	}
	return filter.Continue
}

// discard is an owner, and both ends.
type discard struct{ bytes int }

func (*discard) Reply(filter.Reply)                  {}
func (*discard) Settled()                            {}
func (e *discard) Flow(filter.Direction) stream.Flow { return e }
func (*discard) Pause()                              {}
func (*discard) Resume()                             {}
func (*discard) Head(*stream.Head, bool)             {}
func (*discard) Trailers(*stream.Header)             {}
func (*discard) Reset(stream.Reset)                  {}
func (e *discard) Data(d *buffer.Chain, _ bool) {
	e.bytes += d.Len()
	d.Clear()
}

// three returns what runs a stream through three stateless filters: a request
// without a body, and a response with one.
func three() (run func(), e *discard) {
	w := &filtertest.Worker{}
	env := &filter.Env{Worker: w, BufferLimit: 64 << 10}
	chain := filter.Chain{
		filter.NewLink("a", &stateless{}), filter.NewLink("b", &stateless{}), filter.NewLink("c", &stateless{}),
	}
	var request, response stream.Head
	request.SetMethod([]byte("GET"))
	request.Add("Accept", "*/*")
	response.Status = 200
	body := make([]byte, 1000)
	var d buffer.Chain
	d.Init(w.Buffers())
	e = &discard{}
	var s filter.Stream
	var info stream.Info
	return func() {
		s.Begin(env, chain, e, &info, e, e)
		s.Head(filter.RequestDirection, &request, true)
		s.Head(filter.ResponseDirection, &response, false)
		d.Append(body)
		s.Data(filter.ResponseDirection, &d, true)
		s.Finish()
	}, e
}

func TestStreamDoesNotAllocate(t *testing.T) {
	run, e := three()
	if n := testing.AllocsPerRun(1000, run); n != 0 {
		t.Errorf("a stream through 3 stateless filters costs %v allocations", n)
	}
	if e.bytes != 1001*1000 {
		t.Errorf("%d bytes arrived", e.bytes)
	}
}

func BenchmarkStream3Filters(b *testing.B) {
	run, _ := three()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
}

func TestReplace(t *testing.T) {
	a, b, c := &stateless{}, &stateless{}, &blocking{}
	chain := filter.Chain{filter.NewLink("a", a), filter.NewLink("b", a), filter.NewLink("a", b)}
	tests := []struct {
		name string
		by   map[string]filter.Filter
		want [3]filter.Filter
	}{
		{"nothing", nil, [3]filter.Filter{a, a, b}},
		{"a name that is not there", map[string]filter.Filter{"x": c}, [3]filter.Filter{a, a, b}},
		{"one", map[string]filter.Filter{"b": c}, [3]filter.Filter{a, c, b}},
		{"every one of a name", map[string]filter.Filter{"a": c}, [3]filter.Filter{c, a, c}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := chain.Replace(tt.by)
			for i := range got {
				if got[i].Filter != tt.want[i] || got[i].Name != chain[i].Name {
					t.Errorf("link %d is %q %p", i, got[i].Name, got[i].Filter)
				}
			}
			if diff := cmp.Diff([]string{"a", "b", "a"}, names(chain)); diff != "" || chain[0].Filter != a {
				t.Errorf("the chain itself was changed: %s", diff)
			}
		})
	}
	if got := filter.Chain(nil).Replace(map[string]filter.Filter{"a": c}); len(got) != 0 {
		t.Errorf("an empty chain became %v", got)
	}
}

func names(c filter.Chain) (all []string) {
	for _, l := range c {
		all = append(all, l.Name)
	}
	return all
}
