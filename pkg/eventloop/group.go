package eventloop

import (
	"sync"
	"sync/atomic"
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
