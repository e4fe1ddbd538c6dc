package dns

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// shortestRefresh bounds the time between two look-ups from below.
const shortestRefresh = 10 * time.Millisecond

// source is the source of clusters of type STRICT_DNS and LOGICAL_DNS.
type source struct {
	folder   string // where relative paths start
	network  *network
	resolver string // path of the system's resolv.conf
	hosts    *parsedFile[hostTable]
	files    resolverFiles
}

// New makes the source of clusters of type STRICT_DNS and LOGICAL_DNS; it is a
// [discovery.Maker]. It never fails, and reads nothing: files of the system are read
// when a watch needs them.
func New(c *config.Config, _ *slog.Logger) (discovery.Source, error) {
	name, _, _ := c.Source.Node().Position()
	return newSource(filepath.Dir(name), systemResolver, systemHosts), nil
}

var _ discovery.Maker = New

// newSource makes a source that takes the system's settings from the given files.
func newSource(folder, resolver, hosts string) *source {
	return &source{
		folder: folder, network: newNetwork(), resolver: resolver,
		hosts: newParsedFile(hosts, parseHosts),
	}
}

// Close implements [discovery.Source]. Nothing is open between two look-ups.
func (s *source) Close() {}

// Watch implements [discovery.Source]. Names are looked up in parallel, on goroutines
// that end with each look-up: at most 32 questions are under way at a time, for all
// watches together.
func (s *source) Watch(ctx context.Context, c *config.Cluster, to discovery.Sink) {
	w := newWatch(c, to, s.network, func() (*settings, hostTable, error) { return s.settings(c) })
	w.run(ctx)
}

// settings returns how names of a cluster are looked up at present.
func (s *source) settings(c *config.Cluster) (*settings, hostTable, error) {
	if len(c.DNSResolvers.Servers) > 0 {
		return settingsOf(c, nil), nil, nil
	}
	path := c.DNSResolverFile
	switch {
	case path == "":
		path = s.resolver
	case !filepath.IsAbs(path):
		path = filepath.Join(s.folder, path)
	}
	conf, err := s.files.get(path)
	if err != nil {
		if c.DNSResolverFile != "" {
			return nil, nil, err
		}
		conf = parseResolvConf(nil) // a system without the file has a server of its own
	}
	table, err := s.hosts.get()
	if err != nil {
		table = nil // nor need it have this one
	}
	return settingsOf(c, conf), table, nil
}
