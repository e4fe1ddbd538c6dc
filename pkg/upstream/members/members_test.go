package members

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/balance"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// expect checks what an observer was told since it was asked last.
func (s *seen) expect(t *testing.T, changes int, want ...string) {
	t.Helper()
	got, n := s.news()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" || n != changes {
		t.Errorf("the hosts were others %d times, want %d; %s", n, changes, diff)
	}
}

func TestEmpty(t *testing.T) {
	s := New("c", 3).Current()
	if checkSet(t, s); s.Len != 0 || len(s.All().Shares) != 0 {
		t.Errorf("%+v", s)
	}
	s = made(usual()).Current()
	if checkSet(t, s); s.Len != 0 || len(s.All().Shares) != 0 {
		t.Errorf("%+v", s)
	}
}

// TestDeliveries: what changes is told, and what does not is not.
func TestDeliveries(t *testing.T) {
	m, o := New("c", 1), new(seen)
	m.Configure(usual(), nil, nil, o)
	o.expect(t, 0)
	m.SetHosts(hosts(2))
	o.expect(t, 1, address(0)+" added", address(1)+" added")
	first := m.Current().Hosts[0]
	again := hosts(2)
	again[0].Metadata = map[string]string{}
	slices.Reverse(again)
	m.SetHosts(again)
	o.expect(t, 0)
	if m.Current().Hosts[0] != first {
		t.Error("a host that did not change was replaced")
	}
	for _, change := range []func(h *discovery.Host){
		func(h *discovery.Host) { h.Weight = 7 },
		func(h *discovery.Host) { h.Zone = "z" },
		func(h *discovery.Host) { h.Priority = 3 },
		func(h *discovery.Host) { h.Hostname = "x" },
		func(h *discovery.Host) { h.Metadata = map[string]string{"a": "b"} },
		func(h *discovery.Host) { h.Metadata = map[string]string{"a": "c"} },
		func(h *discovery.Host) { h.Metadata = map[string]string{"b": "c"} },
	} {
		change(&again[1])
		m.SetHosts(slices.Clone(again))
		_, changes := o.news()
		h := m.Current().Hosts[0]
		if changes != 0 || h == first || h.Slot != 0 || h.Address != address(0) || !h.Same(first) {
			t.Errorf("%+v became %+v; the hosts are others: %d", first, h, changes)
		}
		first = h
		m.SetHosts(slices.Clone(again))
		o.expect(t, 0)
	}
	again[1].Health = discovery.Draining
	m.SetHosts(again)
	o.expect(t, 0, address(0)+" turned draining")
	m.SetHosts(append(hosts(3)[1:], discovery.Host{Address: "a name:80", Weight: 1}, discovery.Host{Address: "10.0.0.9", Weight: 1}))
	o.expect(t, 1, address(0)+" removed", address(2)+" added")
	if s := m.Current(); s.Len != 2 {
		t.Errorf("there are %d hosts", s.Len)
	}
	m.SetHosts(nil)
	o.expect(t, 1, address(1)+" removed", address(2)+" removed")
	m.SetHosts([]discovery.Host{{Address: "unix:/run/x", Weight: 1}})
	o.expect(t, 1, "unix:/run/x added")
	m.Configure(usual(), nil, nil, nil) // what stands in no configuration stays
	if s := m.Current(); s.Len != 1 || s.Hosts[0] == nil && s.Hosts[1] == nil && s.Hosts[2] == nil {
		t.Errorf("%+v", s)
	}
	checkSet(t, m.Current())
}

// TestOneAddressTwice: the weights of its entries are added up, and to deliver it once
// more changes nothing.
func TestOneAddressTwice(t *testing.T) {
	m, o := New("c", 1), new(seen)
	m.Configure(usual(), nil, nil, o)
	twice := func() []discovery.Host { return []discovery.Host{host(0), host(1), of(4, 0)[0], of(2, 0)[0]} }
	m.SetHosts(twice())
	checkSet(t, m.Current())
	if s := m.Current(); s.Len != 2 || s.Hosts[0].Weight != 7 || s.WeightNow(0) != 700 {
		t.Errorf("%d hosts, the first of weight %d", s.Len, s.Hosts[0].Weight)
	}
	o.news()
	was := m.Current().Hosts[0]
	m.SetHosts(twice())
	o.expect(t, 0)
	if m.Current().Hosts[0] != was {
		t.Error("the host was replaced")
	}
	m.SetHosts(hosts(2))
	o.expect(t, 0, address(0)+" changed, weight 1")
}

