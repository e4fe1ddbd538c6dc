package members

import (
	"strconv"

	"github.com/weirproxy/weir/pkg/upstream/balance"
)

// Set is the hosts of a cluster at one time. It is immutable.
type Set struct {
	// Generation numbers the configurations of the cluster; see Configure.
	Generation uint64
	// Hosts are by their slots, with nil where there is none.
	Hosts []*Host
	// Len is how many there are, Healthy how many of them take requests, Degraded how
	// many of those only when the others are not enough, Ejected how many are.
	Len, Healthy, Degraded, Ejected int
	// Ejections is how often any host was ejected so far.
	Ejections uint64

	states  []State // by slot
	weights []uint32
	all     *Pool
	subsets map[string]*Pool // by SubsetKey; nil if the hosts are not divided
	standby *Pool            // of the fallback policy
}

// State returns how the host of a slot is.
func (s *Set) State(slot int32) State { return s.states[slot] }

// WeightNow returns the weight that the host of a slot has now, in hundredths.
func (s *Set) WeightNow(slot int32) uint32 { return s.weights[slot] }

// Pool returns what a selection of labels chooses from; fallback reports that no
// host has them, and a policy decided. Without a selection it is all hosts, whatever
// the policy.
func (s *Set) Pool(subset string) (p *Pool, fallback bool) {
	if subset == "" || s.subsets == nil {
		return s.all, false
	}
	if p := s.subsets[subset]; p != nil {
		return p, false
	}
	return s.standby, true
}

// All returns what is chosen from without regard to labels.
func (s *Set) All() *Pool { return s.all }

// Pool is some hosts of a set, and how requests are divided among them.
type Pool struct {
	// Shares are the parts of the requests. Those of width 0 take none, but for retries
	// that look for another priority or zone. No shares: no host takes requests.
	Shares []Share
	// Slots are the hosts that take requests.
	Slots []int32
	// Levels are the priorities.
	Levels []Level
}

// Whole is what the shares of a pool add up to.
const Whole = 1 << 20

// Share is a part of the requests: those whose draw, from 0 to Whole-1, is below
// UpTo and not below that of the share before.
type Share struct {
	UpTo     uint32
	Priority uint32
	Zone     string // if Zoned
	Zoned    bool   // its hosts are those of one zone
	Panics   bool   // too few hosts of the priority are well: all of them are used
	Table    *balance.Table
}

// Level is a priority with the hosts that it has, and its part of the requests.
type Level struct {
	Priority                 uint32
	Healthy, Degraded, Total int
	Load                     float64 // in percent
	Panics                   bool
}

// Draw returns the place of the share that a draw, from 0 to Whole-1, means.
func (p *Pool) Draw(draw uint32) int {
	for i := range p.Shares {
		if draw < p.Shares[i].UpTo {
			return i
		}
	}
	return len(p.Shares) - 1
}

// WeightUnit is what a weight of 1 is where weights are in hundredths: balancers know weights of hosts
// in slow start that are parts of one.
const WeightUnit = 100

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

func quoted(dst []byte, s string) []byte { return strconv.AppendQuote(dst, s) }
