package eventloop

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Group is some loops that share the connections of their listeners.
type Group struct {
	loops []*Loop
	next  atomic.Uint32 // which loop gets the next listener
}

// NewGroup makes n loops and runs each on a goroutine of its own.
func NewGroup(n int, opts Options) (*Group, error) {
	g := &Group{}
	for range n {
		l, err := New(opts)
		if err != nil {
			g.Stop()
			return nil, err
		}
		g.loops = append(g.loops, l)
		go l.Run()
	}
	return g, nil
}

// Loops returns the loops; the slice must not be changed.
func (g *Group) Loops() []*Loop { return g.loops }

// Stop stops every loop.
func (g *Group) Stop() {
	for _, l := range g.loops {
		l.Stop()
	}
}

// Each runs fn on every loop, with the loop's index, and returns when all have.
// It must not be called from a loop. A loop that has stopped is left out.
func (g *Group) Each(fn func(i int, l *Loop)) {
	var wg sync.WaitGroup
	for i, l := range g.loops {
		wg.Add(1)
		if !l.Post(func() { defer wg.Done(); fn(i, l) }) {
			wg.Done()
		}
	}
	wg.Wait()
}

// Listening is a listening address of a group.
type Listening struct {
	addr   Addr
	lns    []*listener
	failed atomic.Uint64
	once   sync.Once
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
// connections are many and short; unix sockets have no such thing.
func (g *Group) Bind(addr Addr, o ListenOptions) (*Listening, error) {
	ls := &Listening{addr: addr}
	on := []*Loop{g.loops[int(g.next.Add(1))%len(g.loops)]}
	if o.ReusePort && addr.ip.IsValid() {
		on = g.loops
	}
	for _, l := range on {
		fd, err := Bind(&ls.addr, o)
		if err != nil {
			ls.Close()
			return nil, err
		}
		o.FD = 0
		if sa, err := unix.Getsockname(fd); err == nil && addr.ip.IsValid() {
			both := ls.addr.both
			ls.addr = AddrFrom(addrPortOf(sa)) // the port, if it was 0
			ls.addr.both = both
		}
		place := g.fewest
		if len(on) > 1 {
			place = func() *Loop { return l }
		}
		ln := &listener{loop: l, fd: fd, slot: -1, place: place, failed: &ls.failed}
		ls.lns = append(ls.lns, ln)
	}
	return ls, nil
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

// Close stops listening, after what waits in the system's queue was accepted. It
// returns when that is done, and must not be called from a loop.
func (ls *Listening) Close() {
	ls.once.Do(func() {
		for _, ln := range ls.lns {
			done := make(chan struct{})
			if ln.loop.Post(func() { ln.remove(); close(done) }) {
				<-done
			} else if ln.slot < 0 {
				unix.Close(ln.fd) // a loop that has stopped knows only what was started
			}
		}
	})
}

// fewest returns the loop with the fewest connections.
func (g *Group) fewest() *Loop {
	best := g.loops[0]
	for _, l := range g.loops[1:] {
		if l.Count() < best.Count() {
			best = l
		}
	}
	return best
}
