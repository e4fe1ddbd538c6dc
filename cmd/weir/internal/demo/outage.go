package demo

import (
	"fmt"
	"time"
)

// Outage is when a server behind weir is gone.
type Outage struct {
	// Address of the server, as it is configured.
	Address string
	// After is the time until it dies, For how long it is gone, and Every the time from one death to the next; 0: it dies once.
	After, For, Every time.Duration
}

// is tells whether the server is to be gone, so long after the start.
func (o *Outage) is(elapsed time.Duration) bool {
	since := elapsed - o.After
	if since < 0 {
		return false
	}
	if o.Every > 0 {
		since %= o.Every
	}
	return since < o.For
}

// fate is what becomes of the server that dies.
type fate struct {
	Outage
	server *web // nil: the configuration has no such server
	gone   bool
	since  time.Time // it is gone, or back; zero: it never died
	times  int       // it died
	lost   int64     // requests that had failed before it died last
}

// turn kills the server, or serves it again, when it is time to. failed is how many requests have failed so far. An error means that
// it could not be served; the next turn tries again.
func (f *fate) turn(now time.Time, elapsed time.Duration, failed int64) error {
	gone := f.is(elapsed)
	if f.server == nil || gone == f.gone {
		return nil
	}
	if gone {
		f.server.kill()
		f.times++
		f.lost = failed
	} else if err := f.server.revive(); err != nil {
		return err
	}
	f.gone, f.since = gone, now
	return nil
}

// address is where the server is; "": there is none that dies.
func (f *fate) address() string {
	if f.server == nil {
		return ""
	}
	return f.server.address
}

// toldFor is how long it is told that the server is back.
const toldFor = 4 * time.Second

// news tells of the server that is gone, or has come back; "": nothing.
func (f *fate) news(now time.Time, failed int64) string {
	if f.times == 0 {
		return ""
	}
	ago := now.Sub(f.since)
	switch {
	case f.gone:
		return fmt.Sprintf("%s was killed %.0f s ago. Requests that failed since then: %d.", f.server.address, ago.Seconds(), failed-f.lost)
	case ago < toldFor:
		return fmt.Sprintf("%s is back. Requests that failed since it was killed: %d.", f.server.address, failed-f.lost)
	}
	return ""
}
