package transporttest

import (
	"io"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/eventloop"
)

// Transport is the toy for a connection that is on a loop.
type Transport struct {
	state
	conn   *eventloop.Conn
	begun  bool
	signed chan result // the answer to the challenge
	opened []byte      // that found no room
	ended  bool
	gone   chan struct{}
}

type result struct {
	signed []byte
	err    error
}

var (
	_ eventloop.Transport = (*Transport)(nil)
	_ io.Closer           = (*Transport)(nil)
)

// New makes a transport for a connection; [eventloop.Conn.SetTransport] is the caller's.
func New(c *eventloop.Conn, cfg *Config) *Transport {
	return &Transport{state: state{cfg: cfg}, conn: c, gone: make(chan struct{})}
}

// Handshake implements [eventloop.Transport].
func (t *Transport) Handshake(wire []byte, out *buffer.Chain) (took int, p eventloop.Progress, err error) {
	switch {
	case t.cfg.Client:
		return t.greet(wire, out)
	case t.signed == nil:
		return t.receive(wire, out)
	}
	select {
	case r := <-t.signed:
		if r.err != nil {
			out.Append(alert())
			return 0, eventloop.WantBytes, r.err
		}
		out.Append(t.answer(r.signed))
		return 0, eventloop.Done, nil
	default:
		return 0, eventloop.WantWake, nil
	}
}

// greet is the client's part.
func (t *Transport) greet(wire []byte, out *buffer.Chain) (took int, p eventloop.Progress, err error) {
	if !t.begun {
		t.begun = true
		out.Append(t.hello())
	}
	kind, content, n := parseRecord(wire, helloMask)
	if n == 0 {
		return 0, eventloop.WantBytes, nil
	}
	if err := t.takeAnswer(kind, content); err != nil {
		return n, eventloop.WantBytes, err
	}
	return n, eventloop.Done, nil
}

// receive is the server's part, until the hello has come.
func (t *Transport) receive(wire []byte, out *buffer.Chain) (took int, p eventloop.Progress, err error) {
	if len(wire) > 0 && Detect(wire) < 0 {
		out.Append(alert())
		return 0, eventloop.WantBytes, ErrBadRecord
	}
	kind, content, n := parseRecord(wire, helloMask)
	if n == 0 {
		return 0, eventloop.WantBytes, nil
	}
	if err := t.takeHello(kind, content); err != nil {
		out.Append(alert())
		return n, eventloop.WantBytes, err
	}
	t.signed = make(chan result, 1)
	go func() {
		signed, err := t.sign(t.gone)
		t.signed <- result{signed, err}
		t.conn.Wake()
	}()
	return n, eventloop.WantWake, nil
}

// Session implements [eventloop.Transport].
func (t *Transport) Session() *eventloop.Session { return &t.session }

// Open implements [eventloop.Transport]. It opens whole records only, and keeps what
// finds no room.
func (t *Transport) Open(wire, plain []byte) (took, put int, err error) {
	if len(t.opened) == 0 && !t.ended {
		kind, content, n := parseRecord(wire, t.mask)
		if took = n; n > 0 {
			if t.opened, t.ended, err = takeData(kind, content); err != nil {
				return took, 0, err
			}
		}
	}
	put = copy(plain, t.opened)
	if t.opened = t.opened[put:]; t.ended {
		return took, put, io.EOF
	}
	return took, put, nil
}

// Seal implements [eventloop.Transport].
func (t *Transport) Seal(plain, wire *buffer.Chain) error {
	for plain.Len() > 0 {
		b := plain.Front()
		b = b[:min(len(b), largest)]
		wire.Append(appendRecord(nil, kindData, t.mask, b))
		plain.Discard(len(b))
	}
	return nil
}

// CloseWrite implements [eventloop.Transport].
func (t *Transport) CloseWrite(wire *buffer.Chain) {
	wire.Append(appendRecord(nil, kindEnd, t.mask, nil))
}

// Close lets go of a signature that is being made.
func (t *Transport) Close() error {
	close(t.gone)
	return nil
}
