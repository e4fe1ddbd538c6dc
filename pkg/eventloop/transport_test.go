package eventloop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/weirproxy/weir/pkg/buffer"
)

var errBadRecord = errors.New("a record of the wrong kind")

// toy is a transport of records: a kind, a length, and bytes that are masked. Like
// a real one it opens whole records only, keeps what finds no room, and says hello
// before anything else.
type toy struct {
	opened []byte
	hello  bool
}

const (
	toyData = iota
	toyHello
	toyEnd
	toyMask = 0x5a
)

func toyRecord(dst []byte, kind byte, b []byte) []byte {
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b)))
	for _, x := range b {
		dst = append(dst, x^toyMask)
	}
	return dst
}

func (x *toy) Open(wire, plain []byte) (took, put int, err error) {
	if len(x.opened) == 0 && len(wire) >= 3 {
		n := 3 + int(binary.BigEndian.Uint16(wire[1:]))
		if wire[0] > toyEnd {
			return 0, 0, errBadRecord
		}
		if len(wire) >= n {
			for _, b := range wire[3:n] {
				x.opened = append(x.opened, b^toyMask)
			}
			took = n
		}
	}
	put = copy(plain, x.opened)
	x.opened = x.opened[put:]
	return took, put, nil
}

func (x *toy) Seal(plain, wire *buffer.Chain) error {
	if !x.hello {
		x.hello = true
		wire.Append(toyRecord(nil, toyHello, nil))
	}
	for plain.Len() > 0 {
		b := plain.Front()
		b = b[:min(len(b), 10_000)]
		wire.Append(toyRecord(nil, toyData, b))
		plain.Discard(len(b))
	}
	return nil
}

func (x *toy) CloseWrite(wire *buffer.Chain) { wire.Append(toyRecord(nil, toyEnd, nil)) }

// toyRead reads a record as the peer.
func toyRead(t *testing.T, r io.Reader) (kind byte, b []byte) {
	t.Helper()
	var head [3]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		t.Fatal(err)
	}
	b = make([]byte, binary.BigEndian.Uint16(head[1:]))
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= toyMask
	}
	return head[0], b
}

// toyExpect reads records until it has all of want.
func toyExpect(t *testing.T, r io.Reader, want string) {
	t.Helper()
	var got []byte
	for len(got) < len(want) {
		kind, b := toyRead(t, r)
		if kind == toyEnd {
			t.Fatalf("the end after %d bytes of %d", len(got), len(want))
		}
		got = append(got, b...)
	}
	if string(got) != want {
		t.Fatalf("read %d bytes that are not what was sent", len(got))
	}
}

func adoptToy(t *testing.T, l *Loop, network string, p *probe) (*Conn, peer) {
	c, peer := adopt(t, l, network, p)
	on(t, l, func() { c.SetTransport(&toy{}) })
	return c, peer
}

func TestTransportEchoSplitAtEveryPosition(t *testing.T) {
	l := newLoop(t, Options{})
	msg := toyRecord(toyRecord(toyRecord(nil, toyData, []byte("first")), toyHello, nil), toyData, []byte("second one"))
	for at := range len(msg) + 1 {
		p := newProbe(t)
		p.data = func(c *Conn, in buffer.View) int {
			n := in.Len() / 5 * 5 // leaves a rest
			c.Write(in.Bytes()[:n])
			return n
		}
		c, peer := adoptToy(t, l, "tcp", p)
		send(t, peer, string(msg[:at]))
		turns(t, l)
		send(t, peer, string(msg[at:]))
		toyExpect(t, peer, "firstsecond one")
		on(t, l, c.Close)
		if kind, _ := toyRead(t, peer); kind != toyEnd {
			t.Errorf("record of kind %d instead of the end", kind)
		}
		expectEOF(t, peer)
		peer.Close()
		p.expect(t, "closed: <nil>")
	}
}

