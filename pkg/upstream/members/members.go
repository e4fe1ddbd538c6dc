package members

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/balance"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Options are what a configuration says about a cluster's hosts, besides which they
// are.
type Options struct {
	Balance          balance.Options
	HashByHostname   bool
	PanicBelow       float64 // percentage of hosts that are well
	Overprovisioning uint32  // in percent
	Zone             string  // that weir is in
	ZoneAware        *config.ZoneAware
	Callers          *Members // of the same service as weir; nil: not known
	SlowStart        config.SlowStart
	Subsets          *config.SubsetConfig
	Outlier          *outlier.Policy
}

// Observer is told of what happens to hosts. It must not block for long.
type Observer interface {
	// HostsChanged tells that the hosts of a cluster are others, or that their
	// addresses or counters are. Current is to be asked which; of several changes one
	// call may be the last.
	HostsChanged(m *Members)
	// HostEvent tells of a host. Calls for one cluster are in the order of what
	// happened.
	HostEvent(e Event)
}

// Event is something that happened to a host.
type Event struct {
	Cluster, Host string
	Kind          Kind
	// State is how it is, and Was how it was, if it has Turned; BySource tells that this
	// is because its source says so, or no longer does.
	State, Was State
	BySource   bool
	Detail     string // may be empty
}

// Kind is what happened to a host.
type Kind uint8

const (
	// Added: it is a new member.
	Added Kind = iota
	// Removed: it is no member any more.
	Removed
	// Turned: it is in another state.
	Turned
	// Changed: its weight or its labels are others.
	Changed
)

// String names the kind.
func (k Kind) String() string { return [...]string{"added", "removed", "turned", "changed"}[k] }

// Members are the hosts of a cluster and what is known of them. They outlive
// configurations. The methods may be called from any goroutine; none blocks for
// longer than it takes to make a set.
type Members struct {
	name string
	set  atomic.Pointer[Set]
	// wakes are called, by worker, when there is another set. They do not block.
	wakes []atomic.Pointer[func()]

	mu         sync.Mutex
	generation uint64 // configurations so far
	opts       Options
	observer   Observer
	byName     map[string]*member // by address
	order      []*member          // as delivered
	slots      []*member
	free       []int32 // slots without a member
	slow       *time.Timer
	callees    []*Members // clusters whose Callers these are
	told       *Members   // whose callees these are among; nil: nobody's
	ejections  uint64     // so far
	closed     bool
}

// member is a host with what is known of it.
type member struct {
	host     *Host
	source   discovery.Health
	ill      bool            // a check says so
	ejected  bool            // it failed too often
	state    State           // that follows from these
	bySource bool            // because the source says so
	since    time.Time       // when the state began
	fresh    time.Time       // when slow start began
	seen     uint64          // delivery that it was last in
	said     *discovery.Host // what that says, as long as it is being taken on
}

// New makes the members of a cluster, which has none yet.
func New(name string, workers int) *Members {
	m := &Members{name: name, wakes: make([]atomic.Pointer[func()], workers), byName: make(map[string]*member)}
	m.set.Store(&Set{all: &Pool{}})
	return m
}

// Name returns the cluster's name.
func (m *Members) Name() string { return m.name }

// Current returns the set in force.
func (m *Members) Current() *Set { return m.set.Load() }

// OnChange makes a worker's wake be called when there is another set, from any
// goroutine; it must not block.
func (m *Members) OnChange(worker int, wake func()) { m.wakes[worker].Store(&wake) }

// Configure takes on what a configuration says, and hosts that stand in it (nil:
// those in force stay). The generation of sets is one more from then on; at first it
// is 1.
func (m *Members) Configure(o Options, hosts []discovery.Host, at map[string]netip.AddrPort, observer Observer) {
	m.dependOn(o.Callers) // before they are counted, so that no change of theirs is missed
	m.mu.Lock()
	m.generation++
	before := m.opts
	m.opts, m.observer = o, observer
	changed := (before.Outlier == nil) != (o.Outlier == nil) && m.recount()
	if hosts != nil {
		changed = m.take(hosts, at) || changed
	}
	m.publish()
	m.mu.Unlock()
	m.tell(changed)
}

// SetHosts takes on a delivery of a source. Hosts whose address is no IP address are
// left out.
func (m *Members) SetHosts(hosts []discovery.Host) {
	m.mu.Lock()
	changed := m.take(hosts, nil)
	m.publish()
	m.mu.Unlock()
	m.tell(changed)
}

// SetHealth takes on what checks say of hosts. What they say of an address that is
// no member's is forgotten.
func (m *Members) SetHealth(changes []HealthChange) {
	m.mu.Lock()
	turned := false
	for _, c := range changes {
		if member := m.byName[c.Host]; member != nil && member.ill == c.Healthy {
			member.ill = !c.Healthy
			turned = true
		}
	}
	if turned {
		m.publish()
	}
	m.mu.Unlock()
	if turned {
		m.tell(false)
	}
}

// HealthChange is news of a host by its checks.
type HealthChange struct {
	Host    string // its address
	Healthy bool
}

// Ejection is news of a host that is ejected, or comes back.
type Ejection struct {
	Host string // its address
	// Counters are those by which it was judged: if the host has others, it is another
	// one by now.
	Counters *outlier.Counters
	Ejected  bool
}

