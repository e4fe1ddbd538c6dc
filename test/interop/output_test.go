//go:build interop

package interop_test

import (
	"bytes"
	"sync"
	"time"
)

// output is what a program says, while it may still be talking.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// len is how much was said so far.
func (o *output) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Len()
}

// from is what was said from some byte on.
func (o *output) from(at int) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.b.Bytes()[at:])
}

// until waits until a condition on the whole text holds, and tells whether it does. It gives up when the program has ended, or runs
// out of patience.
func (o *output) until(ended <-chan struct{}, holds func(text string) bool) bool {
	timeout := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if holds(o.from(0)) {
			return true
		}
		select {
		case <-ended:
			return holds(o.from(0))
		case <-timeout:
			return false
		case <-tick.C:
		}
	}
}
