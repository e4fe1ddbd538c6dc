package rpcload

import (
	"fmt"
	"io"
	"net"
	"time"
)

const (
	firstBuffer = 4 << 10
	// enoughBuffer is what a buffer grows to without need.
	enoughBuffer = 256 << 10
	// maxFrame is far above any frame here; one that claims to be longer is not a frame.
	maxFrame = 1 << 20
)

// inbox collects what a connection brings, until it makes whole frames. Its buffer grows with what comes at a time, so that idle
// connections have little and busy ones need few reads.
type inbox struct {
	buf      []byte
	from, to int // what of buf has come and was not taken
}

// fill reads once. Frames taken before become invalid.
func (in *inbox) fill(r io.Reader) error {
	rest, buf := in.buf[in.from:in.to], in.buf
	if filled := in.to == len(buf); filled && (len(buf) < enoughBuffer || in.from == 0) {
		buf = make([]byte, max(2*len(buf), firstBuffer))
	}
	in.from, in.to, in.buf = 0, copy(buf, rest), buf
	n, err := r.Read(in.buf[in.to:])
	in.to += n
	if n > 0 {
		return nil
	}
	return err
}

// take takes a frame, if one is whole.
func (in *inbox) take(f framing) (frame []byte, ok bool, err error) {
	b := in.buf[in.from:in.to]
	n, err := f.length(b)
	if err != nil {
		return nil, false, err
	}
	if n > maxFrame {
		return nil, false, fmt.Errorf("a frame of %d bytes", n)
	}
	if n == 0 || n > len(b) {
		return nil, false, nil
	}
	in.from += n
	return b[:n:n], true, nil
}

// nothingMore says whether nothing comes on a connection behind what was taken: it tells the peer that nothing more is sent, and gives
// it a moment to close its side too.
func nothingMore(c net.Conn, in *inbox) bool {
	if in.from < in.to {
		return false
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return true // the connection is gone
	}
	if c.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return true
	}
	return in.fill(c) != nil
}
