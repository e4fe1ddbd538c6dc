package eventloop

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirproxy/weir/pkg/buffer"
)

// ErrStopped is what connections are closed with when their loop stops.
var ErrStopped = errors.New("eventloop: the loop was stopped")

// Options are a loop's settings; the zero value is what production uses.
type Options struct {
	// HighWater and LowWater are the bytes waiting to be written at which a
	// connection's handler is told to stop, and to go on. 64 KiB and 16 KiB.
	HighWater, LowWater int
	// Short is told, on the loop, that the system gave no socket for a connection that
	// was to be accepted, or dialled: mostly because the process has as many descriptors
	// as it may have. It may be called often.
	Short func(to Purpose, err error)
	// Clock gives the time in nanoseconds since an arbitrary start, and never goes
	// back. Tests put their own here and wake the loop by Post.
	Clock func() int64
}

// Purpose is what a socket was wanted for.
type Purpose string

// The purposes.
const (
	ToAccept Purpose = "accept"
	ToDial   Purpose = "dial"
)

// Loop is one event loop. Make it with New, then call Run on a goroutine of its
// own.
type Loop struct {
	opts Options
	poll poller
	bufs buffer.Pool
	now  int64

	conns  []*Conn // by slot; a slot is used again only after the turn it was freed in
	free   []int32
	count  atomic.Int32
	lns    []*listener
	ready  []*Conn // to be read again without a new event
	again  []*Conn // those of them whose turn it is
	dirty  []*Conn // with something to write
	dying  []*Conn // to be closed at the end of the turn
	fed    *Conn   // the connection that was last given something to write
	pieces [][]byte
	iovecs []unix.Iovec

	in     *buffer.Slab // the read buffer, of which inFrom bytes are still in use
	inFrom int

	timers wheel
	posted queue
	tasks  []func() // those of posted whose turn it is

	progress    progress
	serving     *Conn        // for which a handler runs; nil: for none
	interrupted *Conn        // for which one ran before, and is to run again
	offered     *buffer.Slab // that a handler looks at, and a reference to it was taken
	onPanic     func(Panic)

	stopping atomic.Bool
	done     chan struct{}
}

// progress is how far the loop has come with each part of its turn, so that it can
// go on behind what has panicked.
type progress struct {
	events             int // there are
	event              int // the next one, as are the others
	again, task        int
	flushed, finalized int
}

// New makes a loop. It holds two descriptors until Run has returned.
func New(opts Options) (*Loop, error) {
	if opts.HighWater == 0 {
		opts.HighWater = 64 << 10
	}
	if opts.LowWater == 0 {
		opts.LowWater = opts.HighWater / 4
	}
	if opts.Short == nil {
		opts.Short = func(Purpose, error) {}
	}
	if opts.Clock == nil {
		start := time.Now()
		opts.Clock = func() int64 { return int64(time.Since(start)) }
	}
	l := &Loop{
		opts:   opts,
		pieces: make([][]byte, 0, maxPieces),
		iovecs: make([]unix.Iovec, 0, maxPieces),
		done:   make(chan struct{}),
	}
	if err := l.poll.open(); err != nil {
		return nil, err
	}
	l.now = opts.Clock()
	l.timers.start(l.now)
	return l, nil
}

// Run runs the loop on the calling goroutine, locked to its thread, until Stop.
func (l *Loop) Run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(l.done)
	for !l.stopping.Load() {
		l.turn()
	}
	l.shutdown()
}

// Stop ends the loop after its current turn: every connection is closed with
// ErrStopped. It returns when Run has. Any goroutine but the loop's own may call
// it, more than once.
func (l *Loop) Stop() {
	l.stopping.Store(true)
	l.wake()
	<-l.done
}

// Post runs fn on the loop, soon, and in the order of the calls. It returns false
// if the loop has stopped and fn will never run. Any goroutine may call it.
func (l *Loop) Post(fn func()) bool {
	if !l.posted.push(fn) {
		return false
	}
	l.wake()
	return true
}

// Now returns the time at which this turn's waiting ended, in nanoseconds on the
// loop's clock.
func (l *Loop) Now() int64 { return l.now }

// Buffers returns the loop's slab pool.
func (l *Loop) Buffers() *buffer.Pool { return &l.bufs }

// Count returns how many connections the loop has. Any goroutine may call it.
func (l *Loop) Count() int { return int(l.count.Load()) }

// turn is one round of the loop. It must stay an ordinary call: returning from it
// is the point at which the runtime can preempt the loop for a collection.
//
//go:noinline
func (l *Loop) turn() {
	l.progress.event, l.progress.events = 0, l.wait()
	l.now = l.opts.Clock()
	for !l.work() {
	}
}

