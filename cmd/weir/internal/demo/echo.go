package demo

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
)

// echo is a server of an RPC protocol.
type echo struct {
	*rpc
	listener net.Listener
	serving  sync.WaitGroup
	mu       sync.Mutex
	conns    map[net.Conn]bool // nil: it was stopped
}

// serveEcho serves a listener.
func serveEcho(p *rpc, l net.Listener, log *slog.Logger) *echo {
	e := &echo{rpc: p, listener: l, conns: make(map[net.Conn]bool)}
	e.serving.Go(func() {
		for {
			c, err := l.Accept()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil:
				log.Error("an upstream server of the demo has ended", "address", l.Addr().String(), "error", err)
				return
			}
			if !e.add(c) {
				return
			}
			e.serving.Go(func() {
				defer e.remove(c)
				e.serve(c)
			})
		}
	})
	return e
}

// serve answers what a connection brings, until that makes no sense any more.
func (e *echo) serve(c net.Conn) {
	var in, out []byte
	for {
		frame, err := e.read(c, in)
		if err != nil {
			return
		}
		in = frame
		if out, err = e.reply(out[:0], frame); err != nil {
			return
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

func (e *echo) add(c net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conns == nil {
		c.Close()
		return false
	}
	e.conns[c] = true
	return true
}

func (e *echo) remove(c net.Conn) {
	c.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.conns, c)
}

func (e *echo) stop() {
	e.listener.Close()
	e.mu.Lock()
	for c := range e.conns {
		c.Close()
	}
	e.conns = nil
	e.mu.Unlock()
	e.serving.Wait()
}

// caller is a client of an RPC protocol. It has one connection, and one call at a
// time.
type caller struct {
	*rpc
	address string
	mu      sync.Mutex
	conn    net.Conn // nil: none
	in      []byte
}

// call calls the service. What goes wrong is seen in weir's statistics.
func (c *caller) call(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.address)
		if err != nil {
			return
		}
		c.conn = conn
	}
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	conn := c.conn
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := c.exchange(); err != nil {
		conn.Close()
		c.conn = nil
	}
}

func (c *caller) exchange() error {
	if _, err := c.conn.Write(c.rpc.call); err != nil {
		return err
	}
	frame, err := c.read(c.conn, c.in)
	c.in = frame
	return err
}

func (c *caller) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
}