// TestNamesMove: a name in a configuration that has come to mean another address is
// another host, of which nothing is known.
func TestNamesMove(t *testing.T) {
	m, o := New("c", 1), new(seen)
	at := func(addresses ...string) map[string]netip.AddrPort {
		all := make(map[string]netip.AddrPort)
		for i, a := range addresses {
			all[string(rune('a'+i))+".example:80"] = netip.MustParseAddrPort(a)
		}
		return all
	}
	named := []discovery.Host{{Address: "a.example:80", Weight: 1}, {Address: "b.example:80", Weight: 1}}
	configure := func(addresses ...string) *Set {
		m.Configure(usual(), slices.Clone(named), at(addresses...), o)
		checkSet(t, m.Current())
		return m.Current()
	}
	before := configure("10.0.0.1:80", "10.0.0.2:80")
	m.SetHealth([]HealthChange{{"a.example:80", false}, {"b.example:80", false}})
	o.news()
	s := configure("10.0.0.3:80", "10.0.0.2:80")
	o.expect(t, 1, "a.example:80 removed", "a.example:80 added")
	if s.Len != 2 || s.Healthy != 1 {
		t.Errorf("%d of %d hosts are well, want that of which nothing is known", s.Healthy, s.Len)
	}
	for _, h := range s.Hosts {
		if h != nil && h.Address == "a.example:80" && (h.Addr.String() != "10.0.0.3:80" || h.Same(before.Hosts[0])) {
			t.Errorf("it is at %v", h.Addr)
		}
	}
	// Its slot is free once, and not twice.
	named = append(named, hosts(3)...)
	s = configure("10.0.0.1:80", "10.0.0.4:80")
	if s.Len != 5 {
		t.Errorf("%d hosts, want 5", s.Len)
	}
}

// TestSlots: hosts keep their slots as long as they are members, each has its own, and
// slots are used again.
func TestSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, o := New("c", 1), new(seen)
		m.Configure(usual(), nil, nil, o)
		slots, most := make(map[string]int32), 0
		for range rapid.IntRange(1, 12).Draw(t, "deliveries") {
			ids := rapid.SliceOfN(rapid.IntRange(0, 15), 0, 15).Draw(t, "hosts") // perhaps twice
			want := make(map[string]uint32)
			at := make(map[string]netip.AddrPort)
			all := []discovery.Host{}
			moved := rapid.IntRange(0, 2).Draw(t, "moved")
			for _, i := range ids {
				h := host(i)
				h.Weight = rapid.Uint32Range(0, 3).Draw(t, "weight")
				if i < 4 { // a name, that moves now and then
					at[h.Address] = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 0, byte(moved)}), 80)
				}
				want[h.Address] += h.Weight
				all = append(all, h)
			}
			before := m.Current()
			m.Configure(usual(), all, at, o)
			s := m.Current()
			checkSet(t, s)
			if s.Len != len(want) || len(s.All().Slots) != len(want) {
				t.Fatalf("%d hosts, want %d", s.Len, len(want))
			}
			if most = max(most, before.Len+s.Len); len(s.Hosts) > most {
				t.Fatalf("%d slots for %d hosts", len(s.Hosts), s.Len)
			}
			now := make(map[string]int32)
			for _, h := range s.Hosts {
				if h == nil {
					continue
				}
				if now[h.Address] = h.Slot; h.Weight != want[h.Address] {
					t.Fatalf("%s has weight %d, want %d", h.Address, h.Weight, want[h.Address])
				}
				if slot, ok := slots[h.Address]; ok && slot != h.Slot && before.Hosts[slot].Same(h) {
					t.Fatalf("%s moved from %d to %d", h.Address, slot, h.Slot)
				}
			}
			events, _ := o.news()
			for address := range want {
				if _, ok := slots[address]; !ok && !slices.Contains(events, address+" added") {
					t.Fatalf("nobody was told of %s", address)
				}
			}
			slots = now
		}
	})
}

// TestStates: a host is as well as the worst that is known of it.
func TestStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := usual()
		o.Outlier = outlier.NewPolicy(new(config.OutlierDetection))
		m := New("c", 1)
		m.Configure(o, nil, nil, new(seen))
		source, ill, ejected := discovery.Healthy, false, false
		deliver := func() {
			h := host(0)
			h.Health = source
			m.SetHosts([]discovery.Host{h, host(1)})
		}
		deliver()
		counters := m.Current().Hosts[0].Counters
		was, ejections := Healthy, uint64(0)
		for range 20 {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				source = rapid.SampledFrom([]discovery.Health{0, 1, 2, 3}).Draw(t, "source")
				deliver()
			case 1:
				ill = rapid.Bool().Draw(t, "ill")
				m.SetHealth([]HealthChange{{address(0), !ill}})
			case 2:
				ejected = rapid.Bool().Draw(t, "ejected")
				m.SetEjected(Ejection{address(0), counters, ejected})
				m.SetEjected(Ejection{address(0), new(outlier.Counters), !ejected}) // another host's of that address
			case 3:
				m.Configure(o, nil, nil, nil)
			}
			want := Healthy
			switch {
			case source == discovery.Draining:
				want = Draining
			case source == discovery.Unhealthy || ill:
				want = Unhealthy
			case ejected:
				want = Ejected
			case source == discovery.Degraded:
				want = Degraded
			}
			s := m.Current()
			checkSet(t, s)
			if got := s.State(0); got != want || s.State(1) != Healthy {
				t.Fatalf("the source says %v, ill %v, ejected %v: it is %v", source, ill, ejected, got)
			}
			if s.Hosts[0].Counters != counters {
				t.Fatal("the counters are others")
			}
			if want == Ejected && was != Ejected {
				ejections++
			}
			was = want
			counts := map[State]int{Healthy: 1}
			counts[want]++
			if s.Degraded != counts[Degraded] || s.Ejected != counts[Ejected] || s.Healthy != counts[Healthy]+counts[Degraded] || s.Ejections != ejections {
				t.Fatalf("%v is counted as %d healthy, %d degraded, %d ejected, %d ejections", want, s.Healthy, s.Degraded, s.Ejected, s.Ejections)
			}
		}
	})
}

