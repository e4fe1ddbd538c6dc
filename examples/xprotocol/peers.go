package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/weirproxy/weir/examples/xprotocol/memo"
	"github.com/weirproxy/weir/pkg/stream"
)

// message is a frame of memo, as the two peers see it. They read the few fields that
// they need by themselves: peers do not know weir.
type message struct {
	kind            byte
	id, number      uint32
	service, method string
	content         []byte
}

// receive reads one frame.
func receive(r *bufio.Reader) (m message, err error) {
	var b [19]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return m, err
	}
	if string(b[:4]) != "memo" {
		return m, errors.New("that is not memo")
	}
	text := make([]byte, binary.BigEndian.Uint16(b[13:]))
	m = message{kind: b[4], id: binary.BigEndian.Uint32(b[5:]), number: binary.BigEndian.Uint32(b[9:])}
	m.content = make([]byte, binary.BigEndian.Uint32(b[15:]))
	if _, err := io.ReadFull(r, text); err != nil {
		return m, err
	}
	lines := bytes.SplitN(text, []byte("\n"), 3)
	if len(lines) == 3 {
		m.service, m.method = string(lines[0]), string(lines[1])
	}
	_, err = io.ReadFull(r, m.content)
	return m, err
}

// serve answers calls: the method "upper" of the service "echo" sends the content
// back in capital letters, the others send it back as it is.
func serve(ctx context.Context, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("ready", l.Addr())
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		go answer(c)
	}
}

func answer(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		m, err := receive(in)
		if err != nil {
			return // the peer is gone
		}
		if m.method == "upper" {
			m.content = bytes.ToUpper(m.content)
		}
		switch m.kind {
		case 'q':
			_, err = c.Write(memo.AppendFrame(nil, stream.KindResponse, uint64(m.id), 200, "\n\n", m.content))
		case 'h':
			_, err = c.Write(memo.AppendFrame(nil, stream.KindHeartbeatAnswer, uint64(m.id), 200, "\n\n", m.content))
		}
		if err != nil {
			return
		}
	}
}

// call makes calls from several clients at once, all of which use the same ids, and
// checks that each gets the answers to its own.
func call(ctx context.Context, address string) error {
	const clients, calls = 8, 100
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { errs[i] = client(ctx, address, fmt.Sprintf("client %d", i), calls) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fmt.Printf("ok: %d clients, %d calls each\n", clients, calls)
	return nil
}

// client sends its calls without waiting for answers, and then takes these, in
// whatever order they come.
func client(ctx context.Context, address, name string, calls uint32) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	var out []byte
	for id := range calls {
		out = memo.AppendFrame(out, stream.KindRequest, uint64(id), 5000, "echo\nupper\nlang\nen\n", fmt.Appendf(nil, "%s, %d", name, id))
	}
	out = memo.AppendFrame(out, stream.KindRequest, uint64(calls), 5000, "nobody\nsay\n", []byte("hello"))
	if _, err := c.Write(out); err != nil {
		return err
	}
	answered := map[uint32]bool{}
	for in := bufio.NewReader(c); len(answered) <= int(calls); {
		m, err := receive(in)
		if err != nil {
			return fmt.Errorf("%s: after %d answers: %w", name, len(answered), err)
		}
		want := message{kind: 'r', number: 200, content: bytes.ToUpper(fmt.Appendf(nil, "%s, %d", name, m.id))}
		if m.id == calls { // no route has that service
			want.number, want.content = 404, m.content
		}
		if answered[m.id] || m.id > calls || m.kind != want.kind || m.number != want.number || !bytes.Equal(m.content, want.content) {
			return fmt.Errorf("%s: call %d was answered by %c %d %q", name, m.id, m.kind, m.number, m.content)
		}
		answered[m.id] = true
	}
	return nil
}
