package balance

import (
	"math/big"

	"github.com/cespare/xxhash/v2"
)

// maglev is the table of Google's Maglev load balancer, with weights, as Envoy has it:
// for the same keys, weights and size the tables are the same.
//
// Every member has a permutation of the table's entries that only depends on its key.
// In turns, each member takes the first entry of its permutation that is free; a
// member of half the weight of the heaviest has every other turn. So shares are exact
// but for one turn; when a member comes or goes, a few percent of the hashes of the
// others move as well.
type maglev struct {
	owners []int32
}

// seeker is a member that takes entries.
type seeker struct {
	next, skip uint64 // its permutation goes on with next, and then skip further each time
	weight     uint64
	due        uint64 // it has its turn in the round in which round*weight has come so far
}

func newMaglev(members []Member, size uint32) *maglev {
	m := &maglev{owners: make([]int32, tableSize(size, len(members)))}
	for i := range m.owners {
		m.owners[i] = -1
	}
	seekers := make([]seeker, len(members))
	for i := range members {
		seekers[i] = newSeeker(&members[i], uint64(len(m.owners)))
	}
	m.fill(seekers, heaviest(members))
	return m
}

// tableSize returns the prime number to use: with one that is not, permutations would
// leave entries out. If it grew with every member beyond it, each would change all of
// the table.
func tableSize(size uint32, members int) uint64 {
	n := uint64(max(size, 2))
	for n < uint64(members) {
		n *= 2
	}
	for !new(big.Int).SetUint64(n).ProbablyPrime(0) { // exact below 2^64
		n++
	}
	return n
}

func newSeeker(m *Member, size uint64) seeker {
	second := xxhash.NewWithSeed(1)
	second.WriteString(m.Key) //nolint:errcheck // a hash takes everything
	return seeker{
		next: xxhash.Sum64String(m.Key) % size, skip: second.Sum64()%(size-1) + 1,
		weight: uint64(m.Weight),
	}
}

// fill looks at about n*log(n) entries to give n away. There are as many rounds as the
// heaviest member gets entries.
func (m *maglev) fill(seekers []seeker, heaviest uint64) {
	left := len(m.owners)
	for round := uint64(1); ; round++ {
		for i := range seekers {
			s := &seekers[i]
			if round*s.weight < s.due {
				continue
			}
			s.due += heaviest
			m.owners[s.take(m.owners)] = int32(i)
			if left--; left == 0 {
				return
			}
		}
	}
}

// take returns the first entry of the permutation that is free.
func (s *seeker) take(owners []int32) uint64 {
	for {
		at := s.next
		if s.next += s.skip; s.next >= uint64(len(owners)) {
			s.next -= uint64(len(owners))
		}
		if owners[at] < 0 {
			return at
		}
	}
}

func (m *maglev) find(hash uint64) int { return int(hash % uint64(len(m.owners))) }
func (m *maglev) owner(at int) int32   { return m.owners[at] }
func (m *maglev) positions() int       { return len(m.owners) }
