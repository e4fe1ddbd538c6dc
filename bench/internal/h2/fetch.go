package h2

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/net/http2/hpack"
)

// fetch is one request on a connection of its own.
type fetch struct {
	conn *conn
	out  outflow
	// take is given the body as it comes.
	take   func(b []byte, end bool) error
	status string
	done   bool
}

const fetchStream = 1

// newFetch begins a request on a new connection.
func newFetch(ctx context.Context, address, method, path string, end bool, take func([]byte, bool) error) (*fetch, error) {
	c, err := dial(ctx, address, 1)
	if err != nil {
		return nil, err
	}
	head := newHeading(":method", method, ":scheme", "http", ":path", path, ":authority", "bench.local")
	c.sendHead(fetchStream, &head, end)
	return &fetch{conn: c, take: take}, nil
}

// finish waits for the answer, which has to come until the deadline of the connection.
func (f *fetch) finish() error {
	for !f.done {
		if err := f.conn.exchange(f); err != nil {
			return err
		}
	}
	if f.status != "200" {
		return fmt.Errorf("%w: HTTP %s", errAnswer, f.status)
	}
	return nil
}

func (f *fetch) head(id uint32, fields []hpack.HeaderField, end bool) error {
	if id != fetchStream {
		return errUnasked
	}
	for _, field := range fields {
		if field.Name == ":status" {
			f.status = field.Value
		}
	}
	f.done = end
	return nil
}

func (f *fetch) data(id uint32, b []byte, end bool) error {
	if id != fetchStream {
		return errUnasked
	}
	f.done = end
	if f.status != "200" {
		return nil
	}
	return f.take(b, end)
}

func (f *fetch) reset(id uint32, why code) error {
	if f.done {
		return nil
	}
	return fmt.Errorf("%w: reset %v", errAnswer, why)
}

func (f *fetch) credit(id uint32, n int64) error {
	if id == fetchStream {
		f.out.credit += n
	}
	return nil
}

func (f *fetch) goAway(last uint32) error {
	if last >= fetchStream {
		return nil
	}
	return fmt.Errorf("%w: not processed", errAnswer)
}

// Get has a request answered with 200, and returns the body.
func Get(ctx context.Context, address, path string) (string, error) {
	const most = 64 << 10
	var body []byte
	f, err := newFetch(ctx, address, "GET", path, true, func(b []byte, _ bool) error {
		if body = append(body, b...); len(body) > most {
			return fmt.Errorf("%w: more than %d bytes", errAnswer, most)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	defer f.conn.Close()
	defer closeAtEnd(ctx, f.conn)()
	if err := f.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if err := f.finish(); err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	return string(body), nil
}

// Upload sends so many bytes on one stream. They must all arrive as they were sent.
func Upload(ctx context.Context, address string, n int64) error {
	content, answer := newPattern(), ""
	f, err := newFetch(ctx, address, "POST", sinkPath, false, func(b []byte, _ bool) error {
		answer += string(b)
		return nil
	})
	if err != nil {
		return err
	}
	defer f.conn.Close()
	defer closeAtEnd(ctx, f.conn)()
	for f.out.sent < n && !f.done {
		before := f.out.sent
		for f.out.sent < n && len(f.conn.out) < enough {
			b := content.at(f.out.sent)
			b = b[:min(int64(len(b)), n-f.out.sent)]
			if f.conn.sendData(fetchStream, &f.out, b, f.out.sent+int64(len(b)) == n) < len(b) {
				break
			}
		}
		if err := f.conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if f.out.sent > before {
			err = f.conn.flush()
		} else {
			err = f.conn.exchange(f)
		}
		if err != nil {
			return fmt.Errorf("upload, after %d bytes: %w", f.out.sent, err)
		}
	}
	if err := f.finish(); err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	if answer != strconv.FormatInt(n, 10) {
		return fmt.Errorf("upload: %w: %d bytes were sent, and %q taken", errAnswer, n, answer)
	}
	return nil
}

// Download takes so many bytes from one stream. They must all be right.
func Download(ctx context.Context, address string, n int64) error {
	content, got := newPattern(), int64(0)
	var (
		conn net.Conn
		in   inflow
		f    *fetch
		err  error
	)
	f, err = newFetch(ctx, address, "GET", sourcePath+strconv.FormatInt(n, 10), true, func(b []byte, end bool) error {
		if !content.right(b, got) {
			return fmt.Errorf("%w: not the bytes at %d", errAnswer, got)
		}
		if got += int64(len(b)); !end {
			f.conn.credit(fetchStream, &in, len(b))
		}
		return conn.SetDeadline(time.Now().Add(patience))
	})
	if err != nil {
		return err
	}
	conn = f.conn
	defer conn.Close()
	defer closeAtEnd(ctx, conn)()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := f.finish(); err != nil {
		return fmt.Errorf("download, after %d bytes: %w", got, err)
	}
	if got != n {
		return fmt.Errorf("download: %w: %d bytes of %d", errAnswer, got, n)
	}
	return nil
}
