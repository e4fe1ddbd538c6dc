package xprotocol_test

import (
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// send sends a request, and takes it from the wire.
func send(t *testing.T, u *xprotocoltest.Upstream, m plain.Message) (*xprotocoltest.Call, plain.Message) {
	t.Helper()
	c, err := u.Send(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	sent := frames(t, u.Sent())
	if len(sent) != 1 {
		t.Fatalf("sent as %v", sent)
	}
	return c, sent[0]
}

var ask = plain.Message{Kind: stream.KindRequest, ID: 7, Service: "echo", Content: "x"}

// TestIDsAreNarrow: ids of requests that still wait are passed over, and so is zero.
func TestIDsAreNarrow(t *testing.T) {
	s := plain.Spec()
	s.IDBits = 2
	u := xprotocoltest.NewUpstream(s)
	waits, first := send(t, u, ask)
	seen := map[uint64]int{}
	for range 6 {
		c, sent := send(t, u, ask)
		seen[sent.ID]++
		feed(t, u, response(sent.ID, ""))
		if !c.Ended {
			t.Fatalf("id %d is not answered", sent.ID)
		}
	}
	if first.ID != 1 || len(seen) != 2 || seen[2] != 3 || seen[3] != 3 || waits.Ended {
		t.Errorf("ids were %v while %d was in use", seen, first.ID)
	}
}

func TestForeignRequestIsRefused(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	c := &xprotocoltest.Call{}
	c.End = u.Codec.NewStream(c.Receiver())
	c.End.Head(&stream.Head{}, true)
	if c.GivenUp == nil || !c.GivenUp.Unprocessed || u.Out().Len() > 0 {
		t.Errorf("an HTTP request ends in %v", c)
	}
}

// TestCloseUpstream closes a connection whose streams are in every state.
func TestCloseUpstream(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	waits, _ := send(t, u, ask)
	answered, sent := send(t, u, ask)
	feed(t, u, response(sent.ID, "x"))
	late, _ := send(t, u, ask)
	late.End.Reset(stream.Reset{Reason: stream.TimedOut})
	half := &xprotocoltest.Call{} // the content of its request is still to come
	half.End = u.Codec.NewStream(half.Receiver())
	h, b := &stream.Head{}, ask.Bytes()
	content, err := plain.Codec{}.Parse(b, h)
	if err != nil {
		t.Fatal(err)
	}
	h.KeepFrame("plain", b, content)
	half.End.Head(h, false)
	feed(t, u, response(1, strings.Repeat("x", 100<<10))[:70<<10]) // being collected
	u.Codec.Close(lost)
	for i, want := range map[*xprotocoltest.Call]bool{waits: true, answered: false, late: false, half: true} {
		if (i.GivenUp != nil) != want || len(i.Faults) > 0 {
			t.Errorf("given up should be %v: %v", want, i)
		}
	}
	if n := u.Slabs(); n != 0 || u.Codec.Available() != 0 {
		t.Errorf("%d slabs are left, %d streams available", n, u.Codec.Available())
	}
}

// resetter gives a stream up inside of its answer's head.
type resetter struct {
	stream.End
	up stream.End
}

func (r *resetter) Head(*stream.Head, bool)  { r.up.Reset(stream.Reset{Reason: stream.Cancelled}) }
func (r *resetter) Data(*buffer.Chain, bool) { panic("data of a stream that was given up") }

func TestResetInsideAnswer(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	r := &resetter{}
	r.up = u.Codec.NewStream(r)
	c := &xprotocoltest.Call{End: r.up}
	if err := c.Pass(plain.Spec(), ask.Bytes()); err != nil {
		t.Fatal(err)
	}
	u.Sent()
	feed(t, u, response(1, "content"))
	c, sent := send(t, u, ask)
	feed(t, u, response(sent.ID, "content"))
	if !c.Ended {
		t.Error("the connection cannot be used any more")
	}
}

func TestPingPong(t *testing.T) {
	s := plain.Spec()
	s.Usage = xprotocol.PingPong
	u := xprotocoltest.NewUpstream(s)
	if n := u.Codec.Available(); n != 1 {
		t.Fatalf("%d requests at a time", n)
	}
	for range 3 {
		c, sent := send(t, u, ask)
		if n := u.Codec.Available(); n != 0 {
			t.Errorf("%d more requests while one waits", n)
		}
		feed(t, u, response(sent.ID, "content"))
		if !c.Ended || u.Codec.Available() != 1 {
			t.Errorf("afterwards %d requests, %v", u.Codec.Available(), c)
		}
	}
	// The answer to a request that was given up would be taken for the next one's.
	c, _ := send(t, u, ask)
	c.End.Reset(stream.Reset{Reason: stream.TimedOut})
	if n := u.Codec.Available(); n != 0 {
		t.Errorf("%d requests behind one that was given up", n)
	}
}

// TestPingPongWithoutIDs: the host answers with an id of its own.
func TestPingPongWithoutIDs(t *testing.T) {
	s := plain.Spec()
	s.Usage = xprotocol.PingPong
	u := xprotocoltest.NewUpstream(s)
	c, _ := send(t, u, ask)
	feed(t, u, response(0, "content"))
	if !c.Ended || string(c.Content) != "content" {
		t.Errorf("the answer did not arrive: %v", c)
	}
}

func TestUpstreamPressure(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	u.Codec.Pressure(true)
	if u.Codec.Available() == 0 {
		t.Error("a connection without streams looks as if it were of no more use")
	}
	send(t, u, ask)
	if n := u.Codec.Available(); n != 0 {
		t.Errorf("%d more requests, although they do not leave", n)
	}
	u.Codec.Pressure(false)
	if u.Codec.Available() == 0 {
		t.Error("none, although they leave")
	}
}

func TestUpstreamEnds(t *testing.T) {
	for name, end := range map[string]func(u *xprotocoltest.Upstream){
		"drain":   func(u *xprotocoltest.Upstream) { u.Codec.Drain() },
		"go-away": func(u *xprotocoltest.Upstream) { feed(t, u, plain.Message{Kind: stream.KindGoAway}.Bytes()) },
	} {
		u := xprotocoltest.NewUpstream(plain.Spec())
		c, sent := send(t, u, ask)
		end(u)
		if n := u.Codec.Available(); n != 0 {
			t.Errorf("%s: %d more requests", name, n)
		}
		feed(t, u, response(sent.ID, ""))
		if !c.Ended {
			t.Errorf("%s: what was under way is not answered", name)
		}
	}
}

// TestRequestOfTheHost: nobody can be meant on a connection that clients share.
func TestRequestOfTheHost(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	feed(t, u, request(5, "x"), plain.Message{Kind: stream.KindOneWay, ID: 6}.Bytes())
	got := frames(t, u.Sent())
	if len(got) != 1 || got[0].Kind != stream.KindResponse || got[0].ID != 5 || got[0].Number != 404 {
		t.Errorf("answered by %v", got)
	}
	if n := u.Codec.Features().OrphanCounter.Orphans(); n != 2 {
		t.Errorf("%d dropped", n)
	}
}

// TestHeartbeatAnswerIsNoResponse: a frame of another kind, with the id of a request
// that waits, is not its answer.
func TestHeartbeatAnswerIsNoResponse(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	c, sent := send(t, u, ask)
	feed(t, u, plain.Message{Kind: stream.KindHeartbeatAnswer, ID: sent.ID, Number: 200}.Bytes())
	if c.Head != nil {
		t.Errorf("a request was answered by %v", c)
	}
	feed(t, u, response(sent.ID, "x"))
	if !c.Ended || string(c.Content) != "x" {
		t.Errorf("its own answer did not arrive: %v", c)
	}
}
