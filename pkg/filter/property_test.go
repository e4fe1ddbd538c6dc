package filter_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/filtertest"
	"github.com/weirproxy/weir/pkg/stream"
)

// random is a filter that stops parts at random and changes nothing. It may only
// be used for one stream.
type random struct {
	request, response bool
	statuses          []filter.Status // to be said, in turn; then Continue
	delays            []time.Duration // after which it resumes; 0: inside the hook
	finished          int
}

type randomBlocking struct{ *random }

func (randomBlocking) Blocks() {}

func (f *random) Attach(*filter.Stream) (q filter.Request, p filter.Response) {
	if f.request {
		q = f
	}
	if f.response {
		p = f
	}
	return q, p
}

func (f *random) next(s *filter.Stream, resume func()) filter.Status {
	if len(f.statuses) == 0 {
		return filter.Continue
	}
	status := f.statuses[0]
	f.statuses = f.statuses[1:]
	if status == filter.Pause {
		d := f.delays[0]
		f.delays = append(f.delays[1:], d)
		if d == 0 {
			resume()
		} else {
			s.AfterFunc(d, resume)
		}
	}
	return status
}

func (f *random) RequestHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	return f.next(s, s.ResumeRequest)
}
func (f *random) RequestData(s *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return f.next(s, s.ResumeRequest)
}
func (f *random) RequestTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	return f.next(s, s.ResumeRequest)
}
func (f *random) ResponseHead(s *filter.Stream, _ *stream.Head, _ bool) filter.Status {
	return f.next(s, s.ResumeResponse)
}
func (f *random) ResponseData(s *filter.Stream, _ *buffer.Chain, _ bool) filter.Status {
	return f.next(s, s.ResumeResponse)
}
func (f *random) ResponseTrailers(s *filter.Stream, _ *stream.Header) filter.Status {
	return f.next(s, s.ResumeResponse)
}

func (f *random) Finished(*filter.Stream) { f.finished++ }

func drawFilter(t *rapid.T, buffers bool) (*random, filter.Filter) {
	f := &random{
		request:  rapid.Bool().Draw(t, "sees requests"),
		response: rapid.Bool().Draw(t, "sees responses"),
		delays:   rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 20), milliseconds), 1, 5).Draw(t, "delays"),
	}
	says := []filter.Status{filter.Continue}
	blocks := rapid.IntRange(0, 4).Draw(t, "blocks") == 0
	if !blocks {
		says = append(says, filter.Pause)
	}
	if buffers {
		says = append(says, filter.Buffer)
	}
	f.statuses = rapid.SliceOfN(rapid.SampledFrom(says), 0, 20).Draw(t, "says")
	if blocks {
		return f, randomBlocking{f}
	}
	return f, f
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// sent is a message to be sent.
type sent struct {
	pieces   [][]byte
	trailers bool
	emptyEnd bool
	next     int // 0: the head; then the pieces
	over     bool
}

func drawMessage(t *rapid.T) *sent {
	size := rapid.OneOf(rapid.IntRange(1, 40), rapid.IntRange(1, 5000))
	m := &sent{trailers: rapid.Bool().Draw(t, "trailers"), emptyEnd: rapid.Bool().Draw(t, "empty end")}
	filler := byte(0)
	for _, n := range rapid.SliceOfN(size, 0, 6).Draw(t, "pieces") {
		p := make([]byte, n)
		for i := range p {
			p[i] = filler
			filler += 7
		}
		m.pieces = append(m.pieces, p)
	}
	return m
}

func (m *sent) body() []byte { return bytes.Join(m.pieces, nil) }

// send passes the next part.
func (m *sent) send(x *filtertest.Exchange, d filter.Direction) {
	i := m.next
	m.next++
	endsHere := !m.trailers && !m.emptyEnd && i == len(m.pieces)
	switch {
	case i == 0 && d == filter.RequestDirection:
		x.RequestHead("POST", "/", endsHere)
	case i == 0:
		x.ResponseHead(200, endsHere)
	case i <= len(m.pieces):
		m.data(x, d, string(m.pieces[i-1]), endsHere)
	case m.trailers && d == filter.RequestDirection:
		x.RequestTrailers("T", "1")
		endsHere = true
	case m.trailers:
		x.ResponseTrailers("T", "1")
		endsHere = true
	default:
		m.data(x, d, "", true)
		endsHere = true
	}
	m.over = endsHere
}

func (m *sent) data(x *filtertest.Exchange, d filter.Direction, text string, end bool) {
	if d == filter.RequestDirection {
		x.RequestData(text, end)
	} else {
		x.ResponseData(text, end)
	}
}

func (m *sent) check(t *rapid.T, what string, got *filtertest.Message) {
	if !got.Ended {
		t.Fatalf("the %s did not arrive completely", what)
	}
	if !bytes.Equal(got.Body, m.body()) {
		t.Fatalf("%s: sent %x, arrived %x", what, m.body(), got.Body)
	}
	if (got.Trailers != nil) != m.trailers {
		t.Fatalf("%s: trailers arrived: %v", what, got.Trailers != nil)
	}
}

// TestWhatGoesInComesOut sends messages through filters that stop them at random.
func TestWhatGoesInComesOut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		buffers := rapid.Bool().Draw(rt, "some buffer")
		var halves []*random
		var filters []filter.Filter
		for range rapid.IntRange(0, 4).Draw(rt, "filters") {
			h, f := drawFilter(rt, buffers)
			halves, filters = append(halves, h), append(filters, f)
		}
		x := filtertest.New(t, filters...)
		x.Limit = 1 << 20
		if !buffers {
			x.Limit = rapid.IntRange(1, 200).Draw(rt, "limit")
		}
		messages := [2]*sent{drawMessage(rt), drawMessage(rt)}
		cut := rapid.IntRange(0, 40).Draw(rt, "finished after") // most often at the end
		for n := 0; (!messages[0].over || !messages[1].over) && n < cut; n++ {
			d := rapid.IntRange(0, 1).Draw(rt, "direction")
			if messages[d].over {
				d = 1 - d
			}
			messages[d].send(x, filter.Direction(d))
			if rapid.Bool().Draw(rt, "time passes") {
				x.Worker.Advance(milliseconds(rapid.IntRange(0, 30).Draw(rt, "time")))
			}
		}
		if messages[0].over && messages[1].over {
			x.Worker.Advance(time.Hour)
			messages[0].check(rt, "request", &x.Upstream)
			messages[1].check(rt, "response", &x.Downstream)
			if x.Slowed != [2]bool{} {
				rt.Fatalf("a sender is slowed down at the end: %v", x.Slowed)
			}
		}
		x.Stream() // that there is one to be finished
		x.Finish()
		for _, h := range halves {
			if want := min(1, btoi(h.request)+btoi(h.response)); h.finished != want {
				rt.Fatalf("a filter was told %d times that the stream is finished, want %d", h.finished, want)
			}
		}
		if live := x.Worker.Buffers().Stats().Live; live != 0 || x.Worker.Timers() != 0 {
			rt.Fatalf("%d slabs and %d timers are left", live, x.Worker.Timers())
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
