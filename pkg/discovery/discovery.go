package discovery

import (
	"context"
	"log/slog"

	"github.com/weirproxy/weir/pkg/config"
)

// Host is one host of a cluster, as a source delivers it.
type Host struct {
	// Address is "IP:PORT", or "unix:PATH". It is what a host is known by: in a set
	// it is unique.
	Address string
	// Hostname is its name, for auto_host_rewrite; it may be empty.
	Hostname string
	// Weight is its share of the requests, relative to the other hosts; 0: none, as
	// long as there are others.
	Weight   uint32
	Metadata map[string]string // labels; never changed after delivery
	Zone     string
	// Priority is 0 for hosts that are used first.
	Priority uint32
	Health   Health
}

// Health is what a source says of a host's health. Checks and ejections of weir's
// own come on top: a host is as well as the worst of them says.
type Health uint8

const (
	// Healthy: it takes requests.
	Healthy Health = iota
	// Degraded: it takes requests when the others are not enough.
	Degraded
	// Unhealthy: it is not well.
	Unhealthy
	// Draining: it takes no new requests, and is about to go.
	Draining
)

// String names the health.
func (h Health) String() string {
	return [...]string{"healthy", "degraded", "unhealthy", "draining"}[h]
}

// Sink is where the hosts of a cluster go. It is called by one goroutine at a time,
// and does not block for longer than it takes to make a set of hosts ready.
type Sink interface {
	// Hosts delivers the whole set. The slice is the sink's from then on.
	Hosts(hosts []Host)
	// Failed tells that the source does not learn anything at present, and why. The
	// hosts delivered last stay; the next delivery, or Alive, ends the failure.
	Failed(err error)
	// Alive tells that the source has answered, and that there is nothing new.
	Alive()
}

// Source finds the hosts of clusters of one type. Its methods may be called from
// any goroutine.
type Source interface {
	// Watch delivers a cluster's hosts, as soon as they are known, and whenever they
	// change, until ctx is done. Then it returns, and the sink is called no more.
	Watch(ctx context.Context, c *config.Cluster, to Sink)
	// Close frees what the watches have in common. They must have returned.
	Close()
}

// Maker makes a source. The configuration says how it reaches its server; it has
// been checked. An error is one of the environment, such as a file that cannot be
// read.
type Maker func(c *config.Config, log *slog.Logger) (Source, error)

// Registry is which source finds the hosts of which type of cluster.
type Registry map[config.ClusterType]Maker

// FromConfig returns a host as it is written in a file.
func FromConfig(h *config.Host) Host {
	return Host{
		Address: h.Address, Hostname: h.Hostname, Weight: h.Weight, Metadata: h.Metadata,
		Zone: h.Zone, Priority: h.Priority,
	}
}
