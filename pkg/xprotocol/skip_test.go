package xprotocol_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

const limit = 100 << 10

// narrow is the protocol with a limit of frames that is soon reached.
func narrow() xprotocol.Spec {
	s := plain.Spec()
	s.MaxFrame = limit
	return s
}

var tooMuch = strings.Repeat("x", limit)

// pieces cuts bytes into pieces of n.
func pieces(b []byte, n int) (all [][]byte) {
	for len(b) > 0 {
		n = min(n, len(b))
		all = append(all, b[:n])
		b = b[n:]
	}
	return all
}

// tooLarge checks that a call failed because of a limit that its error names.
func tooLarge(t *testing.T, r *stream.Reset, unprocessed bool) {
	t.Helper()
	var long *stream.LimitError
	if r == nil || r.Reason != stream.TooLarge || r.Unprocessed != unprocessed || !errors.As(r.Err, &long) || long.Limit != limit || long.Size <= limit {
		t.Fatalf("it fails by %+v", r)
	}
	for _, want := range []string{"plain", "102400", "max_frame_size"} {
		if !strings.Contains(r.Error(), want) {
			t.Errorf("%q does not say %q", r.Error(), want)
		}
	}
}

// TestTooLongResponse: whose response is longer than the limit is told so, and the other
// calls on the connection have their answers, however the bytes come.
func TestTooLongResponse(t *testing.T) {
	for _, n := range []int{1, 1000, 64 << 10, 1 << 20} {
		u := xprotocoltest.NewUpstream(narrow())
		big, _ := send(t, u, ask)
		other, sent := send(t, u, ask)
		b := append(response(1, tooMuch), response(2, "answer")...)
		b = append(append(b, response(99, tooMuch)...), response(77, "")...) // nobody waits for these
		feed(t, u, pieces(b, n)...)
		tooLarge(t, big.GivenUp, false)
		if !other.Ended || string(other.Content) != "answer" || sent.ID != 2 {
			t.Errorf("in pieces of %d the other call has %v", n, other)
		}
		if dropped := u.Codec.Features().OrphanCounter.Orphans(); dropped != 2 {
			t.Errorf("%d messages are dropped", dropped)
		}
		last, sent := send(t, u, ask)
		feed(t, u, response(sent.ID, ""))
		if !last.Ended || u.Slabs() != 0 {
			t.Errorf("afterwards %v, %d slabs are in use", last, u.Slabs())
		}
	}
}

// TestTooLongResponseIsLate: a stream that was given up, and a heartbeat, are no other
// call's.
func TestTooLongResponseIsLate(t *testing.T) {
	u := xprotocoltest.NewUpstream(narrow())
	gone, _ := send(t, u, ask)
	other, _ := send(t, u, ask)
	b := response(1, tooMuch)
	feed(t, u, b[:1000])
	if gone.GivenUp == nil {
		t.Fatal("the front of the response does not end the call")
	}
	feed(t, u, b[1000:])
	u.Codec.Features().Pinger.Ping()
	beat := frames(t, u.Sent())
	feed(t, u, response(beat[0].ID, tooMuch))
	if other.GivenUp != nil || u.Codec.Features().OrphanCounter.Orphans() != 0 {
		t.Errorf("the other call has %v", other)
	}
	u.Codec.Close(lost)
	if len(gone.Faults)+len(other.Faults) > 0 {
		t.Errorf("%v, %v", gone, other)
	}
}

