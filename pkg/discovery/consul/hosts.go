package consul

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"

	"github.com/hashicorp/consul/api"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// tagLabel stands before a tag's name among a host's labels.
const tagLabel = "consul.tag."

// maxWeight is the greatest weight that Consul itself accepts.
const maxWeight = math.MaxUint16

// left counts the instances of an answer that are no hosts, for the log.
type left struct {
	instances int
	example   string
}

func (l *left) out(id, why string) {
	if l.instances++; l.example == "" {
		l.example = fmt.Sprintf("%s: %s", id, why)
	}
}

// place is where an instance is: an IP address or a name with a port, or a socket.
type place struct {
	host   string
	port   int
	socket string
}

// hostsOf makes hosts of the instances of a service. resolved holds the addresses of
// names; a name that is not there has none. Each address is in the result once: of
// instances with the same, the one that is well counts. The order is that of the
// answer if it says how near hosts are, and else that of the addresses.
func hostsOf(entries []*api.ServiceEntry, c *config.ConsulService, resolved map[string]netip.Addr) ([]discovery.Host, left) {
	hosts := make([]discovery.Host, 0, len(entries))
	var out left
	for _, e := range entries {
		if e == nil || e.Service == nil || e.Node == nil {
			out.out("an instance", "it has no service or no node")
			continue
		}
		health, ok := healthOf(e.Checks, c.Status)
		if !ok {
			continue
		}
		at := placeOf(e, c.TaggedAddress)
		address, hostname, why := addressOf(at, resolved)
		if why != "" {
			out.out(e.Service.ID, why)
			continue
		}
		hosts = append(hosts, discovery.Host{
			Address: address, Hostname: hostname, Weight: weightOf(e.Service, health, c.WeightMeta),
			Metadata: labelsOf(e.Service), Zone: zoneOf(e, c.ZoneMeta), Health: health,
		})
	}
	return unique(hosts, c.Near != ""), out
}

// unique keeps one host of each address, the one that is best.
func unique(hosts []discovery.Host, ordered bool) []discovery.Host {
	if !ordered {
		slices.SortStableFunc(hosts, func(a, b discovery.Host) int {
			return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Health, b.Health))
		})
		return slices.CompactFunc(hosts, func(a, b discovery.Host) bool { return a.Address == b.Address })
	}
	at := make(map[string]int, len(hosts))
	kept := hosts[:0]
	for _, h := range hosts {
		i, ok := at[h.Address]
		switch {
		case !ok:
			at[h.Address] = len(kept)
			kept = append(kept, h)
		case h.Health < kept[i].Health:
			kept[i] = h
		}
	}
	return kept
}

// healthOf returns what the checks say, and whether such an instance is taken.
func healthOf(checks api.HealthChecks, taken config.ConsulStatus) (discovery.Health, bool) {
	switch checks.AggregatedStatus() {
	case api.HealthPassing:
		return discovery.Healthy, true
	case api.HealthWarning:
		return discovery.Degraded, taken != config.ConsulPassing
	case api.HealthMaint:
		return discovery.Draining, taken == config.ConsulAny
	default:
		return discovery.Unhealthy, taken == config.ConsulAny
	}
}

// placeOf returns where an instance is reached: at the tagged address if it has one of
// that name, else at its own address, else at its node's.
func placeOf(e *api.ServiceEntry, tagged string) place {
	s := e.Service
	if a, ok := s.TaggedAddresses[tagged]; ok && tagged != "" && a.Address != "" {
		return place{host: a.Address, port: cmp.Or(a.Port, s.DefaultPort())}
	}
	if s.Address == "" && s.SocketPath != "" {
		return place{socket: s.SocketPath}
	}
	node := e.Node.Address
	if tagged != "" {
		node = cmp.Or(e.Node.TaggedAddresses[tagged], node)
	}
	return place{host: cmp.Or(s.Address, node), port: s.DefaultPort()}
}

// addressOf returns a host's address, its name if it has one, or else why it is none.
func addressOf(at place, resolved map[string]netip.Addr) (address, hostname, why string) {
	if at.socket != "" {
		return "unix:" + at.socket, "", ""
	}
	if at.port < 1 || at.port > math.MaxUint16 {
		return "", "", fmt.Sprintf("port %d", at.port)
	}
	ip, err := netip.ParseAddr(at.host)
	if err != nil {
		var ok bool
		if ip, ok = resolved[at.host]; !ok {
			return "", "", fmt.Sprintf("the name %q has no address", at.host)
		}
		hostname = at.host
	}
	return netip.AddrPortFrom(ip.Unmap(), uint16(at.port)).String(), hostname, ""
}

// namesOf returns the names among the instances' addresses, each once.
func namesOf(entries []*api.ServiceEntry, tagged string) []string {
	var names []string
	for _, e := range entries {
		if e == nil || e.Service == nil || e.Node == nil {
			continue
		}
		at := placeOf(e, tagged)
		if _, err := netip.ParseAddr(at.host); err != nil && at.host != "" && at.socket == "" {
			names = append(names, at.host)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// weightOf returns the weight in the service's meta, or else the one that Consul has
// for its status. Consul's has none for an instance that is not well: it weighs as if
// it were, because it is chosen only when all are like it.
func weightOf(s *api.AgentService, health discovery.Health, key string) uint32 {
	if key != "" {
		if w, err := strconv.ParseUint(s.Meta[key], 10, 32); err == nil {
			return uint32(min(w, maxWeight))
		}
	}
	w := s.Weights.Passing
	if health == discovery.Degraded {
		w = s.Weights.Warning
	}
	return uint32(min(max(w, 0), maxWeight))
}

// labelsOf returns the service's meta as it is, and each tag as a label of its own.
func labelsOf(s *api.AgentService) map[string]string {
	if len(s.Tags) == 0 {
		return s.Meta
	}
	labels := make(map[string]string, len(s.Meta)+len(s.Tags))
	maps.Copy(labels, s.Meta)
	for _, tag := range s.Tags {
		labels[tagLabel+tag] = "true"
	}
	return labels
}

func zoneOf(e *api.ServiceEntry, key string) string {
	if key != "" {
		if zone := cmp.Or(e.Service.Meta[key], e.Node.Meta[key]); zone != "" {
			return zone
		}
	}
	return e.Node.Datacenter
}

// same tells whether two sets of hosts are equal, order included.
func same(a, b []discovery.Host) bool {
	return slices.EqualFunc(a, b, func(a, b discovery.Host) bool {
		return a.Address == b.Address && a.Hostname == b.Hostname && a.Weight == b.Weight && a.Zone == b.Zone &&
			a.Priority == b.Priority && a.Health == b.Health && maps.Equal(a.Metadata, b.Metadata)
	})
}
