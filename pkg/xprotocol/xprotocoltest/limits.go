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
// limit and up to it, and sends only their fronts.
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
			k.announced(fmt.Sprintf("%s that announces %d bytes", f.Name, n), f.Kind, b, n)
		}
	}
}

// announced feeds the front of a frame of n bytes.
func (k *kit) announced(name string, kind stream.Kind, b []byte, n int) {
	var codec interface {
		Close(stream.Reset)
	}
	var l *Link
	limit := k.spec.MaxFrame
	if limit == 0 {
		limit = xprotocol.DefaultMaxFrame
	}
	if kind == stream.KindRequest {
		d := NewDownstream(k.spec, Limits{Frame: limit})
		codec, l = d.Codec, &d.Link
	} else {
		u := NewUpstream(k.spec)
		codec, l = u.Codec, &u.Link
	}
	var err error
	took := allocated(func() { err = l.Feed(b) })
	if most := uint64(1 << 20); took > most {
		k.Errorf("%s: %d bytes of memory are taken before it came", name, took)
	}
	if over := n > limit; (err != nil) != over {
		k.Errorf("%s: with a limit of %d, it ends in: %v", name, limit, err)
	} else if _, ok := k.spec.Codec.(xprotocol.Previewer); ok && over && kind == stream.KindRequest {
		if h, _, ok := k.parse(name+", the answer", l.Sent()); ok && (h.RPC.Kind != stream.KindResponse || h.Status < 400) {
			k.Errorf("%s: it is answered by %+v, status %d", name, h.RPC.Call, h.Status)
		}
	}
	codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	if n := l.Slabs(); n != 0 {
		k.Errorf("%s: %d slabs are in use after the end of the connection", name, n)
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
