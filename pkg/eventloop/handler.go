package eventloop

import "github.com/weirproxy/weir/pkg/buffer"

// Handler is what the owner of a connection implements. Its methods run on the
// connection's loop and must not block.
type Handler interface {
	// Data is given all bytes that were not yet consumed, as one view, and returns
	// how many it has consumed. The others are given again, with more behind them, when
	// more came, or when the connection is resumed. The view is lent for the call;
	// to keep bytes, append it to a chain. To leave as much as buffer.MaxSlab bytes,
	// without having paused, closes the connection with ErrUnreadTooLong.
	Data(c *Conn, in buffer.View) int
	// EOF tells that the peer ended its direction. The other one stays open until
	// the owner closes the connection.
	EOF(c *Conn)
	// Pressure tells that more than the high watermark waits to be written (true),
	// or that it has fallen under the low one (false).
	Pressure(c *Conn, high bool)
	// Closed is the last call: the descriptor is closed. err is nil if the owner
	// asked for it by Close or CloseNow, a [CutError] if after Close the peer did not
	// take everything, and ErrAborted after Abort, or CloseWithReset.
	Closed(c *Conn, err error)
}

// Connector is implemented by handlers that want to know when a connection stands: one
// made by Dial, when the peer has accepted it, and one with a transport, when the
// handshake is done. A failure is told by Closed.
type Connector interface {
	Connected(c *Conn)
}