// TestEvents: of what checks and ejections say, too, is told once.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, o := New("c", 1), new(seen)
		m.Configure(usual(), hosts(2), nil, o)
		o.expect(t, 1, address(0)+" added", address(1)+" added")
		woken := wakes(t, m)
		start := time.Now()
		pass(time.Minute)
		for range 2 {
			m.SetHealth([]HealthChange{{address(0), false}})
		}
		o.expect(t, 0, address(0)+" turned unhealthy")
		pass(time.Minute)
		for range 2 {
			m.SetEjected(Ejection{address(0), nil, true})
			m.SetEjected(Ejection{"nobody", nil, true})
			m.SetHealth([]HealthChange{{"nobody", false}})
		}
		o.expect(t, 0)
		if since := m.Since(); since[address(0)].Sub(start) != time.Minute || !since[address(1)].Equal(start) {
			t.Errorf("states began at %v", since)
		}
		pass(time.Minute)
		m.SetHealth([]HealthChange{{address(0), true}})
		o.expect(t, 0, address(0)+" turned ejected")
		m.SetEjected(Ejection{address(0), nil, false})
		o.expect(t, 0, address(0)+" turned healthy")
		if since := m.Since()[address(0)]; since.Sub(start) != 3*time.Minute {
			t.Errorf("it is well since %v", since)
		}
		if n := woken(); n != 4 {
			t.Errorf("the workers were woken %d times, want 4", n)
		}
		ill := hosts(3)
		ill[2].Health = discovery.Unhealthy
		m.SetHosts(ill)
		o.expect(t, 1, address(2)+" added", address(2)+" turned unhealthy")
	})
}

// TestCounters: hosts have counters where hosts are ejected, and nobody is ejected
// where they are not.
func TestCounters(t *testing.T) {
	m, o := New("c", 1), new(seen)
	with, without := usual(), usual()
	with.Outlier = outlier.NewPolicy(new(config.OutlierDetection))
	m.Configure(without, hosts(1), nil, o)
	if m.Current().Hosts[0].Counters != nil {
		t.Error("there are counters that nobody needs")
	}
	o.news()
	m.Configure(with, nil, nil, o)
	o.expect(t, 1)
	counters := m.Current().Hosts[0].Counters
	if counters == nil {
		t.Fatal("there are no counters")
	}
	m.SetHosts(of(7, 0, 1))
	if s := m.Current(); s.Hosts[0].Counters != counters || s.Hosts[1].Counters == nil || s.Hosts[1].Counters == counters {
		t.Error("the counters are not each host's own")
	}
	o.news()
	other := with
	other.Outlier = outlier.NewPolicy(new(config.OutlierDetection))
	m.Configure(other, nil, nil, o)
	o.expect(t, 0)
	m.SetEjected(Ejection{address(0), counters, true})
	if m.Current().State(0) != Ejected {
		t.Error("it is not ejected")
	}
	o.news()
	m.Configure(without, nil, nil, o)
	o.expect(t, 1, address(0)+" turned healthy")
	m.Configure(with, nil, nil, o)
	m.SetHosts(nil)
	m.SetHosts(hosts(1))
	if c := m.byName[address(0)].host.Counters; c == nil || c == counters {
		t.Error("a host that comes back has its old counters")
	}
}

// TestHashKeys: hosts are hashed by their address, or their hostname.
func TestHashKeys(t *testing.T) {
	o := usual()
	o.Balance.Type = config.LBRingHash
	pick := func(change func(h *discovery.Host)) (all []string) {
		hosts := hosts(5)
		for i := range hosts {
			hosts[i].Hostname = string(rune('a' + i))
			change(&hosts[i])
		}
		s := made(o, hosts...).Current()
		p := s.All().Shares[0].Table.Picker(new(balance.Worker))
		for hash := range uint64(200) {
			all = append(all, s.Hosts[p.Pick(hash*0x9e3779b97f4a7c15, true)].Hostname)
		}
		return all
	}
	moved := func(h *discovery.Host) { h.Address = "192.0.2.1:" + h.Address[len(h.Address)-4:len(h.Address)-3] + "1" }
	stays := func(h *discovery.Host) {}
	if slices.Equal(pick(stays), pick(moved)) {
		t.Error("hosts with other addresses have the same hashes")
	}
	o.HashByHostname = true
	if !slices.Equal(pick(stays), pick(moved)) {
		t.Error("hosts with the same names have other hashes")
	}
}
