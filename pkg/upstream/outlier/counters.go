package outlier

import (
	"sync/atomic"
	"time"
)

// Outcome is how a try of a request ended.
type Outcome uint8

const (
	// Success: an answer that is not an error.
	Success Outcome = iota
	// ClientError: an error that is the client's, such as 4xx. It speaks for the host.
	ClientError
	// ServerError: an error that is the host's and of no gateway, such as 500.
	ServerError
	// GatewayError: 502, 503, 504, or what an RPC protocol says like them.
	GatewayError
	// ConnectFailed: there was no connection.
	ConnectFailed
	// Reset: the connection or the stream ended before the answer.
	Reset
	// TimedOut: no answer came in time.
	TimedOut
)

// local tells whether weir itself says so, and not the host.
func (o Outcome) local() bool { return o >= ConnectFailed }

// row is a kind of failures that are counted in a row.
type row uint8

const (
	rowGateway row = iota
	rowAny
	rowLocal
	rows
)

// Counters are a host's, shared by all workers. They live as long as the host is a
// member of its cluster. The zero value is ready; it must not be copied.
type Counters struct {
	row       [rows]atomic.Uint32 // failures so far
	reached   atomic.Uint32       // bits of rows that became too long, for the monitor
	good, bad atomic.Uint64       // outcomes of this interval
}

// Note counts how a try ended, for a caller that has no [Local]. It may be called
// from any goroutine. suspect tells that the host may have to be ejected at once, and
// that the caller calls [Monitor.Wake]. Without a policy it does nothing.
func (c *Counters) Note(p *Policy, o Outcome) (suspect bool) {
	switch {
	case p == nil:
		return false
	case o > ClientError:
		return c.fail(p, o)
	}
	c.endRows()
	if p.rates {
		c.good.Add(1)
	}
	return false
}

// endRows takes note of a success. As long as there are only successes, it writes
// nothing, so that the memory stays in every processor's cache.
func (c *Counters) endRows() {
	for i := range c.row {
		c.end(row(i))
	}
}

func (c *Counters) end(r row) {
	if c.row[r].Load() != 0 {
		c.row[r].Store(0)
	}
}

func (c *Counters) fail(p *Policy, o Outcome) (suspect bool) {
	if p.split && o.local() {
		return c.count(p, rowLocal)
	}
	if p.rates {
		c.bad.Add(1)
	}
	if p.split {
		c.end(rowLocal) // it answered
	}
	suspect = c.count(p, rowAny)
	if o == ServerError {
		c.end(rowGateway)
		return suspect
	}
	return c.count(p, rowGateway) || suspect
}

// count makes a row longer, and tells whether it became too long by that. The row
// begins anew when the monitor has looked at it.
func (c *Counters) count(p *Policy, r row) (suspect bool) {
	most := p.rows[r].most
	if most == 0 || c.row[r].Add(1) < most {
		return false
	}
	if c.reached.Or(1<<r)&(1<<r) != 0 {
		return false // the monitor is about to look
	}
	p.stirred.Store(true)
	return true
}

// flushEvery is after how many successes, or after how long, they are added to what
// all workers share.
const (
	flushEvery = 16
	flushAfter = int64(time.Second)
)

// Local is what one worker has noted of one host and not yet added to the host's
// [Counters]: up to 15 successes, which are added with later outcomes. Failures are
// added at once. The zero value is ready. One goroutine uses it.
type Local struct {
	flushed int64
	good    uint32
}

// Note counts how a try ended, as [Counters.Note] does, but writes what other workers
// read only for every 16th success, or the first after a second. now is the worker's
// time in nanoseconds, by any clock that goes on steadily. It takes no lock and
// allocates nothing.
func (l *Local) Note(c *Counters, p *Policy, now int64, o Outcome) (suspect bool) {
	if p == nil {
		return false
	}
	if o > ClientError {
		l.flush(c, now)
		return c.fail(p, o)
	}
	c.endRows()
	if p.rates {
		if l.good++; l.good >= flushEvery || now-l.flushed >= flushAfter {
			l.flush(c, now)
		}
	}
	return false
}

func (l *Local) flush(c *Counters, now int64) {
	if l.good > 0 {
		c.good.Add(uint64(l.good))
	}
	l.good, l.flushed = 0, now
}
