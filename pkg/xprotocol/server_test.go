package xprotocol_test

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// request returns a request of an id.
func request(id uint64, content string) []byte {
	return plain.Message{Kind: stream.KindRequest, ID: id, Service: "echo", Content: content}.Bytes()
}

// response returns a response of an id.
func response(id uint64, content string) []byte {
	return plain.Message{Kind: stream.KindResponse, ID: id, Number: 200, Content: content}.Bytes()
}

var lost = stream.Reset{Reason: stream.ConnectionLost}

// frames takes apart what was sent: of each frame kind, id, status and content.
func frames(t *testing.T, b []byte) (all []plain.Message) {
	t.Helper()
	for len(b) > 0 {
		n, err := plain.Codec{}.Length(b)
		if err != nil || n == 0 || n > len(b) {
			t.Fatalf("not a frame: %x, %v", b, err)
		}
		var h stream.Head
		s, err := plain.Codec{}.Parse(b[:n], &h)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, plain.Message{Kind: h.RPC.Kind, ID: h.RPC.ID, Number: h.RPC.Native, Content: string(b[s.Off:s.End()])})
		b = b[n:]
	}
	return all
}

func feed(t *testing.T, l interface{ Feed([]byte) error }, pieces ...[]byte) {
	t.Helper()
	for _, p := range pieces {
		if err := l.Feed(p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnswersInAnyOrder(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	feed(t, d, request(5, "a"), request(0, ""), request(1<<64-1, "c"))
	for _, i := range []int{2, 0, 1} {
		if err := d.Calls[i].Pass(plain.Spec(), response(99, strings.Repeat("x", i))); err != nil {
			t.Fatal(err)
		}
	}
	got := frames(t, d.Sent())
	for i, want := range []plain.Message{{ID: 1<<64 - 1, Content: "xx"}, {ID: 5}, {ID: 0, Content: "x"}} {
		if len(got) != 3 || got[i].ID != want.ID || got[i].Content != want.Content {
			t.Fatalf("answer %d of %v, want %v", i, got, want)
		}
	}
}

// answersAtOnce answers a request inside of its head, as a missing route does.
type answersAtOnce struct {
	stream.End
	sender stream.End
}

func (a answersAtOnce) Head(*stream.Head, bool)      { a.sender.Head(&stream.Head{Status: 404}, true) }
func (a answersAtOnce) Data(d *buffer.Chain, _ bool) { d.Clear() }
func (a answersAtOnce) Reset(stream.Reset)           {}

type acceptAtOnce struct{}

func (acceptAtOnce) NewStream(sender stream.End) stream.End { return answersAtOnce{sender: sender} }

func TestAnswerInsideHead(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	d.Acceptor = acceptAtOnce{}
	for range 3 { // the id is free again each time
		feed(t, d, request(7, "content"))
		if got := frames(t, d.Sent()); len(got) != 1 || got[0].ID != 7 || got[0].Number != 404 {
			t.Errorf("answered by %v", got)
		}
		if p := d.Codec.Phase(); p != stream.Idle {
			t.Errorf("phase %d, want idle", p)
		}
	}
}

func TestBrokenOffAnswer(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	feed(t, d, request(7, "content"))
	h := &stream.Head{Status: 200}
	d.Calls[0].End.Head(h, false)
	d.Calls[0].End.Reset(lost)
	if got := frames(t, d.Sent()); len(got) != 1 || got[0].ID != 7 || got[0].Number < 500 {
		t.Errorf("answered by %v", got)
	}
}

// TestCloseDownstream closes a connection whose streams are in every state.
func TestCloseDownstream(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	oneWay := plain.Message{Kind: stream.KindOneWay, ID: 1, Content: "x"}.Bytes()
	feed(t, d, request(1, "waits"), request(2, ""), request(3, "is answered"), request(4, "has half of its answer"), oneWay)
	if err := d.Calls[2].Pass(plain.Spec(), response(3, "x")); err != nil {
		t.Fatal(err)
	}
	half := &stream.Head{Status: 500}
	d.Calls[3].End.Head(half, false)
	feed(t, d, request(6, strings.Repeat("x", 100<<10))[:80<<10]) // being collected
	d.Codec.Close(lost)
	for i, want := range []bool{true, true, false, true, true} {
		if got := d.Calls[i].GivenUp != nil; got != want {
			t.Errorf("call %d is given up: %v", i, got)
		}
	}
	if n := d.Slabs(); n != 0 || d.Codec.Phase() != stream.Closing || len(d.Calls) != 5 {
		t.Errorf("%d slabs are left, phase %d, %d calls", n, d.Codec.Phase(), len(d.Calls))
	}
}

func TestBigFrames(t *testing.T) {
	content := strings.Repeat("0123456789", 100<<10)
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	u := xprotocoltest.NewUpstream(plain.Spec())
	feed(t, d, append(request(1, content), request(2, "behind it")...))
	if len(d.Calls) != 2 || string(d.Calls[0].Content) != content || string(d.Calls[1].Content) != "behind it" {
		t.Errorf("%d calls, the first one with %d bytes", len(d.Calls), len(d.Calls[0].Content))
	}
	c, err := u.Send(request(1, content))
	if err != nil {
		t.Fatal(err)
	}
	if sent := frames(t, u.Sent()); len(sent) != 1 || sent[0].Content != content {
		t.Error("it is not sent as it was")
	}
	feed(t, u, response(1, content))
	if string(c.Content) != content || !c.Ended {
		t.Errorf("%d bytes of the answer came", len(c.Content))
	}
	d.Codec.Close(lost)
	u.Codec.Close(lost)
	if d.Slabs()+u.Slabs() != 0 {
		t.Error("slabs are left")
	}
}

func TestPressureStopsReading(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	d.Codec.Pressure(true)
	feed(t, d, request(1, "x"))
	if len(d.Calls) != 0 || !d.Paused {
		t.Errorf("%d calls, paused: %v", len(d.Calls), d.Paused)
	}
	d.Codec.Pressure(false)
	feed(t, d, nil)
	if len(d.Calls) != 1 || d.Paused {
		t.Errorf("afterwards %d calls, paused: %v", len(d.Calls), d.Paused)
	}
}

func TestDrainAndAnnounce(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	feed(t, d, request(1, "x"))
	notifier := d.Codec.Features().DrainNotifier
	notifier.NotifyDrain()
	notifier.NotifyDrain()
	if got := frames(t, d.Sent()); len(got) != 1 || got[0].Kind != stream.KindGoAway {
		t.Errorf("announced by %v", got)
	}
	d.Codec.Drain()
	feed(t, d, request(2, "sent before the client knew"))
	if len(d.Calls) != 2 || d.Codec.Phase() != stream.Busy {
		t.Errorf("%d calls, phase %d", len(d.Calls), d.Codec.Phase())
	}
	for i, c := range d.Calls {
		if err := c.Pass(plain.Spec(), response(uint64(i), "")); err != nil {
			t.Fatal(err)
		}
	}
	d.Codec.Drain()
	if p := d.Codec.Phase(); p != stream.Closing {
		t.Errorf("drained and idle, phase %d", p)
	}
}

func TestEOF(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	feed(t, d, request(1, "x"))
	if !d.Codec.EOF() {
		t.Error("the client's end ends what it waits for")
	}
	if err := d.Calls[0].Pass(plain.Spec(), response(9, "")); err != nil {
		t.Fatal(err)
	}
	if got := frames(t, d.Sent()); len(got) != 1 || d.Codec.Phase() != stream.Closing {
		t.Errorf("answered by %v, phase %d", got, d.Codec.Phase())
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	s := plain.Spec()
	d, u := xprotocoltest.NewDownstream(s, xprotocoltest.Limits{}), xprotocoltest.NewUpstream(s)
	p := &relay{u: u.Codec}
	d.Acceptor = p
	q, r := request(1, "content"), plain.Message{Kind: stream.KindResponse, Number: 200, Content: "answer"}.Bytes()
	id := uint64(0)
	run := func() {
		if d.Feed(q) != nil || u.Out().Len() == 0 {
			t.Fatal("the request was not sent")
		}
		u.Out().Clear()
		id++
		plain.Codec{}.Patch(r, id, len("answer"), 0)
		if u.Feed(r) != nil || d.Out().Len() == 0 {
			t.Fatal("the response was not sent")
		}
		d.Out().Clear()
	}
	for range 10 {
		run()
	}
	if n := testing.AllocsPerRun(200, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// relay joins the two connections as a proxy does.
type relay struct {
	u        stream.ClientCodec
	down, up stream.End
}

func (r *relay) NewStream(sender stream.End) stream.End {
	r.down = sender
	r.up = r.u.NewStream((*back)(r))
	return r
}

func (r *relay) Head(h *stream.Head, end bool)  { r.up.Head(h, end) }
func (r *relay) Data(d *buffer.Chain, end bool) { r.up.Data(d, end) }
func (r *relay) Trailers(*stream.Header)        {}
func (r *relay) Reset(why stream.Reset)         { r.up.Reset(why) }
func (r *relay) Pause()                         {}
func (r *relay) Resume()                        {}

type back relay

func (r *back) Head(h *stream.Head, end bool)  { r.down.Head(h, end) }
func (r *back) Data(d *buffer.Chain, end bool) { r.down.Data(d, end) }
func (r *back) Trailers(*stream.Header)        {}
func (r *back) Reset(why stream.Reset)         { r.down.Reset(why) }
func (r *back) Pause()                         {}
func (r *back) Resume()                        {}
