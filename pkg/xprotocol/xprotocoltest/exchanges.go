package xprotocoltest

import (
	"bytes"
	"fmt"

	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/xprotocol"
)

// exchange is an upstream connection with requests on it, which were sent.
type exchange struct {
	k     *kit
	u     *Upstream
	calls []*Call
	ids   []uint64 // on the wire
}

// exchange sends one request. It is nil if that fails.
func (k *kit) exchange() *exchange {
	x := &exchange{k: k, u: NewUpstream(k.spec)}
	if !x.request() {
		return nil
	}
	return x
}

// request sends one more request, always with the same id.
func (x *exchange) request() bool {
	f := x.k.first(stream.KindRequest)
	c, err := x.u.Send(f.Bytes)
	if err != nil {
		x.k.Errorf("%s: it is not sent: %v", f.Name, err)
		return false
	}
	sent := x.u.Sent()
	h, content, ok := x.k.parse(f.Name+", as it is sent", sent)
	if !ok {
		return false
	}
	if string(content) != f.Content || h.RPC.Kind != stream.KindRequest {
		x.k.Errorf("%s: it is sent as %x", f.Name, front(sent))
	}
	x.calls, x.ids = append(x.calls, c), append(x.ids, h.RPC.ID)
	return true
}

// answer answers request i.
func (x *exchange) answer(i int) { x.answerID(x.ids[i]) }

func (x *exchange) answerID(id uint64) {
	f := x.k.first(stream.KindResponse)
	if err := x.u.Feed(x.k.withID(f.Bytes, id)); err != nil {
		x.k.Errorf("%s, with id %#x: %v", f.Name, id, err)
	}
}

// arrived checks that an answer came, once and whole.
func (x *exchange) arrived(i int) {
	x.k.Helper()
	c, f := x.calls[i], x.k.first(stream.KindResponse)
	if !c.Ended || len(c.Faults) > 0 || c.GivenUp != nil || string(c.Content) != f.Content {
		x.k.Errorf("the answer to request %d: %v", i, c)
	}
}

func order(k *kit) {
	if k.spec.Usage == xprotocol.PingPong {
		return
	}
	x := k.exchange()
	for range 4 {
		if x == nil || !x.request() {
			return
		}
	}
	for _, i := range []int{3, 0, 4, 2, 1} {
		for j, c := range x.calls {
			if x.ids[i] == x.ids[j] && i != j {
				k.Errorf("two requests were sent with id %#x", x.ids[i])
			}
			if i == j && c.Ended {
				k.Errorf("request %d is answered by the answer to another one", j)
			}
		}
		x.answer(i)
		x.arrived(i)
	}
	x.nothingLeft()
}

// nothingLeft closes the connection, after which no memory is in use.
func (x *exchange) nothingLeft() {
	x.k.Helper()
	x.u.Codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	if n := x.u.Slabs(); n != 0 {
		x.k.Errorf("%d slabs are in use after the end of the connection", n)
	}
}

func strays(k *kit) {
	if k.spec.Usage == xprotocol.PingPong {
		return
	}
	x := k.exchange()
	if x == nil || !x.request() || !x.request() {
		return
	}
	x.answerID(x.ids[2] + 1) // to nothing
	x.answer(0)
	x.answer(0) // twice
	x.calls[1].End.Reset(stream.Reset{Reason: stream.TimedOut})
	x.answer(1) // too late
	x.answer(2)
	x.arrived(0)
	x.arrived(2)
	if c := x.calls[1]; c.Head != nil || c.Ended {
		k.Errorf("an answer came to a request that was given up: %v", c)
	}
	if n := dropped(x.u); n != 3 {
		k.Errorf("%d answers are said to be dropped, not 3", n)
	}
	x.nothingLeft()
}

func oneWay(k *kit) {
	for _, f := range k.of(stream.KindOneWay) {
		d := NewDownstream(k.spec, Limits{})
		if err := d.Feed(append(bytes.Clone(f.Bytes), f.Bytes...)); err != nil { // their ids do not matter
			k.Errorf("%s: %v", f.Name, err)
		}
		if len(d.Calls) != 2 || !d.Calls[1].Ended || string(d.Calls[1].Content) != f.Content {
			k.Errorf("%s: sent twice, it makes %v", f.Name, d.Calls)
			continue
		}
		for _, c := range d.Calls {
			c.Send(&stream.Head{Status: 503}, []byte("no host"))
		}
		if b := d.Sent(); len(b) > 0 || d.Codec.Phase() != stream.Idle {
			k.Errorf("%s: it is answered by %x, and the phase is %d", f.Name, b, d.Codec.Phase())
		}
		u := NewUpstream(k.spec)
		c, err := u.Send(f.Bytes)
		if err != nil || !c.Ended || c.Head.Status >= 300 {
			k.Errorf("%s: sent to a host, it ends with %v, %v", f.Name, c, err)
			continue
		}
		if got, content, ok := k.parse(f.Name+", as it is sent", u.Sent()); ok && (got.RPC.Kind != stream.KindOneWay || string(content) != f.Content) {
			k.Errorf("%s: it is sent as %+v with %q", f.Name, got.RPC.Call, content)
		}
	}
}

func duplicates(k *kit) {
	f := k.first(stream.KindRequest)
	d := NewDownstream(k.spec, Limits{})
	if err := d.Feed(f.Bytes); err != nil {
		k.Errorf("%s: %v", f.Name, err)
	}
	if err := d.Feed(f.Bytes); err == nil {
		k.Errorf("%s: a second request with the id of one that is under way is taken", f.Name)
	}
	d.Codec.Close(stream.Reset{Reason: stream.ConnectionLost})
	if len(d.Calls) != 1 || d.Calls[0].GivenUp == nil {
		k.Errorf("%s: after the end of the connection there are %v", f.Name, d.Calls)
	}
	if n := d.Slabs(); n != 0 {
		k.Errorf("%s: %d slabs are in use after the end of the connection", f.Name, n)
	}
}

// pipelined sends more requests at once than may be under way.
func pipelined(k *kit) {
	f, p := k.first(stream.KindRequest), k.first(stream.KindResponse)
	d := NewDownstream(k.spec, Limits{Streams: 2})
	var all []byte
	for id := range uint64(5) {
		all = append(all, k.withID(f.Bytes, id+1)...)
	}
	if err := d.Feed(all); err != nil {
		k.Errorf("%s: %v", f.Name, err)
	}
	for n := range 5 {
		if want := min(n+2, 5); len(d.Calls) != want || d.Paused != (n+2 < 5) {
			k.Errorf("of 5 requests, %d answered and 2 permitted at a time, %d came, and the reading is paused: %v", n, len(d.Calls), d.Paused)
			return
		}
		if err := d.Calls[n].Pass(k.spec, p.Bytes); err != nil {
			k.Errorf("%s: %v", p.Name, err)
			return
		}
		name := fmt.Sprintf("answer %d", n)
		if h, content, ok := k.parse(name, d.Sent()); ok && (h.RPC.ID != uint64(n+1) || string(content) != p.Content) {
			k.Errorf("%s: it has id %#x and content %q", name, h.RPC.ID, content)
		}
		if err := d.Feed(nil); err != nil {
			k.Errorf("%s: %v", f.Name, err)
		}
	}
	if d.Codec.Phase() != stream.Idle || d.Waiting() > 0 {
		k.Errorf("after the last answer, the phase is %d, and %d bytes wait", d.Codec.Phase(), d.Waiting())
	}
}