// work does what a turn has to do, or what is left of it after a panic. It reports
// whether it came to the end.
func (l *Loop) work() (done bool) {
	defer l.recoverTurn()
	for p := &l.progress; p.event < p.events; {
		ev := &l.poll.events[p.event]
		p.event++
		l.dispatch(ev)
	}
	l.readAgain()
	l.serving = nil
	l.timers.advance(l.now)
	l.runPosted()
	l.flushDirty()
	l.finalizeDead()
	l.serving = nil
	return true
}

// wait returns how many events are there to be dispatched.
func (l *Loop) wait() int {
	if len(l.ready) > 0 || len(l.dirty) > 0 || len(l.dying) > 0 {
		return l.poll.check(0)
	}
	l.poll.awake.Store(false)
	if !l.posted.empty() || l.stopping.Load() {
		l.poll.awake.Store(true)
		return l.poll.check(0)
	}
	n := l.poll.wait(l.timers.untilNext(l.now))
	l.poll.awake.Store(true)
	return n
}

// wake interrupts the loop's wait. The lock keeps the descriptor from being closed
// in between, when its number may be somebody else's already.
func (l *Loop) wake() {
	if l.poll.awake.Swap(true) {
		return
	}
	l.posted.mu.Lock()
	defer l.posted.mu.Unlock()
	if !l.posted.closed {
		l.poll.interrupt()
	}
}

func (l *Loop) dispatch(ev *unix.EpollEvent) {
	slot := ev.Fd
	switch {
	case slot >= 0:
		if c := l.conns[slot]; c != nil {
			l.serving = c
			c.event(ev.Events)
		}
	case slot == wakeSlot:
		l.poll.clearInterrupt()
	default:
		l.serving = nil
		if ln := l.lns[listenerIndex(slot)]; ln != nil {
			ln.accept()
		}
	}
}

// readAgain reads connections that were resumed, or had more to give than one
// turn takes. What they become ready for meanwhile waits for the next turn.
func (l *Loop) readAgain() {
	p := &l.progress
	if p.again == len(l.again) {
		l.again, l.ready, p.again = l.ready, l.again[:0], 0
	}
	for p.again < len(l.again) {
		c := l.again[p.again]
		l.again[p.again] = nil
		p.again++
		c.flags &^= inReady
		l.serving = c
		c.read()
	}
}

func (l *Loop) runPosted() {
	p := &l.progress
	if p.task == len(l.tasks) {
		l.tasks, p.task = l.posted.take(), 0
	}
	for p.task < len(l.tasks) {
		fn := l.tasks[p.task]
		p.task++
		fn()
	}
}

// flushDirty writes what the turn produced. Handlers that are told of a
// connection's relief may produce more, which is written as well.
func (l *Loop) flushDirty() {
	p := &l.progress
	for p.flushed < len(l.dirty) {
		c := l.dirty[p.flushed]
		l.dirty[p.flushed] = nil
		p.flushed++
		c.flags &^= inDirty
		l.serving = c
		c.flush()
	}
	l.dirty, p.flushed = l.dirty[:0], 0
}

// finalizeDead closes what has ended during the turn and tells the handlers, which may
// end others by that.
func (l *Loop) finalizeDead() {
	p := &l.progress
	for p.finalized < len(l.dying) {
		c := l.dying[p.finalized]
		l.dying[p.finalized] = nil
		p.finalized++
		l.serving = c
		c.finalize()
	}
	l.dying, p.finalized = l.dying[:0], 0
}

// shutdown ends everything. The tasks come first, since they may still bring
// listeners; no connection is added any more.
func (l *Loop) shutdown() {
	for _, fn := range l.posted.close() {
		l.Protect(nil, fn)
	}
	for _, ln := range l.lns {
		if ln != nil {
			ln.remove(false) // what it accepted would be closed
		}
	}
	for again := true; again; {
		again = false
		for _, c := range l.conns {
			if c != nil {
				c.stop()
				again = true
			}
		}
		for !l.finalizeAll() {
		}
	}
	l.flushDirty() // of the dead, which clears what they said last
	if l.in != nil {
		l.in.Release()
		l.in = nil
	}
	l.poll.close()
}

// finalizeAll is finalizeDead in a loop's last turn.
func (l *Loop) finalizeAll() (done bool) {
	defer l.recoverTurn()
	l.finalizeDead()
	return true
}

// queue is the tasks posted to a loop.
type queue struct {
	mu     sync.Mutex
	tasks  []func()
	spare  []func()
	some   atomic.Bool
	closed bool
}

func (q *queue) push(fn func()) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.tasks = append(q.tasks, fn)
	q.some.Store(true)
	return true
}

func (q *queue) empty() bool { return !q.some.Load() }

// take returns the tasks so far; the slice is valid until the next take.
func (q *queue) take() []func() {
	if q.empty() {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.spare)
	q.tasks, q.spare = q.spare[:0], q.tasks
	q.some.Store(false)
	return q.spare
}

func (q *queue) close() []func() {
	tasks := q.take()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return append(tasks[:len(tasks):len(tasks)], q.tasks...)
}
