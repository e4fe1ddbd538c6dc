//go:build slow

package slow_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// framing is an RPC protocol, as far as a peer that counts bytes needs it.
type framing interface {
	name() string
	// request and response are whole frames with n bytes of the pattern.
	request(id byte, n int) []byte
	response(id byte, n int) []byte
	// read takes the next frame off a connection.
	read(r io.Reader) (frame, error)
	// heartbeat is the answer to a heartbeat.
	heartbeat(id byte) []byte
}

// frame is a frame that came.
type frame struct {
	kind byte // of 'q' request, 'r' response, 'h' heartbeat
	id   byte
	size int    // bytes of the pattern in it
	ok   bool   // it is a success, and the pattern is whole
	text string // what a failure says
}

// rpcPeer is a host and a client of an RPC protocol. The host answers a short request
// with a long answer, and a long one with a short answer.
type rpcPeer struct {
	framing
	big int // the size of answers to short requests
}

// host answers short requests at length, and long ones shortly.
func (p rpcPeer) host(t *testing.T) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var conns sync.Map
	t.Cleanup(func() {
		l.Close()
		conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			conns.Store(c, nil)
			wg.Go(func() {
				defer c.Close()
				p.serve(c)
			})
		}
	})
	return l.Addr().String()
}

func (p rpcPeer) serve(c net.Conn) {
	for {
		f, err := p.read(c)
		if err != nil {
			return
		}
		answer := p.response(f.id, 5)
		switch {
		case f.kind == 'h':
			answer = p.heartbeat(f.id)
		case !f.ok:
			return
		case f.size < 100:
			answer = p.response(f.id, p.big)
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// call makes one call whose request, or answer, is long.
func (p rpcPeer) call(address string, what direction, n int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	sent, want := 5, n
	if what == request {
		sent, want = n, 5
	}
	if _, err := c.Write(p.request(7, sent)); err != nil {
		return err
	}
	f, err := p.read(c)
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case f.kind != 'r' || f.id != 7 || !f.ok || f.size != want:
		return fmt.Errorf("an answer %+v, not of %d bytes", f, want)
	}
	return nil
}

// bolt is SofaRPC's protocol, version 1.
type bolt struct{}

func (bolt) name() string { return "bolt" }

func (bolt) request(id byte, n int) []byte {
	header := "\x00\x00\x00\x07service\x00\x00\x00\x04echo"
	b := []byte{1, 1, 0, 1, 1, 0, 0, 0, id, 1, 0, 4, 0x93, 0xe0} // a timeout of 300 s
	b = append(b, 0, 1, 0, byte(len(header)))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return append(append(append(b, 'C'), header...), pattern(n)...)
}

func (bolt) response(id byte, n int) []byte {
	b := binary.BigEndian.AppendUint32([]byte{1, 0, 0, 2, 1, 0, 0, 0, id, 1, 0, 0, 0, 0, 0, 0}, uint32(n))
	return append(b, pattern(n)...)
}

func (bolt) heartbeat(id byte) []byte {
	return []byte{1, 0, 0, 0, 1, 0, 0, 0, id, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
}

func (bolt) read(r io.Reader) (frame, error) {
	const short, long = 20, 22 // of a response, and of a request, which has a timeout in place of a status
	var head [long]byte
	if _, err := io.ReadFull(r, head[:short]); err != nil {
		return frame{}, err
	}
	f := frame{kind: 'q', id: head[8], ok: true}
	lengths := head[14:]
	if head[1] == 0 {
		f.kind, f.ok, lengths = 'r', head[10]|head[11] == 0, head[12:]
	} else if _, err := io.ReadFull(r, head[short:]); err != nil {
		return frame{}, err
	}
	if head[3] == 0 {
		f.kind = 'h'
	}
	skip := int64(binary.BigEndian.Uint16(lengths)) + int64(binary.BigEndian.Uint16(lengths[2:]))
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return frame{}, err
	}
	content := make([]byte, binary.BigEndian.Uint32(lengths[4:]))
	n, err := io.ReadFull(r, content)
	if f.kind == 'r' && !f.ok {
		f.text = string(content)
	}
	f.size, f.ok = len(content), f.ok && bytes.Equal(content, pattern(len(content)))
	return f, whole("bolt", n, len(content), err)
}

// dubbo is Dubbo's protocol, with Hessian 2.
type dubbo struct{}

func (dubbo) name() string { return "dubbo" }

// chunk is how many bytes a piece of Hessian's binary data may have.
const chunk = 32 << 10

// hessianBytes appends n bytes of the pattern as binary data.
func hessianBytes(b []byte, n int) []byte {
	p := pattern(n)
	for ; len(p) > chunk; p = p[chunk:] {
		b = append(append(b, 'A', chunk>>8, 0), p[:chunk]...)
	}
	return append(append(b, 'B', byte(len(p)>>8), byte(len(p))), p...)
}

func (dubbo) frame(flag, status, id byte, body []byte) []byte {
	b := []byte{0xda, 0xbb, flag, status, 0, 0, 0, 0, 0, 0, 0, id}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(body))), body...)
}

func (d dubbo) request(id byte, n int) []byte {
	body := []byte("\x052.0.2\x04echo\x00\x03say\x02[B")
	body = hessianBytes(body, n)
	return d.frame(0xc2, 0, id, append(body, "H\x07timeout\x06300000Z"...))
}

func (d dubbo) response(id byte, n int) []byte {
	return d.frame(0x02, 20, id, hessianBytes([]byte{0x91}, n))
}

func (d dubbo) heartbeat(id byte) []byte { return d.frame(0x22, 20, id, []byte("N")) }

func (d dubbo) read(r io.Reader) (frame, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(r, head); err != nil {
		return frame{}, err
	}
	f := frame{kind: 'r', id: head[11], ok: head[3] == 20}
	if head[2]&0x80 != 0 {
		f.kind, f.ok = 'q', true
	}
	if head[2]&0x20 != 0 {
		f.kind = 'h'
	}
	body := make([]byte, binary.BigEndian.Uint32(head[12:]))
	n, err := io.ReadFull(r, body)
	if err := whole("dubbo", n, len(body), err); err != nil || f.kind == 'h' {
		return f, err
	}
	if f.kind == 'r' && !f.ok {
		f.text = string(body)
		return f, nil
	}
	data := body[1:]
	if f.kind == 'q' {
		data = body[bytes.IndexByte(body, '[')+2:]
	}
	content := unchunk(data)
	f.size, f.ok = len(content), bytes.Equal(content, pattern(len(content)))
	return f, nil
}

// unchunk puts the pieces of Hessian's binary data together.
func unchunk(data []byte) (content []byte) {
	for len(data) > 3 {
		last, n := data[0] == 'B', int(data[1])<<8|int(data[2])
		n = min(n, len(data)-3)
		content = append(content, data[3:3+n]...)
		if data = data[3+n:]; last {
			break
		}
	}
	return content
}

// whole says how much of a frame there was, if it was not all.
func whole(protocol string, n, size int, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %d bytes of %d: %w", protocol, n, size, err)
	}
	return nil
}
