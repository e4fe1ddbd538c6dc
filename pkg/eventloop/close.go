package eventloop

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// closeTime is how long a connection that is being closed waits for a peer that
	// takes nothing of what it is still to get. Whatever it takes starts the time anew.
	closeTime = 30 * time.Second
	// lingerTime is how long a connection whose peer has everything waits for its end,
	// while nothing comes from it; and lingerMost, if something does.
	lingerTime = time.Second
	lingerMost = 30 * time.Second
	// lookEvery is how often it is looked what the peer has taken. Where the end of that
	// is waited for, to reset it then, firstLook and twice as long each time.
	lookEvery = lingerTime / 4
	firstLook = time.Millisecond
	// lingerBytes bounds what is read and thrown away between two looks once the peer
	// has everything. More waits in the system, which slows the peer down.
	lingerBytes = 1 << 20
)

// CutError is what the handler is told when a connection was closed, but the peer did
// not get all that waited for it: it took nothing for too long, or the loop was
// stopped. The peer is reset, so that it cannot take what it got for everything.
type CutError struct {
	Lost int // bytes, at least
}

// Error says how much was lost.
func (e *CutError) Error() string {
	return fmt.Sprintf("eventloop: %d bytes or more were cut off when the connection was closed", e.Lost)
}

// closeWatch is what is known of a close under way.
type closeWatch struct {
	looked    int64  // when it was looked last
	sent      uint64 // then, as is the next one
	unsent    int
	moved     int64         // when the peer was last seen to take something, or to send once it had everything
	delivered int64         // when it was seen to have everything; 0: it has not been
	wait      time.Duration // until the next look
	discard   int           // bytes thrown away since the last look
}

// Close writes what waits, and then closes the connection, in a way that lets a
// peer that is still sending read it. A connection that does not stand yet is
// closed at once. The handler is told by Closed, and nothing else, from now on.
func (c *Conn) Close() { c.close(0) }

// CloseWithReset is Close, but once the peer has everything it is reset, so that it
// cannot take what it got for the whole of it. Closed is told ErrAborted.
func (c *Conn) CloseWithReset() { c.close(resetting) }

func (c *Conn) close(how flags) {
	if c.flags&(closing|dead) != 0 {
		return
	}
	if c.flags&(connecting|handshaking) != 0 {
		c.fail(nil)
		return
	}
	c.flags |= closing | how
	c.flags &^= paused // what comes is thrown away, or a peer that sends before it reads would be stuck
	c.dropUnread()
	c.markReady()
	c.markDirty()
}

// CloseNow closes the connection at once. What waits is dropped, and unread bytes
// make the system reset the connection: it is for connections that are idle.
func (c *Conn) CloseNow() { c.fail(nil) }

// CloseWith is CloseNow, and err is what the handler is told.
func (c *Conn) CloseWith(err error) { c.fail(err) }

// Abort closes the connection at once with a reset, so that the peer cannot take
// what it got for everything. What waits is dropped, and so is what the peer's system
// has not taken yet: CloseWithReset is for a peer that can still use it.
func (c *Conn) Abort() { c.resetNow(ErrAborted) }

// Buffered returns how many bytes wait to be written: those that a transport has not
// sealed yet as the fewest that they may become. It changes nothing.
func (c *Conn) Buffered() int {
	n := c.out.Len()
	if c.extra != nil {
		n += c.extra.wire.Len()
	}
	return n
}

// Untaken returns how many bytes the peer's system has not taken yet: those that wait
// to be written, and those that this system has. For unix sockets it is an estimate.
func (c *Conn) Untaken() int { return c.Buffered() + c.unsent() }

