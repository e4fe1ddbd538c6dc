package main

import (
	"context"
	"fmt"

	"github.com/weirproxy/weir/bench/internal/table"
)

// outage measures how many requests fail because all servers of Consul are down for a while, and checks that weir follows the catalog
// again when they are back.
func outage(ctx context.Context, o options, s *stage) ([]table.Row, error) {
	servers, err := s.agents(ctx, 3)
	if err != nil {
		return nil, err
	}
	hosts, err := s.hosts(ctx, "http", 10)
	if err != nil {
		return nil, err
	}
	last := hosts[len(hosts)-1]
	if err := servers[0].register(ctx, nil, hosts[:len(hosts)-1]...); err != nil {
		return nil, err
	}
	w, err := s.weir(ctx, "Http1", object{"cluster_name": "bench"}, list{discovered(nil)}, servers[0].block())
	if err != nil {
		return nil, err
	}
	l := startLoad(ctx, w.address(), o.rate)
	if err := l.awaitUse(ctx, hosts[0]); err != nil {
		return nil, err
	}
	for _, a := range servers {
		s.forget(a.Process)
		a.Kill()
	}
	if err := wait(ctx, o.outage); err != nil {
		return nil, err
	}
	for _, a := range servers {
		if err := s.run(a); err != nil {
			return nil, err
		}
	}
	if err := awaitLeader(ctx, servers); err != nil {
		return nil, err
	}
	if err := servers[0].register(ctx, nil, last); err != nil {
		return nil, err
	}
	if err := l.awaitUse(ctx, hosts...); err != nil {
		return nil, err
	}
	t := l.end()
	return []table.Row{lossless(fmt.Sprintf("3 Consul servers down for %v", o.outage), &t)}, nil
}
