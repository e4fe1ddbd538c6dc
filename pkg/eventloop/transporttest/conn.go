package transporttest

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/weirproxy/weir/pkg/eventloop"
)

// Conn is the toy for a net.Conn. The handshake is made by the first Read or Write.
type Conn struct {
	net.Conn
	state
	once   sync.Once
	failed error // the handshake
	ready  atomic.Bool

	reading sync.Mutex
	raw     []byte
	opened  []byte
	ended   bool

	writing sync.Mutex
	closed  bool // this direction
}

// Client makes the client's side of a connection.
func Client(c net.Conn, cfg Config) *Conn {
	cfg.Client = true
	return &Conn{Conn: c, state: state{cfg: &cfg}}
}

// Server makes the server's side of a connection.
func Server(c net.Conn, cfg Config) *Conn {
	return &Conn{Conn: c, state: state{cfg: &cfg}}
}

// listener makes what it accepts servers.
type listener struct {
	net.Listener
	cfg Config
}

// NewListener returns a listener whose connections are servers' sides.
func NewListener(ln net.Listener, cfg Config) net.Listener { return &listener{ln, cfg} }

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Server(c, l.cfg), nil
}

// Handshake makes the handshake, once.
func (c *Conn) Handshake() error {
	c.once.Do(func() {
		if c.failed = c.shake(); c.failed != nil && !c.cfg.Client {
			_, _ = c.Conn.Write(alert())
		}
		c.ready.Store(c.failed == nil)
	})
	return c.failed
}

// Hello returns a client's first bytes, which the caller sends; Handshake then waits for
// the answer only.
func (c *Conn) Hello() string { return string(c.hello()) }

// Records returns plain bytes as they go over the wire, and End the announcement of the
// end, for callers that send them in their own way.
func (c *Conn) Records(plain string) string {
	var b []byte
	for s := plain; s != ""; s = s[min(largest, len(s)):] {
		b = appendRecord(b, kindData, c.mask, []byte(s[:min(largest, len(s))]))
	}
	return string(b)
}

// End returns what announces the end of this direction.
func (c *Conn) End() string { return string(appendRecord(nil, kindEnd, c.mask, nil)) }

func (c *Conn) shake() error {
	if c.cfg.Client {
		if c.challenge == nil {
			if _, err := c.Conn.Write(c.hello()); err != nil {
				return err
			}
		}
		kind, content, err := c.record(helloMask)
		if err != nil {
			return err
		}
		return c.takeAnswer(kind, content)
	}
	kind, content, err := c.record(helloMask)
	if err != nil {
		return err
	}
	if err := c.takeHello(kind, content); err != nil {
		return err
	}
	signed, err := c.sign(nil)
	if err != nil {
		return err
	}
	_, err = c.Conn.Write(c.answer(signed))
	return err
}

// Session returns what is known after the handshake.
func (c *Conn) Session() *eventloop.Session { return &c.session }

// record reads the next one.
func (c *Conn) record(mask byte) (kind byte, content []byte, err error) {
	for {
		kind, content, n := parseRecord(c.raw, mask)
		if n > 0 {
			c.raw = c.raw[n:]
			return kind, content, nil
		}
		b := make([]byte, 64<<10)
		n, err := c.Conn.Read(b)
		c.raw = append(c.raw, b[:n]...)
		if n == 0 && err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, nil, err
		}
	}
}

// Read reads plain bytes. An end that was not announced is io.ErrUnexpectedEOF.
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	for len(c.opened) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		kind, content, err := c.record(c.mask)
		if err == nil {
			c.opened, c.ended, err = takeData(kind, content)
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(b, c.opened)
	c.opened = c.opened[n:]
	return n, nil
}

// Write writes plain bytes.
func (c *Conn) Write(b []byte) (n int, err error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(b) > 0 {
		piece := b[:min(len(b), largest)]
		if _, err := c.Conn.Write(appendRecord(nil, kindData, c.mask, piece)); err != nil {
			return n, err
		}
		n, b = n+len(piece), b[len(piece):]
	}
	return n, nil
}

// CloseWrite announces the end of this direction, and ends it.
func (c *Conn) CloseWrite() error {
	c.announce()
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// announce says that this direction ends, if there is one.
func (c *Conn) announce() {
	if !c.ready.Load() {
		return
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if !c.closed {
		c.closed = true
		_, _ = c.Conn.Write(appendRecord(nil, kindEnd, c.mask, nil))
	}
}

// Close announces the end and closes the connection.
func (c *Conn) Close() error {
	c.announce()
	return c.Conn.Close()
}
