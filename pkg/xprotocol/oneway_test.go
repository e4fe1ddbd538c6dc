package xprotocol_test

import (
	"fmt"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

var oneWay = plain.Message{Kind: stream.KindOneWay, ID: 7, Service: "echo", Content: "x"}.Bytes()

// sendOneWay sends a one-way request.
func sendOneWay(t *testing.T, u *xprotocoltest.Upstream) *xprotocoltest.Call {
	t.Helper()
	c, err := u.Send(oneWay)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestOneWayWaits: a one-way request is over once it is sent; while the host takes
// nothing it is not, and no other one is taken.
func TestOneWayWaits(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	if c := sendOneWay(t, u); !c.Ended || c.Head.Status != 202 {
		t.Fatalf("to a host that takes it: %v", c)
	}
	u.Codec.Pressure(true)
	var calls []*xprotocoltest.Call
	for range 3 {
		calls = append(calls, sendOneWay(t, u))
	}
	if n := u.Codec.Available(); n != 0 {
		t.Errorf("%d more are taken", n)
	}
	calls[1].End.Reset(stream.Reset{Reason: stream.TimedOut})
	feed(t, u, response(2, "x"), response(3, "x")) // there is no answer to them
	if calls[0].Ended || calls[1].Ended || calls[2].Ended {
		t.Error("they are over before they have left")
	}
	u.Sent()
	u.Codec.Pressure(false)
	for i, want := range []bool{true, false, true} {
		if calls[i].Ended != want || calls[i].GivenUp != nil || len(calls[i].Faults) > 0 {
			t.Errorf("afterwards request %d: %v", i, calls[i])
		}
	}
	if c := sendOneWay(t, u); !c.Ended || u.Codec.Available() == 0 {
		t.Errorf("the next one: %v", c)
	}
}

// TestOneWayIsLost: what has not left when the connection ends is known to be lost.
func TestOneWayIsLost(t *testing.T) {
	for _, usage := range []xprotocol.Usage{xprotocol.Multiplexed, xprotocol.PingPong} {
		s := plain.Spec()
		s.Usage = usage
		u := xprotocoltest.NewUpstream(s)
		u.Codec.Pressure(true)
		first, second := sendOneWay(t, u), sendOneWay(t, u)
		second.End.Reset(stream.Reset{Reason: stream.Cancelled})
		u.Codec.Close(lost)
		if first.GivenUp == nil || first.Ended || second.GivenUp != nil {
			t.Errorf("%v, %v", first, second)
		}
		if u.Slabs() != 0 {
			t.Error("slabs are left")
		}
	}
}

// bound is a connection to a host, and the client's that it is bound to.
type bound struct {
	up   *xprotocoltest.Upstream
	down *xprotocoltest.Downstream
}

func newBound() bound {
	b := bound{xprotocoltest.NewUpstream(plain.Spec()), xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})}
	b.up.Codec.Features().Binder.Bind(b.down.Codec.Features().Acceptor)
	return b
}

// TestBoundPressure: a host that asks, and does not take its answers, is not read.
func TestBoundPressure(t *testing.T) {
	b := newBound()
	b.up.Codec.Pressure(true)
	feed(t, b.up, response(9, "")) // it has not asked: its answers are read
	if b.up.Paused {
		t.Fatal("a host that asks nothing is not read")
	}
	feed(t, b.up, request(1, "x"), request(2, "x"))
	if got := frames(t, b.down.Sent()); len(got) != 1 || !b.up.Paused || b.up.Waiting() == 0 {
		t.Errorf("%d requests are passed on, paused: %v", len(got), b.up.Paused)
	}
	b.up.Codec.Pressure(false)
	feed(t, b.up, nil)
	if got := frames(t, b.down.Sent()); len(got) != 1 || b.up.Paused || b.up.Waiting() > 0 {
		t.Errorf("afterwards %d requests, paused: %v", len(got), b.up.Paused)
	}
}

// TestBoundOneWays: a host sends no more one-way requests than its client takes.
func TestBoundOneWays(t *testing.T) {
	b := newBound()
	b.down.Codec.Pressure(true)
	for range 2 * xprotocol.DefaultMaxStreams {
		feed(t, b.up, oneWay)
	}
	if got := frames(t, b.down.Sent()); len(got) != xprotocol.DefaultMaxStreams || !b.up.Paused {
		t.Errorf("%d are passed on, paused: %v", len(got), b.up.Paused)
	}
	b.down.Codec.Pressure(false)
	feed(t, b.up, nil)
	if got := frames(t, b.down.Sent()); len(got) != xprotocol.DefaultMaxStreams || b.up.Paused {
		t.Errorf("afterwards %d are passed on, paused: %v", len(got), b.up.Paused)
	}
}

// TestBoundCalls: a host has no more calls under way than a client may have.
func TestBoundCalls(t *testing.T) {
	b := newBound()
	for id := range uint64(xprotocol.DefaultMaxStreams) + 5 {
		feed(t, b.up, request(id, "x"))
	}
	sent := frames(t, b.down.Sent())
	if len(sent) != xprotocol.DefaultMaxStreams || !b.up.Paused {
		t.Fatalf("%d are passed on, paused: %v", len(sent), b.up.Paused)
	}
	for _, m := range sent[:2] {
		feed(t, b.down, response(m.ID, "answer"))
	}
	feed(t, b.up, nil)
	if got := len(frames(t, b.down.Sent())); got != 2 || !b.up.Paused {
		t.Errorf("after two answers %d more are passed on, paused: %v", got, b.up.Paused)
	}
	b.up.Codec.Close(lost)
	b.down.Codec.Close(lost)
	if n := b.up.Slabs() + b.down.Slabs(); n > 0 {
		t.Errorf("%d slabs are left", n)
	}
}

// TestBoundFailures: what cannot be passed on between a host and its client is answered
// for what it is.
func TestBoundFailures(t *testing.T) {
	up, down := xprotocoltest.NewUpstream(narrow()), xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{Frame: limit})
	up.Codec.Features().Binder.Bind(down.Codec.Features().Acceptor)
	feed(t, up, request(1, tooMuch), request(2, "x"), request(3, "x"))
	sent := frames(t, down.Sent())
	if len(sent) != 2 {
		t.Fatalf("%d requests are passed on", len(sent))
	}
	feed(t, down, response(sent[0].ID, tooMuch), response(sent[1].ID, "well"))
	got := fmt.Sprint(statuses(frames(t, up.Sent())))
	if want := fmt.Sprint(map[uint64]uint32{1: 413, 2: 502, 3: 200}); got != want {
		t.Errorf("the host's requests are answered %s, want %s", got, want)
	}
}

func statuses(all []plain.Message) map[uint64]uint32 {
	m := make(map[uint64]uint32)
	for _, f := range all {
		m[f.ID] = f.Number
	}
	return m
}

// TestSharedHostIsNotAnswered: what a host asks that takes nothing adds to nothing.
func TestSharedHostIsNotAnswered(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	beat := plain.Message{Kind: stream.KindHeartbeat, ID: 5}.Bytes()
	u.Codec.Pressure(true)
	feed(t, u, request(1, "x"), beat, oneWay)
	if n := u.Codec.Features().OrphanCounter.Orphans(); u.Out().Len() > 0 || n != 3 {
		t.Errorf("%d bytes are sent, %d messages dropped", u.Out().Len(), n)
	}
	u.Codec.Pressure(false)
	feed(t, u, request(2, "x"), beat)
	if got := frames(t, u.Sent()); len(got) != 2 {
		t.Errorf("afterwards %v", got)
	}
}
