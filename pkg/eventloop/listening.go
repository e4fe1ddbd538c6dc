package eventloop

import (
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Listening is a listening address of a group.
type Listening struct {
	addr   Addr
	lns    []*listener
	failed atomic.Uint64

	mu     sync.Mutex
	closed bool
}

// Listen is Bind and Start in one. It must not be called from a loop.
func (g *Group) Listen(addr Addr, o ListenOptions, accept Accept) (*Listening, error) {
	ls, err := g.Bind(addr, o)
	if err != nil {
		return nil, err
	}
	if err := ls.Start(accept); err != nil {
		ls.Close()
		return nil, err
	}
	return ls, nil
}

// Bind listens on addr without accepting anything yet: what comes waits in the
// system's queue until Start. What is accepted is spread over the loops: each
// connection goes to the loop that has the fewest, or, with ReusePort, every loop
// has a socket of its own and the system chooses, which costs less where
// connections are many and short; unix sockets have no such thing, nor does an address
// whose sockets come from elsewhere and do not share it.
func (g *Group) Bind(addr Addr, o ListenOptions) (*Listening, error) {
	ls := &Listening{addr: addr}
	each := o.ReusePort && addr.ip.IsValid() && len(g.loops) > 1 && shared(o.FDs)
	n := max(1, len(o.FDs))
	if each {
		n = max(n, len(g.loops))
	}
	first := int(g.next.Add(1))
	for i := range n {
		if err := g.bind(ls, g.loops[(first+i)%len(g.loops)], each, &o); err != nil {
			ls.Close()
			for _, fd := range o.FDs {
				unix.Close(fd)
			}
			return nil, err
		}
	}
	return ls, nil
}

// bind adds a socket, the next of those given or a new one, to what is listened on.
func (g *Group) bind(ls *Listening, l *Loop, each bool, o *ListenOptions) (err error) {
	var fd int
	if len(o.FDs) > 0 {
		if err := takeOver(o.FDs[0], ls.addr.family()); err != nil {
			return err
		}
		fd, o.FDs = o.FDs[0], o.FDs[1:]
	} else if fd, err = Bind(&ls.addr, *o); err != nil {
		return err
	}
	if sa, err := unix.Getsockname(fd); err == nil && ls.addr.ip.IsValid() {
		both := ls.addr.both
		ls.addr = AddrFrom(addrPortOf(sa)) // the port, if it was 0
		ls.addr.both = both
	}
	place := g.fewest
	if each {
		place = func() *Loop { return l }
	}
	ls.lns = append(ls.lns, &listener{loop: l, fd: fd, slot: -1, place: place, failed: &ls.failed})
	return nil
}

// shared reports whether further sockets can have the address of some that there are.
func shared(fds []int) bool {
	for _, fd := range fds {
		if on, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT); err != nil || on == 0 {
			return false
		}
	}
	return true
}

// Start begins to accept. It must not be called from a loop, and once only.
func (ls *Listening) Start(accept Accept) error {
	for _, ln := range ls.lns {
		ln.onAccept = accept
		result := make(chan error, 1)
		if !ln.loop.Post(func() { result <- ln.loop.listen(ln) }) {
			result <- ErrStopped
		}
		if err := <-result; err != nil {
			return err
		}
	}
	return nil
}

// Addr returns the address that is listened on, with its real port.
func (ls *Listening) Addr() *Addr { return &ls.addr }

// Failures returns how often accepting had to stop for a moment because the
// process had run out of descriptors or memory. Any goroutine may call it.
func (ls *Listening) Failures() uint64 { return ls.failed.Load() }

// errClosed: there are no sockets any more.
var errClosed = errors.New("eventloop: the listener is closed")

// Sockets returns a duplicate of each socket's descriptor, which the caller closes, or
// gives to another group or process as [ListenOptions].FDs. Both accept from then on
// what comes, until this one leaves: no client notices.
func (ls *Listening) Sockets() (fds []int, err error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return nil, errClosed
	}
	for _, ln := range ls.lns {
		fd, err := unix.FcntlInt(uintptr(ln.fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return nil, err
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

// Close stops listening, after what waits in the system's queue was accepted. It
// returns when that is done, and must not be called from a loop.
func (ls *Listening) Close() { ls.close(true) }

// Leave is Close for sockets that somebody else accepts from as well: what waits in
// the system's queue is theirs.
func (ls *Listening) Leave() { ls.close(false) }

func (ls *Listening) close(drain bool) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return
	}
	ls.closed = true
	for _, ln := range ls.lns {
		done := make(chan struct{})
		if ln.loop.Post(func() { defer close(done); ln.remove(drain) }) {
			<-done
		} else if ln.slot < 0 {
			unix.Close(ln.fd) // a loop that has stopped knows only what was started
		}
	}
}
