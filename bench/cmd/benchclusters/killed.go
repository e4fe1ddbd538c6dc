package main

import (
	"context"
	"time"

	"github.com/weirproxy/weir/bench/internal/table"
)

// kills is how many instances are killed, one after the other.
const kills = 5

// killed measures how many requests fail because instances are killed that nobody has deregistered.
func killed(ctx context.Context, o options, s *stage) ([]table.Row, error) {
	hosts, err := s.hosts(ctx, "http", 10)
	if err != nil {
		return nil, err
	}
	route := object{"cluster_name": "bench", "retry_policy": retries()}
	w, err := s.weir(ctx, "Http1", route, list{static("bench", hosts, object{
		"outlier_detection": object{},
		// All that a host had under way is tried again at once, which may be more than the budget's usual share of all that is under way.
		"retry_budget": object{"min_retries": clients},
	})}, nil)
	if err != nil {
		return nil, err
	}
	l := startLoad(ctx, w.address(), o.rate)
	for _, h := range hosts[:kills] {
		if err := l.awaitUse(ctx, hosts[len(hosts)-1]); err != nil {
			return nil, err
		}
		s.kill(h)
		if err := wait(ctx, time.Second); err != nil {
			return nil, err
		}
		if err := s.again(ctx, h); err != nil {
			return nil, err
		}
	}
	t := l.end()
	return []table.Row{lossless("5 of 10 instances killed in turn, with retries", &t)}, nil
}
