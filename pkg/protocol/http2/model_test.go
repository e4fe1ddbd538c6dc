package http2

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// world is a client and a server of this package with two links between them, which
// carry as much as the test lets them, and the ends of all streams.
type world struct {
	t        *rapid.T
	up, down *wire // the client's, the server's
	client   *ClientConn
	server   *ServerConn
	calls    []*call
	byID     map[string]*call
}

// call is one request with its response: a talker at each side.
type call struct {
	name           string
	client, server talker
}

// talker is one side of a call: what it has sent and what it got. Byte number i of
// a message is known from i alone.
type talker struct {
	to     stream.End // where what it sends goes
	sent   int
	got    int
	begun  bool // it has sent its head
	ended  bool // and its end
	head   bool // it got a head
	over   bool // it got the end
	reset  bool
	held   bool // it was told to pause
	pauses bool // it has told the other side to pause
	lost   string
}

func pattern(i int) byte { return byte(i*31 + i>>8) }

func (k *talker) Head(h *stream.Head, end bool) {
	if h.Interim() {
		return
	}
	k.expect(!k.head && !k.over, "a second head")
	k.head = true
	k.over = end
}

func (k *talker) Data(d *buffer.Chain, end bool) {
	k.expect(k.head && !k.over && !k.reset, "data out of place")
	d.Each(func(b []byte) {
		for _, c := range b {
			k.expect(c == pattern(k.got), "byte %d is wrong", k.got)
			k.got++
		}
	})
	d.Clear()
	k.over = end
}

func (k *talker) Trailers(t *stream.Header) {
	k.expect(k.head && !k.over && !k.reset, "trailers out of place")
	v, _ := t.Get("x-sum")
	k.expect(string(v) == "1", "trailers are %q", v)
	k.over = true
}

func (k *talker) Reset(stream.Reset) {
	k.expect(!k.reset, "a second reset")
	k.reset = true
}

func (k *talker) Pause() {
	k.expect(!k.held, "paused twice")
	k.held = true
}

func (k *talker) Resume() {
	k.expect(k.held, "resumed without a pause")
	k.held = false
}

func (k *talker) expect(ok bool, format string, args ...any) {
	if !ok && k.lost == "" {
		k.lost = fmt.Sprintf(format, args...)
	}
}

// may tells whether a talker may still send.
func (k *talker) may() bool { return k.begun && !k.ended && !k.reset && !k.held && k.to != nil }

func newWorld(t *rapid.T, tb testing.TB) *world {
	w := &world{t: t, byID: map[string]*call{}}
	w.up = newWire(tb)
	w.down = w.up.sibling()
	config := func(name string) *Config {
		return &Config{
			MaxConcurrentStreams: rapid.Uint32Range(1, 8).Draw(t, name+" streams"),
			StreamWindow:         rapid.SampledFrom([]uint32{600, 1000, 5000, 65535, 100_000}).Draw(t, name+" window"),
			ConnWindow:           rapid.SampledFrom([]uint32{65535, 70_000, 150_000}).Draw(t, name+" connection"),
		}
	}
	w.client = NewClientConn(config("client"), w.up, w.up.heads)
	w.server = NewServerConn(config("server"), w.down, w, w.up.heads)
	return w
}

// NewStream is for the server: which call it is, is in the path.
func (w *world) NewStream(sender stream.End) stream.End { return &arrival{world: w, sender: sender} }

// arrival becomes a call's talker with its head.
type arrival struct {
	*talker
	world  *world
	sender stream.End
}

func (a *arrival) Head(h *stream.Head, end bool) {
	a.talker = &a.world.byID[string(h.Path())].server
	a.to = a.sender
	a.talker.Head(h, end)
}

func (a *arrival) Reset(r stream.Reset) {
	if a.talker != nil {
		a.talker.Reset(r)
	}
}

func (a *arrival) Pause()  { a.talker.Pause() }
func (a *arrival) Resume() { a.talker.Resume() }

func (w *world) open() {
	if w.client.Available() == 0 || len(w.calls) >= 60 {
		return
	}
	c := &call{name: fmt.Sprintf("/%d", len(w.calls))}
	w.calls = append(w.calls, c)
	w.byID[c.name] = c
	c.client.to = w.client.NewStream(&c.client)
	c.client.begun = true
	c.client.ended = rapid.IntRange(0, 4).Draw(w.t, "bare") == 4
	c.client.to.Head(requestHead("POST", "a", c.name, -1+b2i(c.client.ended)), c.client.ended)
}