// Back-pressure, pauses and rests, with records that are larger than the room that
// they are opened into.
func TestTransportAtAnyPace(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{})
		for seed := range uint32(4) {
			w := &whim{probe: newProbe(t), seed: seed}
			c, peer := adopt(t, l, network, w)
			on(t, l, func() { c.SetTransport(&toy{}) })
			want := pattern(1 << 20)
			go func() {
				var wire []byte
				for s, n := want, 1; s != ""; s, n = s[min(n, len(s)):], (n*7+1)%65_000+1 {
					wire = toyRecord(wire, toyData, []byte(s[:min(n, len(s))]))
				}
				for n := 1; len(wire) > 0; n = (n*5+3)%90_000 + 1 {
					k, err := peer.Write(wire[:min(n, len(wire))])
					if err != nil {
						return
					}
					wire = wire[k:]
				}
				peer.CloseWrite()
			}()
			w.expectBytes(t, want)
			w.expect(t, "EOF")
			on(t, l, c.Close)
			io.Copy(io.Discard, peer)
			w.expect(t, "closed: <nil>")
		}
	})
}

// Bytes that the transport has opened and keeps are offered after Resume, even if
// the wire brings nothing more.
func TestTransportThatKeepsOpenedBytes(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	p.data = func(c *Conn, in buffer.View) int { c.Pause(); return in.Len() }
	c, peer := adoptToy(t, l, "tcp", p)
	want := pattern(60_000)
	send(t, peer, string(toyRecord(nil, toyData, []byte(want))))
	for have := 0; have < len(want); {
		until(t, "more is handed over", func() bool { return len(p.bytes()) > have })
		turns(t, l)
		have = len(p.bytes())
		on(t, l, c.Resume)
	}
	p.expectBytes(t, want)
}

func TestTransportBackPressure(t *testing.T) {
	networks(t, func(t *testing.T, network string) {
		l := newLoop(t, Options{HighWater: 20_000})
		p := newProbe(t)
		most := 0
		p.data = func(c *Conn, in buffer.View) int {
			c.Out().AppendView(in)
			return in.Len()
		}
		p.pressure = func(c *Conn, high bool) {
			most = max(most, c.extra.wire.Len())
			if high {
				c.Pause()
			} else {
				c.Resume()
			}
		}
		p.eof = (*Conn).Close
		_, peer := adoptToy(t, l, network, p)
		want := pattern(8 << 20)
		go func() {
			for s := want; s != ""; s = s[min(30_000, len(s)):] {
				peer.Write(toyRecord(nil, toyData, []byte(s[:min(30_000, len(s))])))
			}
			peer.CloseWrite()
		}()
		toyExpect(t, peer, want)
		if kind, _ := toyRead(t, peer); kind != toyEnd {
			t.Errorf("record of kind %d instead of the end", kind)
		}
		expectEOF(t, peer)
		on(t, l, func() {
			if most > 1<<20 {
				t.Errorf("%d bytes waited", most)
			}
		})
	})
}

func TestTransportErrors(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	_, peer := adoptToy(t, l, "tcp", p)
	send(t, peer, string(toyRecord(nil, toyData, []byte("good")))+"\xff\x00\x00")
	p.expect(t, "closed: "+errBadRecord.Error())
	p.expectBytes(t, "good")
}

// greedy never takes anything.
type greedy struct{ toy }

func (*greedy) Open(wire, plain []byte) (took, put int, err error) { return 0, 0, nil }

func TestTransportThatTakesNothingIsBounded(t *testing.T) {
	l := newLoop(t, Options{})
	p := newProbe(t)
	c, peer := adopt(t, l, "tcp", p)
	on(t, l, func() { c.SetTransport(&greedy{}) })
	go peer.Write(make([]byte, 32<<20))
	p.expect(t, "closed: "+ErrUnreadTooLong.Error())
}

func TestTransportOfADialedConnection(t *testing.T) {
	l := newLoop(t, Options{})
	ln, addr := listenOn(t, "tcp")
	p := newProbe(t)
	on(t, l, func() {
		c, err := l.Dial(&addr, &DialOptions{Timeout: patience}, p)
		if err != nil {
			t.Error(err)
			return
		}
		c.SetTransport(&toy{})
		c.Write([]byte("early"))
	})
	peer := accept(t, ln)
	if kind, b := toyRead(t, peer); kind != toyHello || len(b) != 0 {
		t.Errorf("the first record is of kind %d", kind)
	}
	toyExpect(t, peer, "early")
	send(t, peer, string(toyRecord(nil, toyData, bytes.Repeat([]byte("x"), 100))))
	p.expect(t, "connected")
	p.expectBytes(t, string(bytes.Repeat([]byte("x"), 100)))
}
