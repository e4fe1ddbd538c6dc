package filtertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// recorder takes the place of a test that is to fail.
type recorder struct{ errors []string }

func (*recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// failures runs all cases but the concurrent one, which is for -race, and returns
// what they found.
func failures(newFilter func() filter.Filter, o Options) []string {
	var r recorder
	for _, c := range cases() {
		if c.name == "workers do not disturb each other" {
			continue
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					r.Errorf("panic: %v", p)
				}
			}()
			c.run(&kit{reporter: &r, filter: newFilter(), opts: o})
		}()
	}
	return r.errors
}

// broken is a filter that does one thing wrong.
type broken struct {
	filter.PassRequest
	filter.PassResponse
	head func(s *filter.Stream) filter.Status
	data func(d *buffer.Chain, end bool) filter.Status
}

func (f *broken) Attach(*filter.Stream) (filter.Request, filter.Response) { return f, f }

func (f *broken) RequestHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	if f.head == nil {
		return filter.Continue
	}
	return f.head(s)
}

func (f *broken) RequestData(_ *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	if f.data == nil {
		return filter.Continue
	}
	return f.data(d, end)
}

func TestKitFinds(t *testing.T) {
	tests := []struct {
		name string
		make func() filter.Filter
		want string // in one of the failures; "": none
	}{
		{"a filter that does nothing wrong", func() filter.Filter { return &broken{} }, ""},
		{"a pause without end", func() filter.Filter {
			return &broken{head: func(*filter.Stream) filter.Status { return filter.Pause }}
		}, "keeps it for ever"},
		{"a change that was not declared", func() filter.Filter {
			return &broken{data: func(d *buffer.Chain, _ bool) filter.Status {
				d.AppendString("!")
				return filter.Continue
			}}
		}, "the body arrived as"},
		{"data that is lost when it comes in pieces", func() filter.Filter {
			return &broken{data: func(d *buffer.Chain, end bool) filter.Status {
				if !end {
					d.Clear()
				}
				return filter.Continue
			}}
		}, "the body arrived as"},
		{"state of a stream that is kept in the filter", func() filter.Filter {
			var last []byte
			return &broken{data: func(d *buffer.Chain, end bool) filter.Status {
				last = d.AppendTo(last)
				d.Clear()
				if end {
					d.Append(last)
					last = nil
				}
				return filter.Continue
			}}
		}, "the body arrived as"},
		{"data that is kept", func() filter.Filter {
			var kept buffer.Chain
			return &broken{data: func(d *buffer.Chain, end bool) filter.Status {
				if kept.Pool() != d.Pool() {
					kept.Init(d.Pool())
				}
				kept.Move(d)
				return filter.Continue
			}}
		}, "slabs are in use"},
		{"an allocation", func() filter.Filter {
			var kept []*int
			return &broken{head: func(*filter.Stream) filter.Status {
				kept = append(kept[:0], new(int))
				return filter.Continue
			}}
		}, "1 allocations"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := failures(tt.make, Options{Stateless: true})
			if tt.want == "" && len(got) > 0 {
				t.Errorf("%d failures: %s", len(got), got[0])
			}
			if tt.want != "" && !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, tt.want) }) {
				t.Errorf("%d failures, and none says %q", len(got), tt.want)
			}
		})
	}
}
