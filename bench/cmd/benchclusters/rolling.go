package main

import (
	"context"

	"github.com/weirproxy/weir/bench/internal/table"
)

// rollingHosts is how many instances are restarted.
const rollingHosts = 6

// rolling measures how many requests fail because all instances are restarted in turn: each is deregistered, ended when it has no
// requests any more, started and registered again; Consul checks them.
func rolling(ctx context.Context, o options, s *stage) ([]table.Row, error) {
	check := object{"Interval": "1s", "Timeout": "1s"}
	a, hosts, w, err := s.discoveredHosts(ctx, rollingHosts, check, object{"cluster_name": "bench"})
	if err != nil {
		return nil, err
	}
	err = await(ctx, "weir has hosts", func() error { _, err := (&httpClient{address: w.address()}).ask("x"); return err })
	if err != nil {
		return nil, err
	}
	l := startLoad(ctx, w.address(), o.rate)
	if err := l.awaitUse(ctx, hosts...); err != nil {
		return nil, err
	}
	for _, h := range hosts {
		if err := a.deregister(ctx, h); err != nil {
			return nil, err
		}
		if _, err := l.awaitQuiet(ctx, h); err != nil {
			return nil, err
		}
		s.end(h)
		if err := s.again(ctx, h); err != nil {
			return nil, err
		}
		if err := a.register(ctx, check, h); err != nil {
			return nil, err
		}
		if err := l.awaitUse(ctx, h); err != nil {
			return nil, err
		}
	}
	t := l.end()
	return []table.Row{lossless("rolling restart of 6 instances", &t)}, nil
}
