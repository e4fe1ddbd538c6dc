package dns

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/weirproxy/weir/pkg/discovery"
)

const (
	// heaviest is the greatest weight of a host of a service.
	heaviest = 128
	// lastPriority is the last priority there is.
	lastPriority = 127
)

// hostSet makes hosts of entries and of what their names have.
type hostSet struct {
	names, services map[string]*found
	sorted          bool // by address: servers change the order of their answers, which is no news

	hosts    []discovery.Host
	seen     map[string]struct{}
	answered bool // something is known of at least one entry
}

// add adds an entry's hosts.
func (s *hostSet) add(e *entry) {
	switch {
	case e.wrong != nil:
	case e.service:
		if f := s.services[e.name]; f.err == nil {
			s.answered = true
			s.addServices(e, f.services)
		}
	case e.address.IsValid():
		s.answered = true
		s.put(e.make(e.address.Addr(), e.address.Port(), ""))
	default:
		if f := s.names[e.name]; f.err == nil {
			s.answered = true
			for _, a := range s.order(f.addresses) {
				s.put(e.make(a, e.port, e.name))
			}
		}
	}
}

// order returns addresses in the order in which they are delivered.
func (s *hostSet) order(list []netip.Addr) []netip.Addr {
	if s.sorted {
		list = slices.Clone(list)
		slices.SortFunc(list, netip.Addr.Compare)
	}
	return list
}

// put adds a host, unless there is one of its address.
func (s *hostSet) put(h discovery.Host) {
	if s.seen == nil {
		s.seen = make(map[string]struct{})
	}
	if _, twice := s.seen[h.Address]; twice {
		return
	}
	s.seen[h.Address] = struct{}{}
	s.hosts = append(s.hosts, h)
}

// addServices adds the hosts of an entry that is a service, mostRecords at most.
func (s *hostSet) addServices(e *entry, list []service) {
	if s.sorted {
		list = slices.Clone(list)
		slices.SortFunc(list, func(a, b service) int {
			return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.target, b.target), cmp.Compare(a.port, b.port))
		})
	}
	priorities := ranks(list)
	var greatest uint64
	for _, r := range list {
		greatest = max(greatest, uint64(r.weight)*uint64(e.host.Weight))
	}
	left := mostRecords
	for _, r := range list {
		for _, a := range s.order(s.names[r.target].addresses) {
			if left--; left < 0 {
				return
			}
			h := e.make(a, r.port, r.target)
			h.Priority = min(lastPriority, h.Priority+priorities[r.priority])
			h.Weight = scale(uint64(r.weight)*uint64(h.Weight), greatest, h.Weight)
			s.put(h)
		}
	}
}

// ranks numbers the priorities of records from 0, in their order.
func ranks(list []service) map[uint16]uint32 {
	var values []uint16
	for _, r := range list {
		values = append(values, r.priority)
	}
	slices.Sort(values)
	numbers := make(map[uint16]uint32)
	for i, v := range slices.Compact(values) {
		numbers[v] = uint32(i)
	}
	return numbers
}

// scale returns a weight that is at most heaviest where the greatest one is more.
// One of 0 is the least there is (RFC 2782), unless the entry itself has none.
func scale(weight, greatest uint64, entry uint32) uint32 {
	if entry == 0 {
		return 0
	}
	if greatest > heaviest {
		weight = (weight*heaviest + greatest/2) / greatest
	}
	return uint32(max(1, weight))
}
