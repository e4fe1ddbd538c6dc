package filter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// witness sees responses, stops them at random, and may move trailers into the
// body. It checks that what it sees is a message.
type witness struct {
	statuses []filter.Status
	moves    bool // appends to the body, before the trailers
	empties  bool // and leaves none

	body    string
	faults  []string
	ended   bool
	buffers bool // it said Buffer, and is shown a piece again
}

func (w *witness) Attach(*filter.Stream) (filter.Request, filter.Response) { return nil, w }

func (w *witness) next(s *filter.Stream) filter.Status {
	if len(w.statuses) == 0 {
		return filter.Continue
	}
	status := w.statuses[0]
	w.statuses = w.statuses[1:]
	if status == filter.Pause {
		s.AfterFunc(time.Millisecond, s.ResumeResponse)
	}
	return status
}

func (w *witness) ResponseHead(s *filter.Stream, _ *stream.Head, end bool) filter.Status {
	w.ended = end
	status := w.next(s)
	w.buffers = status == filter.Buffer
	return status
}

func (w *witness) ResponseData(s *filter.Stream, d *buffer.Chain, end bool) filter.Status {
	if w.ended {
		w.faults = append(w.faults, "data behind the end: "+string(d.AppendTo(nil)))
	}
	if w.buffers && !end {
		w.faults = append(w.faults, "a body that was wanted whole came in pieces")
	}
	status := w.next(s)
	if status == filter.Buffer && !end {
		w.buffers = true // this piece comes again
		return status
	}
	w.body += string(d.AppendTo(nil))
	w.ended, w.buffers = end, false
	return status
}

func (w *witness) ResponseTrailers(s *filter.Stream, t *stream.Header) filter.Status {
	w.ended = true
	if w.moves {
		var d buffer.Chain
		d.Init(s.Buffers())
		d.AppendString("+end")
		if w.empties {
			t.Clear()
		}
		s.AppendResponse(&d)
	}
	return w.next(s)
}

// TestAppendedData: what a filter appends is seen by the filters behind it, before
// the trailers and as part of a whole body, and by no other.
func TestAppendedData(t *testing.T) {
	statuses := rapid.SliceOfN(rapid.SampledFrom([]filter.Status{filter.Continue, filter.Continue, filter.Pause, filter.Buffer}), 0, 5)
	rapid.Check(t, func(rt *rapid.T) {
		var filters []filter.Filter
		var all []*witness
		for range rapid.IntRange(1, 4).Draw(rt, "filters") {
			w := &witness{
				statuses: statuses.Draw(rt, "statuses"),
				moves:    rapid.Bool().Draw(rt, "moves"),
				empties:  rapid.Bool().Draw(rt, "empties"),
			}
			filters, all = append(filters, w), append(all, w)
		}
		x := filtertest.New(t, filters...)
		x.RequestHead("GET", "/", true)
		x.ResponseHead(200, false)
		want := ""
		for _, p := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "bc", strings.Repeat("d", 3000)}), 0, 3).Draw(rt, "pieces") {
			x.ResponseData(p, false)
			want += p
			x.Worker.Advance(time.Duration(rapid.IntRange(0, 3).Draw(rt, "wait")) * time.Millisecond)
		}
		x.ResponseTrailers("T", "1")
		x.Worker.Advance(time.Hour)
		trailers := true
		for i, w := range slices.Backward(all) {
			if w.body != want || len(w.faults) > 0 || !w.ended {
				rt.Fatalf("filter %d saw %q, want %q; ended=%v, %q", i, w.body, want, w.ended, w.faults)
			}
			if w.moves && trailers {
				want += "+end"
				trailers = !w.empties
			}
		}
		if d := x.Downstream; string(d.Body) != want || !d.Ended || (d.Trailers != nil) != trailers {
			rt.Fatalf("%q arrived, want %q; ended=%v, trailers %v", d.Body, want, d.Ended, d.Trailers)
		}
		x.Finish()
		if live := x.Worker.Buffers().Stats().Live; live != 0 {
			rt.Fatalf("%d slabs are in use", live)
		}
	})
}
