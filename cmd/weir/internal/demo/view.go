package demo

import (
	"fmt"
	"net"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
)

// window is the time that rates are over.
const window = time.Second

// view is all that a picture shows.
type view struct {
	address, notice string // of the listener; about ports, "" for none
	files, log      string // the folder of all files, and the access log in it
	try             []command

	// news is of the server that dies now and then, "" for none; mortal is its
	// address, and outages how often it died.
	news, mortal string
	outages      int

	elapsed       time.Duration
	now           sample
	rate          float64 // requests per second
	routes, hosts []row
	// The highest rates seen so far, which fill a bar.
	routePeak, hostPeak float64
}

// row is a line of a table.
type row struct {
	label
	counts
	rate  float64
	state string // of a host that is not well; "": it is
}

// command is one for the user to try.
type command struct{ line, about string }

// commands returns what to try on a listener, of which call is a file with a call
// of bolt beside one of Dubbo, and on the admin interface, nil if there is none.
func commands(address, call string, admin net.Addr) []command {
	host, port, _ := net.SplitHostPort(address)
	all := []command{
		{"curl -i http://" + address + "/flaky", "weir retries; also /slow, /hello, /"},
		{"nc -w1 " + host + " " + port + " <" + call, "or dubbo.call"},
	}
	if admin != nil {
		all = append(all, command{"curl http://" + admin.String() + "/metrics", "for Prometheus; also /api/v1/clusters"})
	}
	return all
}

func hostTarget(c *config.Cluster, h *config.Host) string {
	for i := range c.Hosts {
		if c.Hosts[i].Weight != h.Weight {
			return fmt.Sprintf("%s x%d", h.Address, h.Weight)
		}
	}
	return h.Address
}

// history is the samples of the last window and the one before, oldest first.
type history struct {
	samples             []sample
	routePeak, hostPeak float64
}

func (h *history) add(s sample) {
	h.samples = append(h.samples, s)
	old := 0
	for old+1 < len(h.samples) && s.at.Sub(h.samples[old+1].at) >= window {
		old++
	}
	h.samples = append(h.samples[:0], h.samples[old:]...)
}

// describe fills in what the samples say.
func (h *history) describe(v *view, r *reader) {
	first, last := &h.samples[0], &h.samples[len(h.samples)-1]
	seconds := last.at.Sub(first.at).Seconds()
	rate := func(before, now counts) float64 {
		if seconds <= 0 {
			return 0
		}
		return float64(now.total-before.total) / seconds
	}
	v.now, v.rate = *last, rate(first.listener, last.listener)
	v.routes, v.hosts = nil, nil
	for i, l := range r.routes {
		row := row{label: l, counts: last.routes[i], rate: rate(first.routes[i], last.routes[i])}
		h.routePeak = max(h.routePeak, row.rate)
		v.routes = append(v.routes, row)
	}
	for i, l := range r.hosts {
		row := row{label: l, counts: last.hosts[i], rate: rate(first.hosts[i], last.hosts[i])}
		h.hostPeak = max(h.hostPeak, row.rate)
		v.hosts = append(v.hosts, row)
	}
	v.routePeak, v.hostPeak = h.routePeak, h.hostPeak
}

// clusters are what is known of hosts. The server is.
type clusters interface {
	Clusters(name string, each func(*admin.Cluster) bool)
}

// describeHosts fills in which hosts are not well.
func (v *view) describeHosts(from clusters) {
	type host struct{ cluster, address string }
	states := make(map[host]string)
	from.Clusters("", func(c *admin.Cluster) bool {
		for i := range c.Hosts {
			if h := &c.Hosts[i]; h.State != admin.StateHealthy {
				states[host{c.Name, h.Address}] = h.State
			}
		}
		return true
	})
	for i := range v.hosts {
		v.hosts[i].state = states[host{v.hosts[i].name, v.hosts[i].address}]
	}
}
