package main

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
)

// proxies are what is measured: the subject, first plain and then with filters, and its peers.
func proxies(o race.Options) (plain, filters, nginx, haproxy peer.Spec) {
	nginx, haproxy = peer.Nginx(), peer.HAProxy()
	if o.StandIn {
		return peer.StandIn(), peer.StandIn(), nginx, haproxy
	}
	return peer.Plain(o.Weir), peer.WithFilters(o.Weir), nginx, haproxy
}

// measureMemory counts the memory of proxies that have just started.
func measureMemory(ctx context.Context, o race.Options) (memory, error) {
	lab, err := peer.NewLab(ctx, peer.Backend())
	if err != nil {
		return memory{}, err
	}
	defer lab.Close()
	var m memory
	open := func(ctx context.Context, address string) (net.Conn, error) {
		return load.Use(ctx, address, peer.SmallPath)
	}
	plain, _, nginx, haproxy := proxies(o)
	for i, spec := range []peer.Spec{plain, nginx, haproxy} {
		if m[i], err = o.Memory(ctx, lab, spec, open); err != nil {
			return m, err
		}
	}
	return m, lab.Healthy()
}

// measureWork drives all proxies, figure by figure, round by round, one at a time.
func measureWork(ctx context.Context, o race.Options) (work, error) {
	w := work{figures: figures()}
	w.turns = make([]line, len(w.figures))
	lab, err := peer.NewLab(ctx, peer.Backend())
	if err != nil {
		return w, err
	}
	defer lab.Close()
	plain, filters, nginx, haproxy := proxies(o)
	for i, f := range w.figures {
		l, drive := &w.turns[i], wrk(f.path, f.connections)
		field := []race.Racer{
			{Spec: plain, Drive: drive, Turns: &l.subject},
			{Spec: nginx, Drive: drive, Turns: &l.nginx},
			{Spec: haproxy, Drive: drive, Turns: &l.haproxy},
		}
		if i == 0 {
			field = append(field, race.Racer{Spec: filters, Drive: wrk(peer.RoutedPath, f.connections), Turns: &l.filters})
		}
		if err := o.Run(ctx, lab, f.name, field...); err != nil {
			return w, errors.Join(err, lab.Healthy())
		}
	}
	return w, lab.Healthy()
}

// wrk drives a proxy with requests for a path.
func wrk(path string, connections int) race.Drive {
	return func(ctx context.Context, address string, d time.Duration) (load.Result, error) {
		return load.Wrk(ctx, "http://"+address+path, connections, d)
	}
}
