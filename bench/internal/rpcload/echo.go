package rpcload

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
)

// Serve answers every request with its own body, in all protocols, until the listener is closed. All that one read brought is
// answered in one write. A connection on which anything else comes is closed, and that is logged.
func Serve(l net.Listener, log *slog.Logger) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			// A peer that is gone, or is reset by a proxy that is being stopped, is nothing to tell.
			if err := serve(c); !errors.As(err, new(*net.OpError)) && !errors.Is(err, io.EOF) {
				log.Warn("connection closed", "peer", c.RemoteAddr(), "error", err)
			}
		}()
	}
}

// serve answers what a connection brings, until it ends, and returns why it did.
func serve(c net.Conn) error {
	var (
		in  inbox
		out []byte
		f   framing
	)
	for {
		if err := in.fill(c); err != nil {
			return err
		}
		if f == nil {
			var err error
			if f, err = tell(in.buf[in.from]); err != nil {
				return err
			}
		}
		var err error
		if out, err = echoAll(out[:0], &in, f); err != nil {
			return err
		}
		if len(out) == 0 {
			continue
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
	}
}

// tell tells a protocol by its first byte.
func tell(first byte) (framing, error) {
	for _, p := range []Protocol{Bolt(), BoltV2(), Dubbo()} {
		if _, err := p.framing.length([]byte{first}); err == nil {
			return p.framing, nil
		}
	}
	return nil, fmt.Errorf("%w: it begins with %#x", errFrame, first)
}

// echoAll appends the answers to all frames that are whole.
func echoAll(out []byte, in *inbox, f framing) ([]byte, error) {
	for {
		frame, ok, err := in.take(f)
		if err != nil || !ok {
			return out, err
		}
		if out, err = f.echo(out, frame); err != nil {
			return out, err
		}
	}
}
