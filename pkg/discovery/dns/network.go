package dns

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// mostQuestions is how many questions are under way at a time.
	mostQuestions = 32
	// restTime is how long a server that was silent is asked only after the others.
	restTime = 30 * time.Second
)

// asker answers questions. It blocks; it may be called from any goroutine.
type asker interface {
	ask(ctx context.Context, s *settings, q question) (*answer, error)
}

// network asks the servers there are. It is what all watches of a source share.
type network struct {
	slots chan struct{} // one for each question under way
	// exchange asks one server; it is ask, but for tests of the time.
	exchange func(ctx context.Context, server netip.AddrPort, q question, patience time.Duration, tcp bool) (*answer, error)

	mu     sync.Mutex
	silent map[netip.AddrPort]time.Time // servers that did not answer, and until when that counts
}

func newNetwork() *network {
	return &network{
		slots: make(chan struct{}, mostQuestions), exchange: ask, silent: make(map[netip.AddrPort]time.Time),
	}
}

// serverError is why one server has not answered.
type serverError struct {
	server netip.AddrPort
	cause  error
}

// Error names the server and what happened.
func (e *serverError) Error() string { return e.server.String() + ": " + e.cause.Error() }

// Unwrap returns what happened.
func (e *serverError) Unwrap() error { return e.cause }

// lookupError is why a question has no answer, server by server.
type lookupError struct {
	question question
	failures []error
}

// Error names the question and each server's failure.
func (e *lookupError) Error() string {
	texts := make([]string, len(e.failures))
	for i, f := range e.failures {
		texts[i] = f.Error()
	}
	return e.question.String() + ": " + strings.Join(texts, "; ")
}

// Unwrap returns the failures of the servers.
func (e *lookupError) Unwrap() []error { return e.failures }

// errNoServer is what no configuration that was checked leads to.
var errNoServer = errors.New("there is no name server to ask")

// ask asks one server after the other until one answers. The error names the last
// failure of each.
func (n *network) ask(ctx context.Context, s *settings, q question) (*answer, error) {
	select {
	case n.slots <- struct{}{}:
		defer func() { <-n.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	servers := n.order(s)
	if len(servers) == 0 {
		return nil, &lookupError{q, []error{errNoServer}}
	}
	failures := make([]error, len(servers))
	for range max(1, s.attempts) {
		for i, server := range servers {
			a, err := n.exchange(ctx, server, q, s.patience, s.tcp)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			n.note(server, errors.Is(err, errSilent))
			if err == nil {
				return a, nil
			}
			failures[i] = &serverError{server, err}
		}
	}
	return nil, &lookupError{q, failures}
}

// order returns the servers in the order in which they are asked: those that were
// silent lately come last, lest every question waits for them.
func (n *network) order(s *settings) []netip.AddrPort {
	list := slices.Clone(s.servers)
	if s.rotate && len(list) > 1 {
		first := rand.IntN(len(list))
		list = append(list[first:], s.servers[:first]...)
	}
	now := time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	rank := func(server netip.AddrPort) int {
		if now.Before(n.silent[server]) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(list, func(a, b netip.AddrPort) int { return rank(a) - rank(b) })
	return list
}

// note notes whether a server was silent.
func (n *network) note(server netip.AddrPort, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if silent {
		n.silent[server] = time.Now().Add(restTime)
		return
	}
	delete(n.silent, server)
}
