package xprotocoltest

import (
	"fmt"
	"slices"

	"github.com/weirproxy/weir/pkg/stream"
)

// cuts are the places at which n bytes are cut in two: all of them, or, if they are
// many, those at the ends of the two frames and some between.
func cuts(n, first int) (at []int) {
	near, step := 80, 1
	if n > large {
		near, step = 24, n/50
	}
	for i := 1; i < n; i++ {
		if i%step == 0 || i < near || i > n-near || i > first-near && i < first+near {
			at = append(at, i)
		}
	}
	return at
}

// large is from how many bytes on not every place is tried.
const large = 4 << 10

// split feeds two frames in all the ways, and compares what comes of it with what
// comes of both at once. run feeds a connection the pieces and tells what came.
func (k *kit) split(name string, first, both []byte, run func(pieces [][]byte) string) {
	k.Helper()
	want := run([][]byte{both})
	for _, at := range cuts(len(both), len(first)) {
		if got := run([][]byte{both[:at], both[at:]}); got != want {
			k.Errorf("%s: cut after %d of %d bytes, there comes\n%s, not\n%s", name, at, len(both), got, want)
			return
		}
	}
	piece := 1 + len(both)/large*100
	if got := run(slices.Collect(slices.Chunk(both, piece))); got != want {
		k.Errorf("%s: in pieces of %d bytes, there comes\n%s, not\n%s", name, piece, got, want)
	}
}

// pairs calls do with every frame of some kinds, and the one that follows it.
func pairs(fs []Frame, do func(name string, a, b Frame)) {
	for i, a := range fs {
		b := fs[(i+1)%len(fs)]
		do(a.Name+" and "+b.Name, a, b)
	}
}

// splitRequests feeds a downstream connection, whose requests are answered as soon
// as they are complete.
func splitRequests(k *kit) {
	answer := k.first(stream.KindResponse)
	fs := k.of(stream.KindRequest, stream.KindOneWay, stream.KindHeartbeat, stream.KindGoAway, stream.KindEvent)
	pairs(fs, func(name string, a, b Frame) {
		first := k.withID(a.Bytes, 1)
		both := append(slices.Clip(first), k.withID(b.Bytes, 2)...)
		k.split(name, first, both, func(pieces [][]byte) string {
			d := NewDownstream(k.spec, Limits{})
			d.Arrived = func(c *Call) { _ = c.Pass(k.spec, answer.Bytes) } // another case finds it
			var err error
			for _, p := range pieces {
				if err == nil {
					err = d.Feed(p)
				}
			}
			return fmt.Sprintf("%v\nsent %x\nphase %d, %d bytes left, %v", d.Calls, d.Sent(), d.Codec.Phase(), d.Waiting(), err) + d.end()
		})
	})
}

// end closes the connection and tells whether that leaves something.
func (d *Downstream) end() string {
	d.Codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	return fmt.Sprintf(", %d slabs left", d.Slabs())
}

// splitAnswers feeds an upstream connection, on which requests wait.
func splitAnswers(k *kit) {
	fs := k.of(stream.KindResponse, stream.KindHeartbeat, stream.KindHeartbeatAnswer, stream.KindGoAway, stream.KindEvent)
	request := k.first(stream.KindRequest)
	pairs(fs, func(name string, a, b Frame) {
		first := k.withID(a.Bytes, 1)
		both := append(slices.Clip(first), k.withID(b.Bytes, 2)...)
		k.split(name, first, both, func(pieces [][]byte) string {
			u := NewUpstream(k.spec)
			var calls []*Call
			for range min(2, u.Codec.Available()) { // a new connection's ids are 1 and 2
				c, err := u.Send(request.Bytes)
				if err != nil {
					return err.Error()
				}
				calls = append(calls, c)
			}
			u.Sent()
			var err error
			for _, p := range pieces {
				if err == nil {
					err = u.Feed(p)
				}
			}
			got := fmt.Sprintf("%v\nsent %x\n%d available, %d dropped, %d bytes left, %v", calls, u.Sent(), u.Codec.Available(), dropped(u), u.Waiting(), err)
			u.Codec.Close(stream.Reset{Reason: stream.ConnectionLost})
			return got + fmt.Sprintf(", %d slabs left", u.Slabs())
		})
	})
}
