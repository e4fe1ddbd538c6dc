package grpcweb

import (
	"sync"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/stream"
)

// Config is the filter's configuration: there is nothing to configure. Requests
// are told by their content type, and others pass.
type Config struct {
	config.Source
}

// Make makes the filter.
func Make(c *config.Node, r *config.Report) filter.Filter {
	var conf Config
	c.DecodeInto(&conf, r)
	f := &grpcweb{}
	f.bridges.New = func() any { return &bridge{owner: f} }
	return f
}

// grpcweb is the filter.
type grpcweb struct {
	bridges sync.Pool // of *bridge
}

var _ filter.CallMaker = (*grpcweb)(nil)

// MakesCall reports whether a request is one of gRPC-Web.
func (f *grpcweb) MakesCall(h *stream.Head) bool { return formOfRequest(h) != notWeb }

// Attach looks at the calls of gRPC-Web only. It is decided by what the client
// sent: also an answer given before the request reached the filter has to be one
// that the client understands.
func (f *grpcweb) Attach(s *filter.Stream) (filter.Request, filter.Response) {
	if h := s.Info().Request; h != nil && formOfRequest(h) == notWeb {
		return nil, nil
	}
	b := f.bridges.Get().(*bridge)
	return b, b
}
