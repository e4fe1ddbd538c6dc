package upstream

import (
	"net"
	"net/netip"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/upstream/members"
	"github.com/weirproxy/weir/pkg/upstream/outlier"
)

// Update is what a snapshot says anew about the members of its clusters, which outlive
// it. Of clusters that are as they were it says nothing.
type Update struct {
	of []memberUpdate
}

// memberUpdate is what a configuration says about the members of one cluster.
type memberUpdate struct {
	members *members.Members
	options members.Options
	hosts   []discovery.Host          // that stand in the configuration; nil: they are discovered
	at      map[string]netip.AddrPort // where those of them are that have names
	// resolved says that names were looked up, which may have other addresses by now.
	resolved bool
}

// Commit tells the members. It is called once, after the updates of all snapshots
// before, and right before managers apply the snapshot: a manager acts on it when it
// does, so that it never has hosts of one configuration and routes of another.
// observer, which may be nil, is told of the hosts.
func (u *Update) Commit(observer members.Observer) {
	for i := range u.of {
		u.of[i].commit(observer)
	}
	u.of = nil // the members have the hosts now
}

func (u *memberUpdate) commit(observer members.Observer) {
	u.members.Configure(u.options, u.hosts, u.at, observer)
}

// newMemberUpdate is what a cluster's configuration says about its members.
func newMemberUpdate(c *config.Cluster, policy *outlier.Policy, zone string, r *config.Report) memberUpdate {
	u := memberUpdate{options: members.Options{
		Balance:          balanceOptions(c),
		HashByHostname:   c.LBConfig.HashByHostname,
		PanicBelow:       c.PanicThreshold,
		Overprovisioning: c.OverprovisioningFactor,
		Zone:             zone,
		ZoneAware:        c.ZoneAware,
		SlowStart:        c.SlowStart,
		Subsets:          c.Subsets,
		Outlier:          policy,
	}}
	switch c.Type {
	case config.ClusterOriginalDst:
		u.hosts = []discovery.Host{} // those of another type that it had go
	case config.ClusterSimple, config.ClusterStatic, config.ClusterDynamic, config.ClusterEDS:
		u.hosts = make([]discovery.Host, 0, len(c.Hosts))
		u.at = make(map[string]netip.AddrPort, len(c.Hosts))
		for i := range c.Hosts {
			u.add(&c.Hosts[i], r)
		}
	default: // a source delivers the hosts
	}
	return u
}

// add adds a host that stands in the configuration.
func (u *memberUpdate) add(h *config.Host, r *config.Report) {
	addr, named, err := resolve(h.Address)
	u.resolved = u.resolved || named
	if _, _, unsplit := net.SplitHostPort(h.Address); err != nil && unsplit != nil {
		return // the loader has told
	}
	if err != nil {
		r.Errorf(h.At("address"), "%v", err)
		return
	}
	u.hosts = append(u.hosts, discovery.FromConfig(h))
	u.at[h.Address] = addr.AddrPort()
}
