package main

import (
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/filter/fault"
	"github.com/weirproxy/weir/pkg/filter/healthcheck"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/protocol/http1"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/xprotocol/bolt"
	"github.com/weirproxy/weir/pkg/xprotocol/dubbo"
)

// registry is what this build of weir is made of. A build with more adds its
// lines here.
func registry() server.Registry {
	return server.Registry{
		Protocols: protocol.Registry{
			http1.Protocol(),
			bolt.Spec().Protocol(),
			dubbo.Spec().Protocol(),
		},
		Filters: filter.Registry{
			"fault":       fault.Make,
			"healthcheck": healthcheck.Make,
		},
	}
}
