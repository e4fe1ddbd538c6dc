package dns

import (
	"sync"
	"time"
)

// longestLife bounds the time for which an answer is believed.
const longestLife = 24 * time.Hour

// memory is what one watch was answered. Its methods may be called from any
// goroutine.
type memory struct {
	mu    sync.Mutex
	facts map[question]fact
}

// fact is an answer, and when it is time to ask again.
type fact struct {
	answer *answer
	until  time.Time
	used   uint64 // the round that needed it last
}

// recall returns what is known, and marks it as needed in a round.
func (m *memory) recall(q question, round uint64) (fact, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.facts[q]
	if ok {
		f.used = round
		m.facts[q] = f
	}
	return f, ok
}

// learn notes an answer.
func (m *memory) learn(q question, f fact) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.facts == nil {
		m.facts = make(map[question]fact)
	}
	m.facts[q] = f
}

// forget drops what a round did not need.
func (m *memory) forget(round uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for q, f := range m.facts {
		if f.used != round {
			delete(m.facts, q)
		}
	}
}
