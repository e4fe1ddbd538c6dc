package members

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/balance"
)

// fataler is a test, or a rapid one.
type fataler interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// usual are options as a configuration without any has them.
func usual() Options {
	return Options{
		Balance:    balance.Options{Type: config.LBRoundRobin, ChoiceCount: 2, ActiveBias: 1, TableSize: 101, MinRing: 64, MaxRing: 1024},
		PanicBelow: 50, Overprovisioning: 140,
	}
}

// made returns members with hosts.
func made(o Options, hosts ...discovery.Host) *Members {
	m := New("c", 1)
	m.Configure(o, nil, nil, nil)
	m.SetHosts(hosts)
	return m
}

func address(i int) string { return fmt.Sprintf("10.0.%d.%d:80", i/250, i%250) }

func host(i int) discovery.Host { return discovery.Host{Address: address(i), Weight: 1} }

func hosts(n int) (all []discovery.Host) {
	for i := range n {
		all = append(all, host(i))
	}
	return all
}

// seen is an observer that keeps what it is told.
type seen struct {
	mu      sync.Mutex
	events  []string
	changes int
}

func (s *seen) HostsChanged(*Members) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
}

func (s *seen) HostEvent(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := e.Host + " " + e.Kind.String()
	if e.Kind == Turned {
		text += " " + e.State.String()
	}
	if e.Detail != "" {
		text += ", " + e.Detail
	}
	s.events = append(s.events, text)
}

// news returns the events, and how often the hosts were others, since it was asked
// last.
func (s *seen) news() (events []string, changes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events, changes = s.events, s.changes
	s.events, s.changes = nil, 0
	return events, changes
}

// checkSet checks what is true of every set.
func checkSet(t fataler, s *Set) {
	t.Helper()
	n, takes := 0, 0
	for slot, h := range s.Hosts {
		if h == nil {
			continue
		}
		if n++; int(h.Slot) != slot {
			t.Errorf("%s of slot %d is at %d", h.Address, h.Slot, slot)
		}
		if s.State(h.Slot).Takes() {
			takes++
		}
		if full := h.Weight * WeightUnit; s.WeightNow(h.Slot) > full || s.WeightNow(h.Slot) == 0 && full > 0 {
			t.Errorf("%s of weight %d has %d now", h.Address, h.Weight, s.WeightNow(h.Slot))
		}
	}
	if s.Len != n || s.Healthy != takes {
		t.Errorf("there are %d hosts of which %d take requests, and it says %d, %d", n, takes, s.Len, s.Healthy)
	}
	checkPool(t, s, s.all)
	for _, p := range s.subsets {
		checkPool(t, s, p)
	}
	if s.standby != nil {
		checkPool(t, s, s.standby)
	}
}

func checkPool(t fataler, s *Set, p *Pool) {
	t.Helper()
	if (len(p.Shares) == 0) != (len(p.Slots) == 0) {
		t.Errorf("%d shares of %d hosts", len(p.Shares), len(p.Slots))
	}
	slots := make(map[int32]bool)
	for _, slot := range p.Slots {
		if s.Hosts[slot] == nil || slots[slot] || s.State(slot) == Draining {
			t.Errorf("slot %d: %v, there already: %v", slot, s.Hosts[slot], slots[slot])
		}
		slots[slot] = true
	}
	upTo := uint32(0)
	for i, share := range p.Shares {
		if share.UpTo < upTo || share.Table.Empty() {
			t.Errorf("share %d, up to %d after %d, has %d hosts", i, share.UpTo, upTo, share.Table.Len())
		}
		if share.UpTo > upTo && (p.Draw(upTo) != i || p.Draw(share.UpTo-1) != i) {
			t.Errorf("a draw of share %d means %d", i, p.Draw(upTo))
		}
		upTo = share.UpTo
		for _, h := range pickedOf(&share) {
			if h := s.Hosts[h]; !slots[h.Slot] || h.Priority != share.Priority || share.Zoned && h.Zone != share.Zone ||
				!share.Panics && !s.State(h.Slot).Takes() {
				t.Errorf("share %+v has %s, which is %v", share, h.Address, s.State(h.Slot))
			}
		}
	}
	if len(p.Shares) > 0 && upTo != Whole {
		t.Errorf("the shares end at %d", upTo)
	}
	load := 0.0
	for _, l := range p.Levels {
		load += l.Load
	}
	if want := 100.0; len(p.Shares) > 0 && (load < want-0.001 || load > want+0.001) || len(p.Shares) == 0 && load != 0 {
		t.Errorf("the loads of %d priorities add up to %v", len(p.Levels), load)
	}
}

// pickedOf returns the hosts that a share's table chooses.
func pickedOf(s *Share) []int32 {
	x := uint64(1)
	w := &balance.Worker{
		Rand: func() uint64 { x = x*6364136223846793005 + 1442695040888963407; return x ^ x>>32 },
		Load: func(int32) int { return 0 }, Cost: func(int32) float64 { return 1 }, Total: func() int { return 0 },
	}
	p := s.Table.Picker(w)
	var all []int32
	for range 4 * s.Table.Len() {
		all = append(all, p.Pick(w.Rand(), true))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// parts returns which part of the requests each share has, by a name.
func parts(p *Pool, name func(*Share) string) map[string]float64 {
	all, from := make(map[string]float64), uint32(0)
	for i := range p.Shares {
		all[name(&p.Shares[i])] += float64(p.Shares[i].UpTo-from) / Whole
		from = p.Shares[i].UpTo
	}
	return all
}

// wakes counts how often a worker is woken.
func wakes(t testing.TB, m *Members) (count func() int) {
	var mu sync.Mutex
	n := 0
	m.OnChange(0, func() { mu.Lock(); defer mu.Unlock(); n++ })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		was := n
		n = 0
		return was
	}
}

// pass lets the fake time of a test go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
