package file

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// shortestRefresh bounds the time between two looks from below.
const shortestRefresh = 10 * time.Millisecond

// source is the source of clusters of type FILE. It has no state of its own: each
// watch has its file for itself.
type source struct {
	folder string // where relative paths start
	log    *slog.Logger
}

// New makes the source of clusters of type FILE; it is a [discovery.Maker]. It
// never fails: a file that cannot be read may come later.
func New(c *config.Config, log *slog.Logger) (discovery.Source, error) {
	name, _, _ := c.Source.Node().Position()
	return &source{folder: filepath.Dir(name), log: log}, nil
}

var _ discovery.Maker = New

// Close implements [discovery.Source]. There is nothing to free.
func (s *source) Close() {}

// Watch implements [discovery.Source]. On a file system that does not answer, such
// as a network's whose server is gone, it returns only when that does.
func (s *source) Watch(ctx context.Context, c *config.Cluster, to discovery.Sink) {
	path := c.HostsFile.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.folder, path)
	}
	w := newWatch(path, to, s.log.With("cluster", c.Name))
	ticker := time.NewTicker(max(c.HostsFile.Refresh, shortestRefresh))
	defer ticker.Stop()
	for ctx.Err() == nil {
		w.look()
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}
