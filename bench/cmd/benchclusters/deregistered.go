package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/weirproxy/weir/bench/internal/table"
)

// deregistrations is how often an instance is deregistered.
const deregistrations = 10

// quiet is how long a host must have had no request to count as without any. At the least rate, a host that is used has one every 100 ms.
const quiet = 500 * time.Millisecond

// deregistered measures how long an instance that is deregistered still gets requests.
func deregistered(ctx context.Context, o options, s *stage) ([]table.Row, error) {
	a, hosts, w, err := s.discoveredHosts(ctx, 10, nil, object{"cluster_name": "bench"})
	if err != nil {
		return nil, err
	}
	l := startLoad(ctx, w.address(), o.rate)
	var after []float64
	for i := range deregistrations {
		h := hosts[i%len(hosts)]
		if err := l.awaitUse(ctx, h); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := a.deregister(ctx, h); err != nil {
			return nil, err
		}
		last, err := l.awaitQuiet(ctx, h)
		if err != nil {
			return nil, err
		}
		after = append(after, max(last.Sub(began).Seconds()*1000, 0))
		if err := a.register(ctx, nil, h); err != nil {
			return nil, err
		}
	}
	t := l.end()
	return []table.Row{
		row("instance deregistered: last request after, median", "%.1f ms", atMost(100, 20), after...),
		row("instance deregistered: last request after, worst of "+strconv.Itoa(deregistrations), "%.1f ms", atMost(100, 20), slices.Max(after)),
		lossless("instances deregistered and registered", &t),
	}, nil
}

// discoveredHosts starts an agent, hosts that are registered with it, and a weir that finds them.
func (s *stage) discoveredHosts(ctx context.Context, n int, check, route object) (*agent, []*host, *weir, error) {
	agents, err := s.agents(ctx, 1)
	if err != nil {
		return nil, nil, nil, err
	}
	hosts, err := s.hosts(ctx, "http", n)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := agents[0].register(ctx, check, hosts...); err != nil {
		return nil, nil, nil, err
	}
	w, err := s.weir(ctx, "Http1", route, list{discovered(nil)}, agents[0].block())
	return agents[0], hosts, w, err
}

// awaitUse waits until a host has requests.
func (l *load) awaitUse(ctx context.Context, hosts ...*host) error {
	for _, h := range hosts {
		before := l.answered()[h.name]
		err := await(ctx, h.name+" has requests", func() error {
			if n := l.answered()[h.name]; n <= before {
				return fmt.Errorf("it has had %d", n)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitQuiet waits until a host has no requests any more, and returns when the last one was sent.
func (l *load) awaitQuiet(ctx context.Context, h *host) (last time.Time, err error) {
	began := time.Now()
	err = await(ctx, h.name+" has no requests", func() error {
		last = l.lastOf(h.name)
		if since := time.Since(last); since < quiet || time.Since(began) < quiet {
			return fmt.Errorf("the last one was %v ago", since)
		}
		return nil
	})
	return last, err
}
