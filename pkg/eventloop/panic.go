package eventloop

import "runtime/debug"

// Panic is a panic that a loop has recovered from: what it was, and in the middle of
// what. The connection that was being served is aborted by then; the owner looks
// after whatever else the panic may have left half done.
type Panic struct {
	Value any
	Stack []byte
	// Conn is the connection that was being served, and Handler its owner; nil if the
	// panic came from a timer, or from a function that was posted.
	Conn    *Conn
	Handler Handler
	// Timer is what the timer belongs to that had run out; nil without one.
	Timer Expirer
}

// OnPanic makes the loop recover from panics of what it calls, tell fn of each, on
// the loop, and go on with what is left of its turn. Without it, a panic ends the
// process. fn must not panic; it guards what may by [Loop.Protect]. OnPanic is called
// on the loop, or before Run.
func (l *Loop) OnPanic(fn func(Panic)) { l.onPanic = fn }

// Protect runs fn, as what is done for c, or for no connection in particular if c is
// nil, and recovers from its panics as the loop does. It is for what is done for each
// of many, one of which must not keep the others from their turn. Recovery costs
// something, and so this is nothing for the way of a request.
func (l *Loop) Protect(c *Conn, fn func()) {
	before, timer := l.serving, l.timers.expiring
	l.serving, l.timers.expiring = c, nil
	defer func() {
		if l.onPanic != nil {
			if v := recover(); v != nil {
				l.contain(v)
			}
		}
		l.serving, l.timers.expiring = before, timer
	}()
	fn()
}

// recoverTurn is deferred around what is left of a turn.
func (l *Loop) recoverTurn() {
	if l.onPanic == nil {
		return
	}
	v := recover()
	if v == nil {
		return
	}
	if l.in != nil { // part of it may be in use that was not accounted for yet
		l.in.Release()
		l.in = nil
	}
	if l.offered != nil {
		l.offered.Release()
		l.offered = nil
	}
	if c := l.interrupted; c != nil {
		l.interrupted = nil
		c.markReady()
	}
	l.contain(v)
	l.serving, l.timers.expiring = nil, nil
}

// contain aborts the connection that was being served, and has the owner of the loop
// do its part.
func (l *Loop) contain(v any) {
	p := Panic{Value: v, Stack: debug.Stack(), Conn: l.serving, Timer: l.timers.expiring}
	if x, ok := p.Timer.(*extra); ok {
		p.Conn, p.Timer = x.conn, nil
	}
	l.serving, l.timers.expiring = nil, nil
	if c := p.Conn; c != nil {
		p.Handler = c.handler
		c.Abort()
		if c.fd < 0 { // it was told that it is closed
			c.handler = nil
			c.out.Clear()
		}
	}
	l.onPanic(p)
}

// Each calls fn with each of the loop's connections. It is called on the loop.
func (l *Loop) Each(fn func(c *Conn)) {
	for _, c := range l.conns {
		if c != nil {
			fn(c)
		}
	}
}
