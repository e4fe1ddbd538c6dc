package xprotocoltest

import (
	"bytes"
	"fmt"
	"math"
	"runtime"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// tooLong announces frames of all sizes that the protocol can express, over the
// limit and up to it, and sends only their fronts; of one a little over it, all.
func tooLong(k *kit) {
	for _, f := range k.of(stream.KindRequest, stream.KindResponse) {
		h, _, ok := k.parse(f.Name, f.Bytes)
		if !ok {
			continue
		}
		head, tail := h.Frame()
		for bits := 20; bits <= 32; bits++ {
			content := 1<<bits - 1
			if math.MaxInt-content < len(f.Bytes) {
				break
			}
			b := bytes.Clone(head)
			k.spec.Codec.Patch(b, f.ID, content, len(tail))
			n, err := k.spec.Codec.Length(b)
			if n != len(head)+content+len(tail) || err != nil {
				continue // lengths of the protocol are shorter, or its codec has a limit of its own
			}
			k.announced(fmt.Sprintf("%s that announces %d bytes", f.Name, n), &f, b, n)
		}
	}
}

// announced feeds the front of a frame of n bytes.
func (k *kit) announced(name string, f *Frame, b []byte, n int) {
	limit := k.spec.MaxFrame
	if limit == 0 {
		limit = xprotocol.DefaultMaxFrame
	}
	codec, l := k.conn(f.Kind, limit)
	var err error
	took := allocated(func() { err = l.Feed(b) })
	if most := uint64(1 << 20); took > most {
		k.Errorf("%s: %d bytes of memory are taken before it came", name, took)
	}
	over := n > limit
	_, previews := k.spec.Codec.(xprotocol.Previewer)
	switch {
	case (err != nil) != (over && !previews):
		k.Errorf("%s: with a limit of %d, it ends in: %v", name, limit, err)
	case over && previews:
		k.refusedAlone(name, f, l, len(b), n)
	}
	codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	if n := l.Slabs(); n != 0 {
		k.Errorf("%s: %d slabs are in use after the end of the connection", name, n)
	}
}

// conn returns a connection on which frames of a kind come.
func (k *kit) conn(kind stream.Kind, limit int) (interface{ Close(stream.Reset) }, *Link) {
	if kind == stream.KindRequest {
		d := NewDownstream(k.spec, Limits{Frame: limit})
		return d.Codec, &d.Link
	}
	u := NewUpstream(k.spec)
	return u.Codec, &u.Link
}

// refusedAlone checks that a request which is too long is answered, and that its
// connection goes on behind it. Of the n bytes of its frame, sent have been fed.
func (k *kit) refusedAlone(name string, f *Frame, l *Link, sent, n int) {
	answer := l.Sent()
	if f.Kind == stream.KindRequest {
		if h, _, ok := k.parse(name+", the answer", answer); ok && (h.RPC.Kind != stream.KindResponse || h.Status < 400 || h.RPC.ID != f.ID) {
			k.Errorf("%s: it is answered by %+v, status %d", name, h.RPC.Call, h.Status)
		}
	}
	if n > 32<<20 {
		return
	}
	rest := make([]byte, 1<<20)
	for left := n - sent; left > 0; left -= len(rest) {
		if err := l.Feed(rest[:min(len(rest), left)]); err != nil {
			k.Errorf("%s: with the rest of it, the connection ends in: %v", name, err)
			return
		}
	}
	if err := l.Feed(f.Bytes); err != nil || l.Waiting() > 0 {
		k.Errorf("%s: of the frame behind it, %d bytes are not taken: %v", name, l.Waiting(), err)
	}
}

// allocated returns how much memory do took.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