func b2i(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// pick chooses a talker of one of the latest calls that are not over.
func (w *world) pick() *talker {
	var open []*call
	for i := len(w.calls) - 1; i >= 0 && len(open) < 4; i-- {
		if c := w.calls[i]; !c.client.over && !c.client.reset || !c.server.over && !c.server.reset {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return nil
	}
	c := open[rapid.IntRange(0, len(open)-1).Draw(w.t, "call")]
	if rapid.Bool().Draw(w.t, "server's") {
		return &c.server
	}
	return &c.client
}

func (w *world) say() {
	k := w.pick()
	if k == nil {
		return
	}
	if !k.begun && k.head && !k.reset && k.to != nil {
		k.begun = true
		k.ended = rapid.IntRange(0, 4).Draw(w.t, "bare") == 4
		k.to.Head(responseHead(200, -1), k.ended)
		return
	}
	if !k.may() {
		return
	}
	w.sayData(k, rapid.SampledFrom([]int{700, 20_000, 1, 0, 30, 1500, 3000, 16384, 40_000}).Draw(w.t, "size"))
}

func (w *world) sayData(k *talker, n int) {
	b := make([]byte, n)
	for i := range b {
		b[i] = pattern(k.sent + i)
	}
	k.sent += n
	d := w.up.chain(string(b))
	switch rapid.IntRange(0, 20).Draw(w.t, "and then") {
	case 20:
		k.ended = true
		k.to.Data(d, true)
	case 19:
		k.to.Data(d, false)
		if !k.reset {
			k.ended = true
			var t stream.Header
			t.Add("x-sum", "1")
			k.to.Trailers(&t)
		}
	default:
		k.to.Data(d, false)
	}
}

func (w *world) flow() {
	k := w.pick()
	if k == nil || k.to == nil || k.over && k.ended || k.reset {
		return
	}
	k.pauses = !k.pauses
	if k.pauses {
		k.to.Pause()
	} else {
		k.to.Resume()
	}
}

func (w *world) giveUp() {
	k := w.pick()
	if k == nil || k.to == nil || k.reset || k.over && k.ended {
		return
	}
	k.reset = true
	k.to.Reset(stream.Reset{Reason: stream.Cancelled})
}

// carry takes up to n bytes from one side to the other.
func (w *world) carry(from, to *wire, codec stream.Codec, n int) bool {
	b := from.out.AppendTo(nil)
	b = b[:min(n, len(b))]
	from.out.Discard(len(b))
	if len(b) == 0 && len(to.pending) == 0 {
		return false
	}
	if err := to.feed(codec, b); err != nil {
		w.t.Fatalf("%v", err)
	}
	return len(b) > 0
}

func (w *world) check() {
	for _, c := range w.calls {
		for who, k := range map[string]*talker{"client": &c.client, "server": &c.server} {
			if k.lost != "" {
				w.t.Fatalf("%s, %s: %s", c.name, who, k.lost)
			}
		}
		if c.server.got > c.client.sent || c.client.got > c.server.sent {
			w.t.Fatalf("%s: more was got than sent", c.name)
		}
	}
}

// portion is how many bytes are carried at a time.
func portion(t *rapid.T) int {
	return rapid.SampledFrom([]int{1 << 20, 10, 1000, 20_000, 70_000}).Draw(t, "n")
}

// settle lets everything arrive that can.
func (w *world) settle() {
	w.client.Pressure(false)
	w.server.Pressure(false)
	for _, c := range w.calls {
		for _, k := range []*talker{&c.client, &c.server} {
			if k.pauses && (!k.over || !k.ended) && !k.reset {
				k.pauses = false
				k.to.Resume()
			}
		}
	}
	for more := true; more; {
		more = w.carry(w.up, w.down, w.server, 1<<30)
		more = w.carry(w.down, w.up, w.client, 1<<30) || more
	}
	w.check()
}

// TestConversations: whatever the two sides do, in whatever order, all that was said
// arrives, once and in order, and no window is overrun, which either side would take
// for an error.
func TestConversations(t *testing.T) {
	for range 5 { // as many again as rapid would do
		rapid.Check(t, func(rt *rapid.T) { converse(t, rt) })
	}
}

func converse(t *testing.T, rt *rapid.T) {
	w := newWorld(rt, t)
	rt.Repeat(map[string]func(*rapid.T){
		"open": func(*rapid.T) { w.open() },
		"say": func(t *rapid.T) {
			for range rapid.IntRange(1, 8).Draw(t, "times") {
				w.say()
			}
		},
		"flow":       func(*rapid.T) { w.flow() },
		"flow again": func(*rapid.T) { w.flow() },
		"reset": func(t *rapid.T) {
			if rapid.IntRange(0, 9).Draw(t, "really") == 9 {
				w.giveUp()
			}
		},
		"upwards": func(t *rapid.T) {
			w.carry(w.up, w.down, w.server, portion(t))
		},
		"downwards": func(t *rapid.T) {
			w.carry(w.down, w.up, w.client, portion(t))
		},
		"pressure": func(t *rapid.T) {
			high := rapid.Bool().Draw(t, "high")
			if rapid.Bool().Draw(t, "client's") {
				w.client.Pressure(high)
			} else {
				w.server.Pressure(high)
			}
		},
		"all": func(*rapid.T) { w.settle() },
		"":    func(*rapid.T) { w.check() },
	})
	w.settle()
	for _, c := range w.calls {
		if c.client.reset || c.server.reset {
			continue
		}
		early := c.client.over && !c.client.ended // the response was over before the request
		if !early && c.server.got != c.client.sent || c.client.got != c.server.sent {
			rt.Fatalf("%s: the server got %d of %d, the client %d of %d", c.name, c.server.got, c.client.sent, c.client.got, c.server.sent)
		}
		if !early && c.client.ended != c.server.over || c.server.ended != c.client.over {
			rt.Fatalf("%s: an end is missing", c.name)
		}
	}
	w.client.Close(stream.Reset{Reason: stream.ConnectionLost})
	w.server.Close(stream.Reset{Reason: stream.ConnectionLost})
	if w.client.streams.count != 0 || w.server.streams.count != 0 || w.client.streams.live != 0 || w.server.streams.live != 0 {
		rt.Fatalf("streams are left: %d, %d", w.client.streams.count, w.server.streams.count)
	}
	w.down.out.Clear()
	w.up.check()
}