// TestTooLongRequest: a client whose request is too long is told so, and goes on.
func TestTooLongRequest(t *testing.T) {
	for _, n := range []int{1, 1000, 64 << 10, 1 << 20} {
		d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{Frame: limit})
		feed(t, d, request(5, "before"))
		oneWay := plain.Message{Kind: stream.KindOneWay, Content: tooMuch}.Bytes()
		b := append(append(request(6, tooMuch), oneWay...), request(7, "behind it")...)
		feed(t, d, pieces(b, n)...)
		if len(d.Calls) != 2 || string(d.Calls[1].Content) != "behind it" {
			t.Fatalf("in pieces of %d, %d calls came", n, len(d.Calls))
		}
		got := frames(t, d.Sent())
		if len(got) != 1 || got[0].ID != 6 || got[0].Number != 413 || !strings.Contains(got[0].Content, "max_frame_size, 102400") {
			t.Errorf("answered by %v", got)
		}
		if p := d.Codec.Phase(); p != stream.Busy {
			t.Errorf("phase %d", p)
		}
	}
}

// TestTooLongRequestBreaksOff: the client's end within it is an end like any other.
func TestTooLongRequestBreaksOff(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{Frame: limit})
	feed(t, d, request(6, tooMuch)[:1000])
	if p := d.Codec.Phase(); p != stream.ReadingHead {
		t.Errorf("phase %d", p)
	}
	if d.Codec.EOF() {
		t.Error("there is something to be done")
	}
	d.Codec.Close(lost)
	if d.Slabs() != 0 {
		t.Error("slabs are left")
	}
}

// TestRefusedIsTold: whoever counts is told of requests that have no stream.
func TestRefusedIsTold(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{Frame: limit})
	oneWay := plain.Message{Kind: stream.KindOneWay, Content: tooMuch}.Bytes()
	feed(t, d, request(6, tooMuch), oneWay)
	if len(d.Refusals) != 2 {
		t.Fatalf("told of %v", d.Refusals)
	}
	for i := range d.Refusals {
		tooLarge(t, &d.Refusals[i], true)
	}
}

// blind is a codec without previews.
type blind struct{ xprotocol.Codec }

// TestTooLongWithoutPreview: nobody knows whose call it is, so the connection ends, and
// says by which limit.
func TestTooLongWithoutPreview(t *testing.T) {
	s := narrow()
	s.Codec = blind{s.Codec}
	u, d := xprotocoltest.NewUpstream(s), xprotocoltest.NewDownstream(s, xprotocoltest.Limits{Frame: limit})
	for _, err := range []error{u.Feed(response(1, tooMuch)), d.Feed(request(1, tooMuch))} {
		if err == nil || !strings.Contains(err.Error(), "max_frame_size, 102400") {
			t.Errorf("the connection ends in %v", err)
		}
	}
	if len(d.Refusals) != 1 {
		t.Errorf("told of %v", d.Refusals)
	}
}

// TestHostTakesNoMore: a request that is longer than what a host takes is not sent.
func TestHostTakesNoMore(t *testing.T) {
	u := xprotocoltest.NewUpstream(narrow())
	overhead := len(plain.Message{Kind: stream.KindRequest, Service: "echo"}.Bytes())
	for n, fits := range map[int]bool{limit - overhead: true, limit - overhead + 1: false, 10 * limit: false} {
		m := ask
		m.Content = strings.Repeat("x", n)
		c, err := u.Send(m.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if sent := u.Sent(); len(sent) > 0 != fits {
			t.Errorf("%d bytes of %d are sent", len(sent), n)
		}
		if !fits {
			tooLarge(t, c.GivenUp, true)
		}
	}
}

// TestHostTakesNoMoreThanAnnounced: a request may grow on its way.
func TestHostTakesNoMoreThanAnnounced(t *testing.T) {
	u := xprotocoltest.NewUpstream(narrow())
	c := &xprotocoltest.Call{}
	c.End = u.Codec.NewStream(c.Receiver())
	h, b := &stream.Head{}, ask.Bytes()
	content, err := plain.Codec{}.Parse(b, h)
	if err != nil {
		t.Fatal(err)
	}
	h.KeepFrame("plain", b, content)
	c.Send(h, []byte(tooMuch))
	tooLarge(t, c.GivenUp, true)
	if len(u.Sent()) > 0 || u.Slabs() != 0 || u.Codec.Available() == 0 {
		t.Error("something of it is left")
	}
}
