package eventloop

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

// DialOptions are how connections are made. Many connections may share one value.
type DialOptions struct {
	// Timeout is how long the peer may take to accept, and for a handshake.
	Timeout time.Duration
	// Keepalive is the idle time before a keep-alive probe, and between probes; 60 s
	// and 15 s if zero. Unanswered is the time without an answer, to a probe or to
	// data, after which the connection is given up; the system's if zero.
	Keepalive, Unanswered time.Duration
	// Mark is the SO_MARK of the socket; 0: none. It needs privileges.
	Mark uint32
}

// apply sets what the options say on a socket.
func (o *DialOptions) apply(fd, family int) error {
	tune(fd, family)
	if o.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark)); err != nil {
			return fmt.Errorf("mark %d: %w", o.Mark, err)
		}
	}
	if family == unix.AF_UNIX {
		return nil
	}
	if seconds := int((o.Keepalive + time.Second - 1) / time.Second); seconds > 0 {
		setOption(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds)
		setOption(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds)
	}
	if o.Unanswered > 0 {
		setOption(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(o.Unanswered/time.Millisecond))
	}
	return nil
}

// Dial begins a connection to addr. The handler's Connected follows, or Closed
// with the reason, never before Dial has returned; what is written meanwhile is
// sent once the connection stands. An error means that there is no connection
// and no call will follow.
func (l *Loop) Dial(addr *Addr, o *DialOptions, h Handler) (*Conn, error) {
	fd, err := unix.Socket(addr.family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		l.opts.Short(ToDial, err)
		return nil, err
	}
	if err := o.apply(fd, addr.family()); err != nil {
		unix.Close(fd)
		return nil, err
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&addr.raw)), uintptr(addr.size))
	if errno != 0 && errno != syscall.EINPROGRESS {
		unix.Close(fd)
		return nil, errno
	}
	c, err := l.add(fd, h, addr.ip, connecting)
	if err != nil {
		return nil, err
	}
	l.Schedule(&c.more().timer, o.Timeout, c.extra)
	return c, nil
}

// finishConnect looks at how a connect went. epoll reports a socket that was
// connected at once like one that needed time.
func (c *Conn) finishConnect(ev uint32) {
	if ev&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		if err := c.socketError(); err != nil {
			c.fail(err)
			return
		}
	}
	if ev&unix.EPOLLOUT == 0 {
		return
	}
	c.flags &^= connecting
	if c.flags&handshaking != 0 { // within the same time
		c.callAgain()
	} else {
		c.loop.Cancel(&c.extra.timer)
		c.extra = nil
		if k, ok := c.handler.(Connector); ok {
			k.Connected(c)
		}
	}
	c.markDirty()
	c.event(ev)
}

// Adopt takes over a connected stream socket, which the loop closes in the end;
// pending is what was already read from it, at most buffer.MaxSlab bytes. If it
// fails, the descriptor is closed.
func (l *Loop) Adopt(fd int, h Handler, pending []byte) (*Conn, error) {
	if len(pending) > buffer.MaxSlab {
		unix.Close(fd)
		return nil, ErrUnreadTooLong
	}
	var remote netip.AddrPort
	if sa, err := unix.Getpeername(fd); err == nil {
		remote = addrPortOf(sa)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	c, err := l.add(fd, h, remote, 0)
	if err != nil {
		return nil, err
	}
	c.offerLater(pending)
	return c, nil
}

// offerLater makes bytes that were read elsewhere the unread ones.
func (c *Conn) offerLater(pending []byte) {
	if len(pending) > 0 {
		c.keep(pending)
		c.callAgain()
	}
}

// add makes a connection of a descriptor. A loop that is being stopped takes none,
// or owners that connect again whenever a connection is closed would keep it.
func (l *Loop) add(fd int, h Handler, remote netip.AddrPort, f flags) (*Conn, error) {
	if l.stopping.Load() {
		unix.Close(fd)
		return nil, ErrStopped
	}
	slot := int32(len(l.conns))
	if n := len(l.free); n > 0 {
		slot = l.free[n-1]
	}
	events := uint32(unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET)
	if err := l.poll.add(fd, slot, events); err != nil {
		unix.Close(fd)
		return nil, err
	}
	c := &Conn{loop: l, handler: h, fd: int32(fd), slot: slot, flags: f, remote: remote}
	c.out.Init(&l.bufs)
	if int(slot) == len(l.conns) {
		l.conns = append(l.conns, c)
	} else {
		l.free = l.free[:len(l.free)-1]
		l.conns[slot] = c
	}
	l.count.Add(1)
	return c, nil
}

// tune sets what every TCP connection of weir has: no delaying of small writes,
// and keep-alive probes that notice a dead peer within about two minutes.
func tune(fd, family int) {
	if family == unix.AF_UNIX {
		return
	}
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	setOption(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60)
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15)
	setOption(fd, unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 4)
}

// setOption sets an option without which a socket works as well, if not as nicely.
func setOption(fd, level, option, value int) {
	_ = unix.SetsockoptInt(fd, level, option, value)
}
