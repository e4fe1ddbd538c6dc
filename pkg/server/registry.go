package server

import (
	"maps"
	"slices"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/protocol"
)

// Registry is what a build of weir is made of. Its main program makes one.
type Registry struct {
	Protocols protocol.Registry
	Filters   filter.Registry
	Discovery discovery.Registry
}

// options are what the configuration's loader has to know of it. check runs on
// the decoded configuration, so that its problems come with all others.
func (g Registry) options(check func(*config.Config, *config.Report)) config.Options {
	o := config.Options{Protocols: g.Protocols.ForConfig(), Checks: []func(*config.Config, *config.Report){check}}
	o.StreamFilters = slices.Sorted(maps.Keys(g.Filters))
	return o
}

// Check loads a configuration as Start does, and tells all that is wrong with it.
// It opens nothing.
func (g Registry) Check(path string) (*config.Report, error) {
	_, report, err := g.build(config.Read(path), building{workers: 1})
	return report, err
}
