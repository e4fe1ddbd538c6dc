package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Idle are connections that were used once and are held open.
type Idle []net.Conn

// Hold opens so many connections, one after the other, each by a function that has one request answered on it.
func Hold(connections int, open func() (net.Conn, error)) (Idle, error) {
	held := make(Idle, 0, connections)
	for range connections {
		c, err := open()
		if err != nil {
			held.Close()
			return nil, fmt.Errorf("idle connection %d of %d: %w", len(held)+1, connections, err)
		}
		held = append(held, c)
	}
	return held, nil
}

// Close closes the connections.
func (held Idle) Close() {
	for _, c := range held {
		_ = c.Close() // nothing is waiting to be written
	}
}

// Use opens a connection to a proxy and has one request answered on it.
func Use(ctx context.Context, address, path string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := exchange(c, path); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func exchange(c net.Conn, path string) error {
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, c.RemoteAddr()); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || resp.Close {
		return fmt.Errorf("answered %s, connection to be closed: %v", resp.Status, resp.Close)
	}
	return c.SetDeadline(time.Time{})
}

// Ready says whether a proxy answers a request with 200 and keeps the connection.
func Ready(ctx context.Context, address, path string) error {
	c, err := Use(ctx, address, path)
	if err != nil {
		return err
	}
	return c.Close()
}
