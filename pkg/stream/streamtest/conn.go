// Package streamtest has what tests of the users of streams need.
package streamtest

import (
	"net/netip"

	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/stream"
)

// Conn is a connection of which there is nothing but what is known.
type Conn struct {
	Number        uint64
	Remote, Local netip.AddrPort
	Secured       *eventloop.Session
}

var _ stream.Conn = Conn{}

// Between returns the connection of a number between two addresses; "" is none.
func Between(number uint64, remote, local string) Conn {
	return Conn{Number: number, Remote: addr(remote), Local: addr(local)}
}

func addr(s string) netip.AddrPort {
	if s == "" {
		return netip.AddrPort{}
	}
	return netip.MustParseAddrPort(s)
}

// ID implements [stream.Conn].
func (c Conn) ID() uint64 { return c.Number }

// RemoteAddr implements [stream.Conn].
func (c Conn) RemoteAddr() netip.AddrPort { return c.Remote }

// LocalAddr implements [stream.Conn].
func (c Conn) LocalAddr() netip.AddrPort { return c.Local }

// Session implements [stream.Conn].
func (c Conn) Session() *eventloop.Session { return c.Secured }