// unsent returns how many of the bytes written the peer's system has not taken yet:
// closing the socket under unread input would lose them.
func (c *Conn) unsent() int {
	n, err := unix.IoctlGetInt(int(c.fd), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// fail ends the connection at the end of this turn; the first cause counts, and
// the owner's wish to close is one.
func (c *Conn) fail(err error) {
	if c.flags&dead != 0 {
		return
	}
	if c.flags&closing != 0 && !errors.Is(err, ErrAborted) && !isCut(err) {
		err = nil
	}
	c.flags |= dead
	c.err = err
	c.loop.dying = append(c.loop.dying, c)
}

func isCut(err error) bool {
	var cut *CutError
	return errors.As(err, &cut)
}

// isErrno reports whether an error is the system's.
func isErrno(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// resetNow ends the connection at the end of this turn with a reset.
func (c *Conn) resetNow(err error) {
	if c.flags&dead != 0 {
		return
	}
	_ = unix.SetsockoptLinger(int(c.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	c.fail(err)
}

// stop ends the connection because its loop does.
func (c *Conn) stop() {
	n := c.Buffered()
	switch {
	case n > 0 && c.flags&closing != 0:
		c.resetNow(&CutError{Lost: n})
	case n > 0, c.flags&resetting != 0:
		c.resetNow(ErrStopped)
	default:
		c.fail(ErrStopped)
	}
}

// finishClosing ends a connection that has written everything: at once, if its peer
// has ended as well, and otherwise when the peer has read it.
func (c *Conn) finishClosing() {
	switch {
	case c.flags&resetting != 0:
		if c.unsent() == 0 {
			c.resetNow(ErrAborted)
			return
		}
	case c.flags&peerEnded != 0 && c.flags&readable == 0:
		c.fail(nil)
		return
	default:
		c.endWriting()
	}
	c.watchClose()
}

// endedByPeer ends a close that waits only for the peer's end, which has come.
func (c *Conn) endedByPeer() {
	if c.flags&(ended|resetting) == ended && c.Buffered() == 0 {
		c.fail(nil)
	}
}

// watchClose begins to look what the peer takes.
func (c *Conn) watchClose() {
	x := c.more()
	if x.timer.Set() {
		return
	}
	w := &x.close
	w.looked, w.moved, w.wait = c.loop.now, c.loop.now, lookEvery
	w.sent, w.unsent = c.wireWritten, c.unsent()
	if c.flags&resetting != 0 {
		w.wait = firstLook
	}
	c.loop.Schedule(&x.timer, w.wait, x)
}

// lookAtClose goes on with a close, or gives it up. There is no event that tells what
// the peer has taken of what the system has.
func (c *Conn) lookAtClose() {
	if c.flags&dead != 0 {
		return
	}
	x, now := c.extra, c.loop.now
	w := &x.close
	unwritten, unsent := c.Buffered(), c.unsent()
	switch {
	case c.wireWritten == w.sent && unsent == w.unsent:
	case unsent > 0:
		w.moved = now
	default: // it took the last of it some time since
		w.moved = max(w.moved, w.looked)
	}
	w.looked, w.sent, w.unsent = now, c.wireWritten, unsent
	left := closeTime - time.Duration(now-w.moved)
	if unwritten+unsent == 0 {
		if c.flags&resetting != 0 {
			c.resetNow(ErrAborted)
			return
		}
		if w.delivered == 0 {
			w.delivered = now
		}
		left = min(lingerTime-time.Duration(now-w.moved), lingerMost-time.Duration(now-w.delivered))
	}
	if left <= 0 {
		c.giveUpClose(unwritten, unsent)
		return
	}
	w.wait = min(2*w.wait, lookEvery)
	c.loop.Schedule(&x.timer, min(w.wait, left), x)
	c.discardMore()
}

// giveUpClose ends a connection whose peer takes nothing any more, or does not end.
// What the system has of a message that ends with the connection, it can deliver by
// itself, for as long as it likes.
func (c *Conn) giveUpClose(unwritten, unsent int) {
	if unwritten > 0 || unsent > 0 && c.flags&resetting != 0 {
		c.resetNow(&CutError{Lost: unwritten + unsent})
		return
	}
	c.fail(nil)
}

// lingerRead throws away what a peer still sends after the connection was closed
// on our side: closing a socket with unread bytes resets it, and the peer would
// lose the answer that explains why. A peer that has the answer and sends on may not
// have come to reading it: it is slowed down, and not reset before its time.
func (c *Conn) lingerRead() {
	n := c.sysRead(c.loop.readSpace())
	if n == 0 || c.extra == nil {
		return
	}
	w := &c.extra.close
	w.discard += n
	if w.delivered != 0 {
		w.moved = c.loop.now
	}
	if w.discard > lingerBytes && c.extra.timer.Set() && c.Untaken() == 0 {
		c.flags |= paused
		if w.delivered == 0 {
			w.delivered, w.moved = c.loop.now, c.loop.now
		}
	}
}

// discardMore goes on reading what is thrown away.
func (c *Conn) discardMore() {
	c.extra.close.discard = 0
	if c.flags&paused != 0 {
		c.flags &^= paused
		c.markReady()
	}
}
