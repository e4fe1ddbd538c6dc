package xprotocol_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest"
	"github.com/weirproxy/weir/pkg/xprotocol/xprotocoltest/plain"
)

// nonsense is a codec that answers wrongly where it is told to.
type nonsense struct {
	plain.Codec
	length func() int
	parse  func(h *stream.Head, content stream.Span) stream.Span
	tail   func(n int) int
	answer func(dst []byte) []byte
}

func (n nonsense) Length(b []byte) (int, error) {
	if n.length != nil {
		return n.length(), nil
	}
	return n.Codec.Length(b)
}

func (n nonsense) Parse(b []byte, h *stream.Head) (stream.Span, error) {
	content, err := n.Codec.Parse(b, h)
	if n.parse != nil && err == nil {
		content = n.parse(h, content)
	}
	return content, err
}

func (n nonsense) Append(dst []byte, h *stream.Head) ([]byte, int, error) {
	out, tail, err := n.Codec.Append(dst, h)
	if n.tail != nil {
		tail = n.tail(len(out))
	}
	return out, tail, err
}

func (n nonsense) Answer(dst []byte, to *stream.Call, a xprotocol.Answer) []byte {
	if n.answer != nil {
		return n.answer(dst)
	}
	return n.Codec.Answer(dst, to, a)
}

func specOf(c xprotocol.Codec) xprotocol.Spec {
	s := plain.Spec()
	s.Codec = c
	return s
}

// TestCodecsNonsense: what a codec says of a frame that cannot be ends the connection that
// the frame came on, and nothing else.
func TestCodecsNonsense(t *testing.T) {
	field := func(name, value stream.Span) func(*stream.Head, stream.Span) stream.Span {
		return func(h *stream.Head, content stream.Span) stream.Span {
			h.AddSpan(name, value, false)
			return content
		}
	}
	contentAt := func(s stream.Span) func(*stream.Head, stream.Span) stream.Span {
		return func(*stream.Head, stream.Span) stream.Span { return s }
	}
	attribute := func(of func(h *stream.Head) *stream.Span, s stream.Span) func(*stream.Head, stream.Span) stream.Span {
		return func(h *stream.Head, content stream.Span) stream.Span {
			*of(h) = s
			return content
		}
	}
	far := stream.Span{Off: 1 << 20, Len: 1}
	wraps := stream.Span{Off: math.MaxUint32, Len: 2}
	tests := map[string]nonsense{
		"a length below zero":        {length: func() int { return -1 }},
		"the least length":           {length: func() int { return math.MinInt }},
		"a content behind the frame": {parse: contentAt(far)},
		"a content that wraps":       {parse: contentAt(wraps)},
		"a content that is too long": {parse: contentAt(stream.Span{Len: 1 << 20})},
		"a field behind the frame":   {parse: field(far, stream.Span{})},
		"a value behind the frame":   {parse: field(stream.Span{}, far)},
		"an empty value far behind":  {parse: field(stream.Span{}, stream.Span{Off: 1 << 20})},
		"a field that wraps":         {parse: field(wraps, stream.Span{})},
		"a service behind the frame": {parse: attribute(func(h *stream.Head) *stream.Span { return &h.RPC.Service }, far)},
		"a method behind the frame":  {parse: attribute(func(h *stream.Head) *stream.Span { return &h.RPC.Method }, far)},
		"a version behind the frame": {parse: attribute(func(h *stream.Head) *stream.Span { return &h.RPC.Version }, wraps)},
		"a group behind the frame":   {parse: attribute(func(h *stream.Head) *stream.Span { return &h.RPC.Group }, far)},
		"a field that nobody made":   {parse: field(stream.Span{Off: 1<<31 + 5, Len: 5}, stream.Span{})},
		"a field made, but too short": {parse: func(h *stream.Head, content stream.Span) stream.Span {
			s := h.MakeSpan([]byte("made"))
			s.Len++
			h.RPC.Group = s
			return content
		}},
	}
	for name, codec := range tests {
		s := specOf(codec)
		d, u := xprotocoltest.NewDownstream(s, xprotocoltest.Limits{}), xprotocoltest.NewUpstream(s)
		if err := d.Feed(request(1, "content")); err == nil || !strings.Contains(err.Error(), "plain: ") || len(d.Calls) > 0 {
			t.Errorf("%s: a request ends in %v, %d calls", name, err, len(d.Calls))
		}
		if err := u.Feed(response(1, "content")); err == nil || !strings.Contains(err.Error(), "plain: ") {
			t.Errorf("%s: a response ends in %v", name, err)
		}
		d.Codec.Close(lost)
		u.Codec.Close(lost)
		if n := d.Slabs() + u.Slabs(); n > 0 {
			t.Errorf("%s: %d slabs are left", name, n)
		}
	}
}

