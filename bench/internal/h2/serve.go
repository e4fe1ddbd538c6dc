package h2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Paths that [Serve] answers, besides the method of the calls.
const (
	// HelloPath is answered with 200.
	HelloPath = "/"
	// holdPath is never answered, and heldPath with how many of those are under way.
	holdPath = "/hold"
	heldPath = "/held"
	// sinkPath takes a body and answers with how much of it was right; sourcePath answers with as many bytes as its query says.
	sinkPath   = "/sink"
	sourcePath = "/source?"
)

const (
	// maxStreams is how many streams a client may have on a connection.
	maxStreams = 250
	// farewell is how long a connection that is to end may take, and parting how long its client may take to see that it has.
	farewell = 2 * time.Second
	parting  = 500 * time.Millisecond
)

// Serve answers what [Run], [Upload], [Download] and [Open] ask, until ctx ends; then it finishes what it has begun, with a GOAWAY on
// every connection. A connection on which anything else comes is closed, and that is logged.
func Serve(ctx context.Context, l net.Listener, log *slog.Logger) error {
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var (
		all     sync.WaitGroup
		held    atomic.Int64
		content = newPattern()
	)
	defer all.Wait()
	for {
		plain, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		all.Go(func() {
			defer plain.Close()
			s := newServer(plain, &held, content)
			// A peer that is gone, or is reset by a proxy that is being stopped, is nothing to tell.
			err := s.run(ctx)
			if err != nil && !errors.As(err, new(*net.OpError)) && !errors.Is(err, io.EOF) {
				log.Warn("connection closed", "peer", plain.RemoteAddr(), "error", err)
			}
		})
	}
}

// server is a connection that is served.
type server struct {
	conn     *conn
	pattern  pattern
	requests map[uint32]*request
	free     []*request
	unsent   []*request // those whose answer waits for credit
	last     uint32     // the stream that was begun last
	ending   bool

	ok, refused, good heading // the last are trailers
	plain             heading
	held              *atomic.Int64
	holding           int64
}

func newServer(plain net.Conn, held *atomic.Int64, content pattern) *server {
	return &server{
		conn: newConn(plain, setting{settingStreams, maxStreams}), pattern: content,
		requests: map[uint32]*request{}, held: held,
		ok:      newHeading(":status", "200", "content-type", "application/grpc"),
		good:    newHeading("grpc-status", "0", "grpc-message", ""),
		plain:   newHeading(":status", "200", "content-type", "text/plain"),
		refused: newHeading(":status", "404"),
	}
}

// run serves the connection until it ends, and returns why it did.
func (s *server) run(ctx context.Context) error {
	defer func() { s.held.Add(-s.holding) }()
	var hello [len(preface)]byte
	if _, err := io.ReadFull(s.conn.in, hello[:]); err != nil {
		return err
	}
	if string(hello[:]) != preface {
		return fmt.Errorf("%w: it begins with %q", errProtocol, hello)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for !s.ending || len(s.requests) > 0 {
		err := s.conn.exchange(s)
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil && !s.ending:
			if err := s.end(); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return s.part()
}

// end says that streams that have not come yet will not be answered.
func (s *server) end() error {
	s.ending = true
	s.conn.out = appendGoAway(s.conn.out, s.last, noError)
	return s.conn.SetDeadline(time.Now().Add(farewell))
}

// part closes the connection so that the client can still read all that was sent: what it sends meanwhile is taken, or it would be
// answered with a reset that takes the answers away.
func (s *server) part() error {
	if err := s.conn.flush(); err != nil {
		return err
	}
	if half, ok := s.conn.Conn.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return err
		}
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(parting)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, s.conn.in)
	return err
}
