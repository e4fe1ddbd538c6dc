package eventloop

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Accept gives an accepted connection its handler, on the loop that it lives on.
// A nil handler refuses the connection. One that panics should have called
// SetHandler before, or the handler is not told that the connection is closed.
type Accept func(c *Conn) Handler

// listener is a listening socket on one loop.
type listener struct {
	loop     *Loop
	fd       int
	slot     int // -1 until it is started
	onAccept Accept
	place    func() *Loop // which loop gets the next connection
	backOff  time.Duration
	timer    Timer
	failed   *atomic.Uint64
}

// ListenOptions say how a socket listens.
type ListenOptions struct {
	// ReusePort lets every loop have a listening socket of its own.
	ReusePort bool
	// Backlog is the length of the system's queue; 4,096 if zero.
	Backlog int
	// FDs are listening sockets that come from elsewhere, such as from
	// [Listening.Sockets], and are used instead of new ones. Each of them is, with what
	// waits in its queue, whatever their number. If listening fails, they are closed.
	FDs []int
}

// backOff bounds: how long a listener leaves new connections waiting when the
// process has run out of descriptors.
const (
	minBackOff = 10 * time.Millisecond
	maxBackOff = time.Second
	// acceptsPerTurn bounds what one listener accepts before connections have
	// their turn.
	acceptsPerTurn = 64
	// lastTurns bounds what a listener that is being closed accepts, if clients
	// connect faster than that: as many times acceptsPerTurn.
	lastTurns = 1024
)

// errNotListening: a descriptor that came from elsewhere is something else.
var errNotListening = errors.New("eventloop: the descriptor is no listening socket")

// takeOver makes a listening socket that comes from elsewhere like one of Bind.
func takeOver(fd, family int) error {
	if listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil {
		return err
	} else if listens == 0 {
		return errNotListening
	}
	tune(fd, family)
	unix.CloseOnExec(fd)
	return unix.SetNonblock(fd, true)
}

// Bind makes a listening socket. An address of both IPv6 and IPv4 becomes that of IPv4,
// where the system has nothing else.
func Bind(addr *Addr, o ListenOptions) (fd int, err error) {
	if fd, err = bind(addr, o); addr.both && noIPv6(err) {
		*addr = AddrFrom(netip.AddrPortFrom(netip.IPv4Unspecified(), addr.ip.Port()))
		fd, err = bind(addr, o)
	}
	if err != nil {
		return 0, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return fd, nil
}

// noIPv6 reports whether an error says that the system has no IPv6.
func noIPv6(err error) bool {
	return errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.EPROTONOSUPPORT)
}

func bind(addr *Addr, o ListenOptions) (fd int, err error) {
	fd, err = unix.Socket(addr.family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if addr.both { // whatever the system's default is
		setOption(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
	}
	if path, ok := addr.Unix(); ok {
		removeStale(path)
	} else {
		setOption(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if o.ReusePort {
		setOption(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	tune(fd, addr.family()) // accepted sockets inherit it
	_, _, errno := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&addr.raw)), uintptr(addr.size))
	if errno == 0 {
		backlog := o.Backlog
		if backlog == 0 {
			backlog = 4096
		}
		err = unix.Listen(fd, backlog)
	} else {
		err = errno
	}
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// removeStale removes the file of a unix socket that nobody listens on any more.
// It looks at the file first: connecting to any other kind is refused, too.
func removeStale(path string) {
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); errors.Is(err, unix.ECONNREFUSED) {
		os.Remove(path)
	}
}

// listen starts accepting on fd, on this loop.
func (l *Loop) listen(ln *listener) error {
	slot := slices.Index(l.lns, nil)
	if slot < 0 {
		slot = len(l.lns)
		l.lns = append(l.lns, nil)
	}
	if err := l.poll.add(ln.fd, listenerSlot(slot), unix.EPOLLIN); err != nil {
		return err
	}
	ln.slot = slot
	l.lns[slot] = ln
	return nil
}

// accept takes what waits, and tells whether there may be more. The listener's
// readiness is level-triggered: what is left over is reported again.
func (ln *listener) accept() (more bool) {
	for range acceptsPerTurn {
		var raw unix.RawSockaddrAny
		size := uint32(unix.SizeofSockaddrAny)
		fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(ln.fd), uintptr(unsafe.Pointer(&raw)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			ln.backOff = 0
			ln.settle(int(fd), addrPortOfRaw(&raw))
		case syscall.EAGAIN:
			return false
		case syscall.EINTR, syscall.ECONNABORTED:
		default:
			ln.loop.opts.Short(ToAccept, errno)
			ln.backOffNow()
			return false
		}
	}
	return true
}

// settle gives a connection to a loop.
func (ln *listener) settle(fd int, remote netip.AddrPort) {
	target := ln.place()
	if target == ln.loop {
		target.take(fd, remote, ln.onAccept)
		return
	}
	target.count.Add(1) // so that the next one sees it
	if !target.Post(func() { target.count.Add(-1); target.take(fd, remote, ln.onAccept) }) {
		target.count.Add(-1)
		unix.Close(fd)
	}
}

// take makes an accepted socket a connection of this loop.
func (l *Loop) take(fd int, remote netip.AddrPort, accept Accept) {
	c, err := l.add(fd, nil, remote, 0)
	if err != nil {
		return
	}
	l.serving = c
	h := accept(c)
	l.serving = nil
	if c.SetHandler(h); h == nil {
		c.CloseNow()
	}
}

// backOffNow stops accepting for a moment: the process has no descriptor or no memory
// left, and the connection that waits would be reported again and again.
func (ln *listener) backOffNow() {
	ln.failed.Add(1)
	ln.backOff = min(max(2*ln.backOff, minBackOff), maxBackOff)
	ln.loop.poll.remove(ln.fd)
	ln.loop.Schedule(&ln.timer, ln.backOff, ln)
}

// Expired goes on accepting.
func (ln *listener) Expired(*Timer) {
	if err := ln.loop.poll.add(ln.fd, listenerSlot(ln.slot), unix.EPOLLIN); err != nil {
		ln.backOffNow()
	}
}

// remove ends the listener, on its loop. If it is to be drained, what waits in the
// system's queue is accepted first: those clients have a connection already.
func (ln *listener) remove(drain bool) {
	if ln.slot < 0 { // it was never started
		unix.Close(ln.fd)
		return
	}
	if ln.loop.lns[ln.slot] != ln {
		return
	}
	for n := 0; drain && n < lastTurns; n++ {
		ln.loop.Protect(nil, func() { drain = ln.accept() })
	}
	ln.loop.Cancel(&ln.timer)
	ln.loop.poll.remove(ln.fd)
	ln.loop.lns[ln.slot] = nil
	unix.Close(ln.fd)
}