// TestLengthNeverTold: a connection does not wait for ever for what a codec will not say.
func TestLengthNeverTold(t *testing.T) {
	s := specOf(nonsense{length: func() int { return 0 }})
	d := xprotocoltest.NewDownstream(s, xprotocoltest.Limits{})
	feed(t, d, bytes.Repeat([]byte("x"), 64<<10-1))
	if err := d.Feed([]byte("x")); err == nil || !strings.Contains(err.Error(), "length") {
		t.Errorf("64 KiB end in %v", err)
	}
}

// TestNonsenseInMessages: a message that its codec encodes into nonsense is not sent.
func TestNonsenseInMessages(t *testing.T) {
	for name, tail := range map[string]func(int) int{
		"below zero": func(int) int { return -1 },
		"too long":   func(n int) int { return n + 1 },
	} {
		s := specOf(nonsense{tail: tail})
		u, d := xprotocoltest.NewUpstream(s), xprotocoltest.NewDownstream(s, xprotocoltest.Limits{})
		c := &xprotocoltest.Call{}
		c.End = u.Codec.NewStream(c.Receiver())
		c.Send(changed(t, request(1, "")), nil)
		if c.GivenUp == nil || c.GivenUp.Reason != stream.Unsendable || len(u.Sent()) > 0 {
			t.Errorf("a tail %s: the request ends in %v", name, c)
		}
		feed(t, d, request(1, ""))
		d.Calls[0].Send(changed(t, response(1, "")), nil)
		if got := frames(t, d.Sent()); len(got) != 1 || got[0].ID != 1 || got[0].Number != 200 {
			t.Errorf("a tail %s: the response is sent as %v", name, got)
		}
	}
}

// changed returns the head of a frame with a field more.
func changed(t *testing.T, b []byte) *stream.Head {
	t.Helper()
	h := &stream.Head{}
	h.Clear()
	content, err := plain.Codec{}.Parse(b, h)
	if err != nil {
		t.Fatal(err)
	}
	h.KeepFrame("plain", b, content)
	h.Add("a", "b")
	return h
}

// TestAnswersOfTheirOwn: what a codec does not append, but returns instead, is sent as it
// is, and nothing that lies in memory.
func TestAnswersOfTheirOwn(t *testing.T) {
	own := response(1, "an answer of its own")
	for name, answer := range map[string]func(dst []byte) []byte{
		"instead": func([]byte) []byte { return own },
		"none":    func([]byte) []byte { return nil },
		"long":    func(dst []byte) []byte { return append(dst, response(1, strings.Repeat("x", 8<<10))...) },
	} {
		d := xprotocoltest.NewDownstream(specOf(nonsense{answer: answer}), xprotocoltest.Limits{})
		feed(t, d, request(1, ""))
		d.Calls[0].Send(&stream.Head{Status: 503}, nil)
		if got, want := d.Sent(), answer(nil); !bytes.Equal(got, want) {
			t.Errorf("%s: %q is sent", name, got)
		}
	}
}

// TestStatusOfNoResponse: a response whose status is none would leave its request waiting
// for another one.
func TestStatusOfNoResponse(t *testing.T) {
	for _, status := range []uint32{0, 100, 101, 199} {
		u := xprotocoltest.NewUpstream(plain.Spec())
		c, _ := send(t, u, ask)
		other, _ := send(t, u, ask)
		feed(t, u, plain.Message{Kind: stream.KindResponse, ID: 1, Number: status, Content: "x"}.Bytes(), response(2, "x"))
		if c.Head != nil || c.GivenUp == nil || c.GivenUp.Reason != stream.ProtocolError || !other.Ended {
			t.Errorf("status %d: %v, and the other call %v", status, c, other)
		}
	}
}
