package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/weirproxy/weir/pkg/admin"
	"github.com/weirproxy/weir/pkg/config"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/server/transaction"
)

// adminPages are the HTTP servers of the admin interface and of Prometheus sinks
// with a port of their own. They keep their addresses until the process ends.
type adminPages struct {
	shows   admin.Options // but for what a configuration says
	metrics *metrics.Registry
	log     *slog.Logger

	opened  bool
	servers []*admin.Server
	addr    net.Addr // of the admin interface; nil: there is none
}

// prepare is the pages' part in a change of the configuration: the first one opens them.
func (p *adminPages) prepare(next *transaction.Next) (transaction.Change, error) {
	if p.opened {
		return transaction.Change{}, nil
	}
	if err := p.bind(next.Config); err != nil {
		p.close()
		return transaction.Change{}, err
	}
	return transaction.Change{
		Commit: func() {
			p.opened = true
			for _, page := range p.servers {
				page.Serve()
			}
		},
		Abort: p.close,
	}, nil
}

// bind opens what a configuration asks for.
func (p *adminPages) bind(c *config.Config) (err error) {
	if c.Admin != nil {
		sink, o := prometheusSink(c, 0), p.shows
		if o.Metrics, err = p.metrics.Prometheus(sink); err != nil {
			return err
		}
		o.MetricsPath = sink.Endpoint
		a := c.Admin.Address.SocketAddress
		if p.addr, err = p.bindPage(o, net.JoinHostPort(a.Address, strconv.Itoa(int(a.Port)))); err != nil {
			return fmt.Errorf("admin interface: %w", err)
		}
	}
	for i := range c.Metrics.Sinks {
		sink := c.Metrics.Sinks[i].Prometheus
		if sink == nil || sink.Port == 0 {
			continue
		}
		o := admin.Options{MetricsPath: sink.Endpoint, AnyHost: true, Log: p.log}
		if o.Metrics, err = p.metrics.Prometheus(sink); err != nil {
			return err
		}
		if _, err := p.bindPage(o, fmt.Sprintf(":%d", sink.Port)); err != nil {
			return fmt.Errorf("prometheus sink: %w", err)
		}
	}
	return nil
}

func (p *adminPages) bindPage(o admin.Options, addr string) (net.Addr, error) {
	page := admin.New(o)
	at, err := page.Bind(addr)
	if err != nil {
		return nil, err
	}
	p.servers = append(p.servers, page)
	return at, nil
}

// prometheusSink returns the settings of the sink with a port, or the defaults.
func prometheusSink(c *config.Config, port uint16) *config.PrometheusSink {
	for i := range c.Metrics.Sinks {
		if p := c.Metrics.Sinks[i].Prometheus; p != nil && p.Port == port {
			return p
		}
	}
	p := config.Default[config.PrometheusSink]()
	return &p
}

func (p *adminPages) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, page := range p.servers {
		if err := page.Close(ctx); err != nil {
			p.log.Warn("the admin interface was cut off", "error", err)
		}
	}
	p.servers, p.addr = nil, nil
}
