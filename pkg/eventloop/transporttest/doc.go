// Package transporttest has a toy transport, for tests of what carries one: of the
// event loop, and of connections through the proxy. It handshakes as TLS does, in two
// messages, and one side's answer is computed on another goroutine; and it protects
// nothing.
//
// Start at [New], for a side that is on a loop, and [Client] and [Server], for one that
// is a net.Conn.
package transporttest
