package config

import (
	"encoding/json"
	"fmt"
)

// Discovered tells whether a cluster's hosts come from a source, and not from the configuration or the requests.
func (c *Cluster) Discovered() bool {
	switch c.Type {
	case ClusterStrictDNS, ClusterLogicalDNS, ClusterFile, ClusterConsul:
		return true
	default:
		return false
	}
}

// SourceSettings returns what a configuration says about where a cluster's hosts come from, "" if they stand in it. Two that say the
// same are equal.
func (c *Cluster) SourceSettings() string {
	if !c.Discovered() {
		return ""
	}
	return Settings(c.Type, c.Consul, c.HostsFile, c.Hosts, c.DNSRefreshRate, c.RespectDNSTTL, c.DNSLookupFamily, c.DNSResolvers,
		c.DNSResolverFile, c.DNSResolverPort)
}

// Settings returns what parts of a configuration say, without where they stand. Two that say the same are equal.
func Settings(parts ...any) string {
	text, err := json.Marshal(parts)
	if err != nil { // a configuration is made of what JSON has
		panic(fmt.Sprintf("config: settings cannot be compared: %v", err))
	}
	return string(text)
}

// AgentSettings returns what a configuration says about how Consul is reached. Two that say the same are equal.
func (c *Consul) AgentSettings() string {
	agent := *c
	agent.Register, agent.ConfigPrefix, agent.DrainDelay = nil, "", 0
	return Settings(agent)
}
