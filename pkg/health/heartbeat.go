package health

import (
	"errors"
	"fmt"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/stream"
)

// heartbeat is the question of RPC protocols: a heartbeat that is sent like one of a
// client that is passed through, because its answer is seen then. Of those that a
// codec sends by itself one only learns that something came.
type heartbeat struct {
	head    stream.Head
	content []byte
	whole   bool
}

// newHeartbeat has the protocol's own codecs write a heartbeat, and read it.
func newHeartbeat(p *protocol.Protocol) (*heartbeat, error) {
	client, server := newWire(nil), newWire(nil)
	pinger := p.ClusterSettings(nil).Client()(client, &client.heads).Features().Pinger
	if pinger == nil || !pinger.Ping() {
		return nil, noHeartbeats(p)
	}
	frame := client.out.AppendTo(nil)
	client.out.Clear()
	b := &heartbeat{}
	codec := p.ListenerSettings(nil).Server(&protocol.Listener{HeartbeatStreams: true})(server, (*beatCatcher)(b), &server.heads)
	slab := server.slabs.Get(len(frame))
	_, err := codec.Feed(buffer.ViewOf(slab, 0, copy(slab.Bytes(), frame)))
	slab.Release()
	codec.Close(stream.Reset{Reason: stream.Cancelled})
	server.out.Clear()
	if err != nil || !b.whole {
		return nil, noHeartbeats(p)
	}
	return b, nil
}

func noHeartbeats(p *protocol.Protocol) error {
	return fmt.Errorf("the protocol %s has no heartbeats", p.Name)
}

func (b *heartbeat) ask(up stream.End, w *wire) {
	h := w.heads.Get()
	h.CopyFrom(&b.head)
	up.Head(h, len(b.content) == 0)
	w.heads.Put(h)
	if len(b.content) > 0 {
		var content buffer.Chain
		content.Init(&w.slabs)
		content.Append(b.content)
		up.Data(&content, true)
		content.Clear()
	}
}

func (b *heartbeat) judge(a *answer) error {
	if a.status != 200 {
		return errors.New("the host answers that it is not well")
	}
	return nil
}

// beatCatcher keeps a heartbeat that comes on a stream.
type beatCatcher heartbeat

// NewStream implements [stream.Acceptor].
func (b *beatCatcher) NewStream(stream.End) stream.End { return b }

// Head implements [stream.Sink].
func (b *beatCatcher) Head(h *stream.Head, end bool) {
	b.head.CopyFrom(h)
	b.whole = end && h.RPC.Kind == stream.KindHeartbeat
}

// Data implements [stream.Sink].
func (b *beatCatcher) Data(d *buffer.Chain, end bool) {
	b.content = d.AppendTo(b.content)
	d.Clear()
	b.whole = end && b.head.RPC.Kind == stream.KindHeartbeat
}

// Trailers implements [stream.Sink].
func (b *beatCatcher) Trailers(*stream.Header) {}

// Reset implements [stream.Sink].
func (b *beatCatcher) Reset(stream.Reset) {}

// Pause implements [stream.Flow].
func (b *beatCatcher) Pause() {}

// Resume implements [stream.Flow].
func (b *beatCatcher) Resume() {}
