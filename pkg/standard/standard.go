// Package standard has what weir's own program is made of, for programs that are made
// of that and more. Start at [Registry].
package standard

import (
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/discovery/consul"
	"github.com/weirproxy/weir/pkg/discovery/dns"
	"github.com/weirproxy/weir/pkg/discovery/file"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/filter/grpcweb"
	"github.com/weirproxy/weir/pkg/filter/healthcheck"
	"github.com/weirproxy/weir/pkg/filter/transcoder"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/h2c"
	"github.com/weirproxy/weir/pkg/protocol/http2"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// Registry returns the protocols, filters and sources of hosts of weir's own program.
// It is the caller's: a program with more adds its lines.
//
//	r := standard.Registry()
//	r.Protocols = append(r.Protocols, memo.Spec().Protocol())
//	r.Filters["audit"] = audit.Make
func Registry() server.Registry {
	return server.Registry{
		Protocols: protocol.Registry{
			h2c.Protocol(), // HTTP/1, and the way from there to HTTP/2
			http2.Protocol(),
			bolt.Spec().Protocol(),
			dubbo.Spec().Protocol(),
		},
		Filters: filter.Registry{
			"fault":       fault.Make,
			"grpc_web":    grpcweb.Make,
			"healthcheck": healthcheck.Make,
			"transcoder":  transcoder.Make,

			// Under Envoy's name, for configurations that are made for both.
			"envoy.filters.http.grpc_web": grpcweb.Make,
		},
		Discovery: discovery.Registry{
			config.ClusterConsul:     consul.Make,
			config.ClusterFile:       file.New,
			config.ClusterLogicalDNS: dns.New,
			config.ClusterStrictDNS:  dns.New,
		},
	}
}
