package dns

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// errSilent is a server that has not answered in time.
var errSilent = errors.New("no answer in time")

// ask asks one server one question, over UDP, or over TCP where the answer is too
// long for that or tcp is true. It blocks for at most the time, or until ctx is done.
func ask(ctx context.Context, server netip.AddrPort, q question, patience time.Duration, tcp bool) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	a, err := askWith(ctx, server, q, tcp, true)
	if code := codeError(0); errors.As(err, &code) &&
		(code == codeError(dnsmessage.RCodeFormatError) || code == codeError(dnsmessage.RCodeNotImplemented)) {
		// It may be older than EDNS (RFC 6891, 7).
		a, err = askWith(ctx, server, q, tcp, false)
	}
	return a, err
}

// askWith asks with or without EDNS.
func askWith(ctx context.Context, server netip.AddrPort, q question, tcp, edns bool) (*answer, error) {
	// Both are drawn from the operating system's seed, and the source port of the
	// socket is one of the kernel's random ones: a stranger would have to guess them.
	id := uint16(rand.Uint32())
	msg, err := appendQuestion(make([]byte, 2, 2+512), id, q, edns)
	if err != nil {
		return nil, err
	}
	// Its first two bytes are room for the length that TCP has.
	if !tcp {
		a, err := askUDP(ctx, server, msg[2:], id, q)
		if !errors.Is(err, errTruncated) {
			return a, err
		}
	}
	return askTCP(ctx, server, msg, id, q)
}

// dial connects to a server. The connection's deadline is the context's, which is
// closed early if the context is.
func dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, func(), error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, server.String())
	if err != nil {
		return nil, nil, plain(err)
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			conn.Close()
			return nil, nil, plain(err)
		}
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() { stop(); conn.Close() }, nil
}

// askUDP asks over a socket of its own. Messages that are not the answer do not end
// the waiting for it.
func askUDP(ctx context.Context, server netip.AddrPort, msg []byte, id uint16, q question) (*answer, error) {
	conn, done, err := dial(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := conn.Write(msg); err != nil {
		return nil, plain(err)
	}
	buf := make([]byte, 4096) // more than was asked for: some servers do not look
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, plain(err)
		}
		if a, err := readAnswer(buf[:n], id, q); !errors.Is(err, errForeign) {
			return a, err
		}
	}
}

// askTCP asks over a connection of its own. The message's first two bytes are for
// its length.
func askTCP(ctx context.Context, server netip.AddrPort, msg []byte, id uint16, q question) (*answer, error) {
	conn, done, err := dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer done()
	binary.BigEndian.PutUint16(msg, uint16(len(msg)-2))
	if _, err := conn.Write(msg); err != nil {
		return nil, plain(err)
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, plain(err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, plain(err)
	}
	a, err := readAnswer(buf, id, q)
	if errors.Is(err, errTruncated) {
		return nil, errMalformed // there is no longer way to say it
	}
	return a, err
}

// plain leaves out of an error what its reader knows: the server's address.
func plain(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout(), errors.Is(err, net.ErrClosed):
		return errSilent
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the connection was closed before the answer: %w", err)
	default:
		return err
	}
}
