package config

import (
	"net/netip"
	"time"
)

// TCPProxyConfig is the config of the network filter tcp_proxy, which passes the bytes of a connection on to a host and back,
// whatever they mean. It stands alone in a listener's chain, or behind a proxy with fallback_for_unknown_protocol.
type TCPProxyConfig struct {
	Source
	// Cluster of all connections. Absent: routes say which.
	Cluster string `json:"cluster"`
	// Clusters by the addresses of a connection, where cluster is absent; the first route that matches is taken. A connection that none
	// matches is reset: a last route with nothing but a cluster takes what the others leave.
	Routes []TCPRoute `json:"routes"`
	// A connection on which no byte moves in either direction for this long is reset; 0s keeps it for ever. A peer that is gone
	// is noticed without it, by keep-alive probes. A number, as MOSN has it, is one of nanoseconds.
	IdleTimeout time.Duration `json:"idle_timeout" alias:"nanoseconds"`
	// Tries to connect to a host, each on another one if there is one and within the cluster's connect_timeout, before the connection
	// is reset.
	MaxConnectAttempts int `json:"max_connect_attempts" min:"1" max:"16" clamp:""`

	_ struct{} `ignored:"stat_prefix: statistics carry the listener's name"`
	_ struct{} `later:"access_log: access logs of connections"`
	_ struct{} `later:"transparent_proxy: original destinations"`
}

// TCPRoute is a route of a tcp_proxy. A connection matches if it matches all that is given; connections of unix sockets have no
// addresses.
type TCPRoute struct {
	Source
	// Cluster of the connections that match.
	Cluster string `json:"cluster"`
	// Where the client is: in one of these networks.
	SourceAddrs []AddressRange `json:"source_addrs" also:"sourceaddrs"`
	// The address that the client connected to: in one of these networks.
	DestinationAddrs []AddressRange `json:"destination_addrs" also:"destinationaddrs"`
	// Ports of the client: "80,443,8080-8089".
	SourcePort string `json:"source_port" also:"sourceport"`
	// Ports that the client connected to.
	DestinationPort string `json:"destination_port" also:"destinationport"`

	// SourcePorts and DestinationPorts are what SourcePort and DestinationPort say.
	SourcePorts      []PortRange `json:"-"`
	DestinationPorts []PortRange `json:"-"`
}

// AddressRange is a network: the addresses whose leading bits are those of one address.
type AddressRange struct {
	Source
	// IP address.
	Address string `json:"address"`
	// Leading bits that count, which must be given; all of them mean one address.
	Length int `json:"length" min:"0" max:"128"`

	// Prefix is the network.
	Prefix netip.Prefix `json:"-"`
}

// PortRange is the ports from First to Last.
type PortRange struct{ First, Last uint16 }
