package xprotocol_test

import (
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// answersAtOnce answers a request inside of its head, as a missing route does.
type answersAtOnce struct {
	stream.End
	sender stream.End
}

func (a answersAtOnce) Head(*stream.Head, bool) {
	a.sender.Head(&stream.Head{Status: 404}, true)
}
func (a answersAtOnce) Data(*buffer.Chain, bool) {}
func (a answersAtOnce) Reset(stream.Reset)       {}

type acceptAtOnce struct{}

func (acceptAtOnce) NewStream(sender stream.End) stream.End { return answersAtOnce{sender: sender} }

func TestAnswerInsideHead(t *testing.T) {
	d := xprotocoltest.NewDownstream(plain.Spec(), xprotocoltest.Limits{})
	b := plain.Message{Kind: stream.KindRequest, ID: 7, Service: "s", Content: "content"}.Bytes()
	d.Acceptor = acceptAtOnce{}
	if err := d.Feed(b); err != nil {
		t.Fatal(err)
	}
	if len(d.Sent()) == 0 {
		t.Error("no answer")
	}
	if p := d.Codec.Phase(); p != stream.Idle {
		t.Errorf("phase %d, want idle", p)
	}
	if err := d.Feed(b); err != nil {
		t.Errorf("the id cannot be used again: %v", err)
	}
}

// TestCloseResetsWhatWasNotSent: the request's content is still to come when the
// connection ends.
func TestCloseResetsWhatWasNotSent(t *testing.T) {
	u := xprotocoltest.NewUpstream(plain.Spec())
	c := &xprotocoltest.Call{}
	c.End = u.Codec.NewStream(c.Receiver())
	h := &stream.Head{}
	b := plain.Message{Kind: stream.KindRequest, ID: 7, Service: "s", Content: "content"}.Bytes()
	span, _ := plain.Codec{}.Parse(b, h)
	h.KeepFrame("plain", b, span)
	c.End.Head(h, false)
	u.Codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	if c.GivenUp == nil {
		t.Error("the stream was not reset")
	}
}

// TestPingPongForeignID: the host does not keep to ids.
func TestPingPongForeignID(t *testing.T) {
	s := plain.Spec()
	s.Usage = xprotocol.PingPong
	u := xprotocoltest.NewUpstream(s)
	c, err := u.Send(plain.Message{Kind: stream.KindRequest, ID: 7, Service: "s"}.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Feed(plain.Message{Kind: stream.KindResponse, ID: 0, Number: 200, Content: "x"}.Bytes()); err != nil {
		t.Fatal(err)
	}
	if !c.Ended {
		t.Error("the answer did not arrive")
	}
}