// SetEjected takes on hosts that are ejected, or come back.
func (m *Members) SetEjected(changes ...Ejection) {
	m.mu.Lock()
	turned := false
	for _, c := range changes {
		if member := m.byName[c.Host]; member != nil && member.host.Counters == c.Counters && member.ejected != c.Ejected {
			member.ejected = c.Ejected
			turned = true
		}
	}
	if turned {
		m.publish()
	}
	m.mu.Unlock()
	if turned {
		m.tell(false)
	}
}

// Close ends what goes on by itself.
func (m *Members) Close() {
	m.dependOn(nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.slow != nil {
		m.slow.Stop()
	}
}

// Since returns when the present state of each host began.
func (m *Members) Since() map[string]time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]time.Time, len(m.order))
	for _, member := range m.order {
		all[member.host.Address] = member.since
	}
	return all
}

// take makes these the hosts, and tells whether there are others than before. Of
// several with one address the weights are added up.
func (m *Members) take(hosts []discovery.Host, at map[string]netip.AddrPort) (changed bool) {
	delivery := uint64(1)
	if len(m.order) > 0 {
		delivery = m.order[0].seen + 1
	}
	now := time.Now()
	order := make([]*member, 0, len(hosts))
	for i := range hosts {
		h := &hosts[i]
		addr, ok := where(h.Address, at)
		if !ok {
			continue
		}
		is := m.byName[h.Address]
		if is != nil && is.seen == delivery {
			is.said.Weight += h.Weight
			continue
		}
		if is != nil && is.host.Addr != addr { // a name that has come to mean another address is another host
			is.seen = delivery // so that it is dropped once
			m.drop(is)
			is = nil
		}
		if is == nil {
			is = m.add(h, addr, now)
			changed = true
		}
		is.seen, is.said = delivery, h
		order = append(order, is)
	}
	for _, was := range m.order {
		if was.seen != delivery {
			m.drop(was)
			changed = true
		}
	}
	m.order = order
	for _, member := range order {
		m.renew(member)
	}
	return changed
}

// where returns the socket address of a host.
func where(address string, at map[string]netip.AddrPort) (netip.AddrPort, bool) {
	if addr, ok := at[address]; ok {
		return addr, true
	}
	if strings.HasPrefix(address, "unix:") {
		return netip.AddrPort{}, true
	}
	addr, err := netip.ParseAddrPort(address)
	return addr, err == nil
}

// renew takes on what a source says of a host, now that it has said all.
func (m *Members) renew(of *member) {
	was, h := of.host, of.said
	of.source, of.said = h.Health, nil
	if was.Hostname == h.Hostname && was.Weight == h.Weight && was.Zone == h.Zone && was.Priority == h.Priority && equal(was.Metadata, h.Metadata) {
		return
	}
	is := *was
	is.Hostname, is.Weight, is.Zone, is.Priority, is.Metadata = h.Hostname, h.Weight, h.Zone, h.Priority, h.Metadata
	of.host = &is
	m.event(of, Changed, fmt.Sprintf("weight %d", is.Weight))
}

func equal(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

func (m *Members) add(h *discovery.Host, addr netip.AddrPort, now time.Time) *member {
	n := &member{since: now, fresh: now, host: &Host{
		Address: h.Address, Hostname: h.Hostname, Zone: h.Zone, Metadata: h.Metadata,
		Addr: addr, Weight: h.Weight, Priority: h.Priority,
	}}
	if m.opts.Outlier != nil {
		n.host.Counters = new(outlier.Counters)
	}
	if last := len(m.free) - 1; last >= 0 {
		n.host.Slot, m.free = m.free[last], m.free[:last]
		m.slots[n.host.Slot] = n
	} else {
		n.host.Slot = int32(len(m.slots))
		m.slots = append(m.slots, n)
	}
	m.byName[h.Address] = n
	m.event(n, Added, "")
	return n
}

func (m *Members) drop(was *member) {
	m.slots[was.host.Slot] = nil
	m.free = append(m.free, was.host.Slot)
	if m.byName[was.host.Address] == was {
		delete(m.byName, was.host.Address)
	}
	m.event(was, Removed, "")
}

// recount gives the hosts counters, or takes them.
func (m *Members) recount() bool {
	for _, member := range m.order {
		is := *member.host
		is.Counters = nil
		if m.opts.Outlier != nil {
			is.Counters = new(outlier.Counters)
		}
		member.host, member.ejected = &is, false
	}
	return true
}

func (m *Members) event(of *member, kind Kind, detail string) {
	if m.observer != nil {
		m.observer.HostEvent(Event{Cluster: m.name, Host: of.host.Address, Kind: kind, State: of.state, Detail: detail})
	}
}

// tell tells the observer of other hosts, and the clusters that depend on them.
func (m *Members) tell(changed bool) {
	m.mu.Lock()
	observer, callees := m.observer, slices.Clone(m.callees)
	m.mu.Unlock()
	if changed && observer != nil {
		observer.HostsChanged(m)
	}
	for _, c := range callees {
		c.again()
	}
}

// dependOn makes the set be made anew whenever that of the callers changes.
func (m *Members) dependOn(callers *Members) {
	if callers == m { // then it is made anew anyway
		callers = nil
	}
	m.mu.Lock()
	before := m.told
	m.told = callers
	m.mu.Unlock()
	if before == callers {
		return
	}
	if before != nil {
		before.forget(m)
	}
	if callers != nil {
		callers.remember(m)
	}
}

func (m *Members) remember(callee *Members) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.callees = append(m.callees, callee)
}

func (m *Members) forget(callee *Members) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.callees = slices.DeleteFunc(m.callees, func(c *Members) bool { return c == callee })
}

// again makes the set anew, because something it depends on has changed.
func (m *Members) again() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.publish()
	}
}
