package consul

import (
	"context"
	"log/slog"
	"time"

	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/discovery"
)

// streams is how many questions a connection of HTTP/2 carries. An agent allows 250.
const streams = 100

// Source finds the hosts of clusters in Consul's catalog. It knows an instance by its
// address, and takes as labels the meta of the service as they are and each tag T as
// "consul.tag.T" = "true".
//
// Its connections are max_connections less those that a [Registrar] and [Configs] need:
// one each. A question that is held occupies a connection, unless the agent speaks
// HTTP/2, of whose connections there are a few, and at first some more for a moment.
// Where there are more clusters than connections, each is asked about every
// three seconds or so, those that changed lately more often. That costs: 2,000 services
// over 19 connections are 750 questions a second, a tenth of a core here and more at the
// agent, where https costs nothing until something changes.
type Source struct {
	block  *config.Consul
	log    *slog.Logger
	client *client
	turns  *turns
	names  *names
	logged *throttle
}

var _ discovery.Source = (*Source)(nil)

// Make makes a source. It is a [discovery.Maker].
func Make(c *config.Config, log *slog.Logger) (discovery.Source, error) {
	return New(&c.Consul, log)
}

// New makes a source that asks the agent of this block of the configuration, which it
// keeps.
func New(c *config.Consul, log *slog.Logger) (*Source, error) {
	connections := c.MaxConnections - 1
	if c.ConfigPrefix != "" {
		connections--
	}
	connections = max(connections, 1)
	s := &Source{
		block: c, log: log,
		turns: newTurns(connections, max(c.Wait, time.Second)), names: newNames(log), logged: &throttle{},
	}
	var err error
	s.client, err = newClient(c, connections, log, func() { s.turns.resize(connections * streams) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Close frees the connections. All watches must have returned.
func (s *Source) Close() { s.client.close() }

// Watch delivers the hosts of a service in the catalog, until ctx is done. What could
// not be learned is tried again, with waits that grow; the hosts delivered last stay.
func (s *Source) Watch(ctx context.Context, c *config.Cluster, to discovery.Sink) {
	w, err := s.newWatch(c, to)
	if err != nil {
		to.Failed(err)
		<-ctx.Done()
		return
	}
	w.seat = s.turns.join()
	defer s.turns.leave()
	for sleep(ctx, w.pace.delay(time.Now())) {
		err := w.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			w.backOff.reset()
			w.failing = false
			continue
		}
		w.fail(err)
		if !sleep(ctx, w.backOff.next()) {
			return
		}
	}
}
