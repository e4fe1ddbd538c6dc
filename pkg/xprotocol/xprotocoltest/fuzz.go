package xprotocoltest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// Fuzz gives a codec anything, beginning with the frames. Whatever comes, nothing
// panics; a frame that can be parsed is sent as it came; how the bytes came in
// pieces makes no difference.
func Fuzz(f *testing.F, s xprotocol.Spec, frames ...Frame) {
	for i, a := range frames {
		f.Add(a.Bytes, uint16(len(a.Bytes)/2))
		f.Add(append(slices.Clip(a.Bytes), frames[(i+1)%len(frames)].Bytes...), uint16(len(a.Bytes)))
	}
	f.Fuzz(func(t *testing.T, input []byte, cut uint16) {
		k := &kit{reporter: t, spec: s}
		k.anything(input)
		k.anyConnection(input, int(cut))
	})
}

// anything takes the frame apart that the input may begin with.
func (k *kit) anything(input []byte) {
	if len(input) == 0 {
		return
	}
	n, err := k.spec.Codec.Length(input)
	if err != nil {
		return
	}
	if n < 0 {
		k.Errorf("a length of %d", n)
	}
	if p, ok := k.spec.Codec.(xprotocol.Previewer); ok && n > 0 {
		p.Preview(input, &stream.Call{})
	}
	if n <= 0 || n > len(input) {
		return
	}
	frame := slices.Clip(input[:n])
	h, content, err := parse(k.spec, frame)
	if err != nil {
		return
	}
	if got := k.sent(h, h.RPC.ID, content); !h.RPC.Anew && !bytes.Equal(got, frame) {
		k.Errorf("it goes on as %x, and was %x", got, frame)
	}
	if h.RPC.Kind == stream.KindRequest || h.RPC.Kind == stream.KindOneWay || h.RPC.Kind == stream.KindResponse {
		if again, content2, err := k.encode("the frame", h, content); err == nil && again != nil {
			k.same("the frame, encoded anew", again, h, content2, content)
		}
	}
}

// anyConnection feeds connections the input whole and in two pieces.
func (k *kit) anyConnection(input []byte, cut int) {
	cut = min(cut, len(input))
	for _, run := range []func(pieces ...[]byte) string{k.downstream, k.upstream} {
		if whole, pieces := run(input), run(input[:cut], input[cut:]); whole != pieces {
			k.Errorf("cut after %d bytes, there comes\n%s, not\n%s", cut, pieces, whole)
		}
	}
}

func (k *kit) downstream(pieces ...[]byte) string {
	d := NewDownstream(k.spec, Limits{Frame: 1 << 16, Streams: 8})
	d.Arrived = func(c *Call) { c.Send(&stream.Head{Status: 503}, []byte("no host")) }
	var err error
	for _, p := range pieces {
		if err == nil {
			err = d.Feed(p)
		}
	}
	return fmt.Sprintf("%v\nsent %x\n%v", d.Calls, d.Sent(), err) + d.end()
}

func (k *kit) upstream(pieces ...[]byte) string {
	u := NewUpstream(k.spec)
	var err error
	for _, p := range pieces {
		if err == nil {
			err = u.Feed(p)
		}
	}
	got := fmt.Sprintf("sent %x\n%d available, %d dropped, %v", u.Sent(), u.Codec.Available(), dropped(u), err)
	u.Codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	return got + fmt.Sprintf(", %d slabs left", u.Slabs())
}
