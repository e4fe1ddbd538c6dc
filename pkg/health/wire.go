package health

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/weirproxy/weir/pkg/buffer"
	"github.com/weirproxy/weir/pkg/stream"
)

// maxRead is how many bytes a host may send before its answer is complete, whatever
// they are. It is far more than the limits of an answer's head and body.
const maxRead = 1 << 20

// readSize is how much is read at a time, beside what was not consumed.
const readSize = 16 << 10

var (
	errTooMuch = errors.New("more came than an answer may have")
	errEnded   = errors.New("the host closed the connection without a whole answer")
)

// wire is a connection with a codec, and what a worker would lend that: it is the
// codec's link. One goroutine at a time uses it.
type wire struct {
	conn  net.Conn
	codec stream.ClientCodec
	slabs buffer.Pool
	heads stream.Pool
	out   buffer.Chain
	rest  []byte // was read and not consumed
	start time.Time
}

var _ stream.Link = (*wire)(nil)

func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn, start: time.Now()}
	w.out.Init(&w.slabs)
	return w
}

// Out implements [stream.Link].
func (w *wire) Out() *buffer.Chain { return &w.out }

// Pause implements [stream.Link]. Codecs pause for receivers, and an answer takes
// everything.
func (w *wire) Pause() {}

// Resume implements [stream.Link].
func (w *wire) Resume() {}

// CloseWrite implements [stream.Link]. Codecs end a direction only of tunnels.
func (w *wire) CloseWrite() {}

// Now implements [stream.Link].
func (w *wire) Now() int64 { return int64(time.Since(w.start)) }

// exchange sends what the codec has written, and gives it what comes, until the
// answer is settled or the connection fails.
func (w *wire) exchange(a *answer) error {
	for read := 0; ; {
		if err := w.flush(); err != nil {
			return err
		}
		if a.settled() {
			return a.err
		}
		n, err := w.read()
		if read += n; read > maxRead {
			return errTooMuch
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			w.codec.EOF()
			if !a.settled() {
				return errEnded
			}
		default:
			return err
		}
	}
}

func (w *wire) flush() error {
	if w.out.Len() == 0 {
		return nil
	}
	b := w.out.AppendTo(make([]byte, 0, w.out.Len()))
	w.out.Clear()
	_, err := w.conn.Write(b)
	return err
}

// read reads once and feeds the codec, which may take nothing yet.
func (w *wire) read() (n int, err error) {
	if len(w.rest)+readSize > buffer.MaxSlab {
		return 0, errTooMuch
	}
	slab := w.slabs.Get(len(w.rest) + readSize)
	defer slab.Release()
	kept := copy(slab.Bytes(), w.rest)
	n, err = w.conn.Read(slab.Bytes()[kept:])
	if n == 0 {
		return 0, err
	}
	used, wrong := w.codec.Feed(buffer.ViewOf(slab, 0, kept+n))
	w.rest = append(w.rest[:0], slab.Bytes()[used:kept+n]...)
	if wrong != nil {
		return n, wrong
	}
	return n, err
}

// lookTime is how long look waits for what is there already.
const lookTime = time.Millisecond

// look gives the codec what the host has said while nobody asked it anything, such
// as that it ends the connection.
func (w *wire) look() error {
	if err := w.conn.SetReadDeadline(time.Now().Add(lookTime)); err != nil {
		return err
	}
	_, err := w.read()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return errors.Join(err, w.conn.SetReadDeadline(time.Time{}))
}

// rests prepares the connection for doing nothing.
func (w *wire) rests() {
	w.slabs.Trim()
	if len(w.rest) == 0 {
		w.rest = nil
	}
}

// close ends the connection.
func (w *wire) close() {
	w.codec.Close(stream.Reset{Reason: stream.Cancelled})
	w.out.Clear()
	_ = w.conn.Close() // nobody waits for anything on it
}
