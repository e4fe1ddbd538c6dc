package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/stream"
)

// session asks one host. It keeps a connection from one time to the next. One
// goroutine at a time uses it.
type session struct {
	check    *Check
	addr     netip.AddrPort
	question question // nil: that there is a connection is answer enough
	dial     dialer
	wire     *wire // nil: there is no connection
}

// dialer makes connections.
type dialer func(ctx context.Context, addr netip.AddrPort, mark uint32) (net.Conn, error)

func newSession(t *Target, dial dialer) *session {
	if path, ok := socketPath(t.Host); ok {
		dial = func(ctx context.Context, _ netip.AddrPort, mark uint32) (net.Conn, error) {
			return dialUnix(ctx, path, mark)
		}
	}
	return &session{check: t.Check, addr: t.Check.where(t.Addr), question: t.Check.question(t.Host), dial: dial}
}

// ask asks the host, and returns what is wrong with it, nil if nothing is. It ends
// with ctx, and takes no longer than the check's timeout.
//
// That a connection which was used before fails says nothing of the host, which may
// have closed it as idle: it is asked once more, on a new one, in the time that is
// left.
func (s *session) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.check.timeout)
	defer cancel()
	if s.wire != nil {
		answered, err := s.attemptAgain(ctx)
		if answered {
			return err
		}
		if ctx.Err() != nil {
			return s.explain(ctx, err)
		}
	}
	conn, err := s.dial(ctx, s.addr, s.check.mark)
	if err != nil {
		return s.explain(ctx, err)
	}
	if s.question == nil {
		_ = conn.Close() // it has served
		return nil
	}
	s.wire = newWire(conn)
	s.wire.codec = s.check.protocol.ClusterSettings(nil).Client()(s.wire, &s.wire.heads)
	answered, err := s.attempt(ctx)
	if answered {
		return err
	}
	return s.explain(ctx, err)
}

// attemptAgain is attempt on a connection that was used before. What came on it
// meanwhile cannot be the answer.
func (s *session) attemptAgain(ctx context.Context) (answered bool, err error) {
	if err := s.wire.look(); err != nil {
		s.close()
		return false, err
	}
	return s.attempt(ctx)
}

// attempt asks on the present connection, and keeps it if it can be used again.
// answered tells whether the host gave a whole answer, which err judges.
func (s *session) attempt(ctx context.Context) (answered bool, err error) {
	w, a := s.wire, &answer{}
	stop := context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) })
	kept := false
	defer func() {
		if !stop() || !kept {
			s.close()
		}
	}()
	if w.codec.Available() == 0 {
		return false, errEnded
	}
	s.question.ask(w.codec.NewStream(a), w)
	if err := w.exchange(a); err != nil {
		return false, err
	}
	if kept = a.over && w.codec.Available() > 0; kept {
		w.rests()
	}
	return true, s.question.judge(a)
}

// explain says why there was no answer.
func (s *session) explain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v", s.check.timeout)
	}
	var r stream.Reset
	if errors.As(err, &r) && r.Err != nil {
		return r.Err
	}
	return err
}

// close ends the connection, if there is one.
func (s *session) close() {
	if s.wire != nil {
		s.wire.close()
		s.wire = nil
	}
}

// abandon ends the connection without another call to its codec.
func (s *session) abandon() {
	if s.wire != nil {
		_ = s.wire.conn.Close() // nothing of it is wanted any more
		s.wire = nil
	}
}

// dialTCP makes a connection, whose socket has a mark unless that is 0.
func dialTCP(ctx context.Context, addr netip.AddrPort, mark uint32) (net.Conn, error) {
	return marking(mark).DialContext(ctx, "tcp", addr.String())
}

// dialUnix is dialTCP for a host that is a unix socket.
func dialUnix(ctx context.Context, path string, mark uint32) (net.Conn, error) {
	return marking(mark).DialContext(ctx, "unix", path)
}

// marking returns a dialer of sockets that have a mark.
func marking(mark uint32) *net.Dialer {
	d := new(net.Dialer)
	if mark != 0 {
		d.Control = func(_, _ string, raw syscall.RawConn) (err error) {
			failed := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, int(mark)) })
			return errors.Join(failed, err)
		}
	}
	return d
}

// socketPath returns the path of a host that is a unix socket.
func socketPath(host string) (path string, ok bool) { return strings.CutPrefix(host, "unix:") }
