package admin

import (
	"net"
	"sync"
)

// limitListener lets a number of connections be open at a time. Others wait in the operating system's queue, which is bounded as well.
type limitListener struct {
	net.Listener
	free      chan struct{} // a token per connection that may be opened
	closed    chan struct{}
	closeOnce sync.Once
}

func newLimitListener(l net.Listener, n int) *limitListener {
	free := make(chan struct{}, n)
	for range n {
		free <- struct{}{}
	}
	return &limitListener{Listener: l, free: free, closed: make(chan struct{})}
}

// Accept waits for a token, then for a connection.
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case <-l.free:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		l.free <- struct{}{}
		return nil, err
	}
	return &limitedConn{Conn: c, done: func() { l.free <- struct{}{} }}, nil
}

// Close ends a waiting Accept as well.
func (l *limitListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// limitedConn gives its token back once, however often it is closed.
type limitedConn struct {
	net.Conn
	once sync.Once
	done func()
}

// Close closes the connection.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.done)
	return err
}
