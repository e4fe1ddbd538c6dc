package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/weirproxy/weir/bench/internal/process"
	"github.com/weirproxy/weir/bench/internal/table"
)

// What a large configuration has.
const (
	manyClusters = 1000
	manyHosts    = 100 // of each cluster
)

// settle is how long memory is left alone before it is counted.
const settle = 5 * time.Second

// many measures what clusters with 100,000 hosts in all cost: until weir answers a request, and in memory.
func many(ctx context.Context, o options, s *stage) ([]table.Row, error) {
	hosts, err := s.hosts(ctx, "http", 1)
	if err != nil {
		return nil, err
	}
	small, err := s.idle(ctx, list{static("bench", hosts, nil)})
	if err != nil {
		return nil, err
	}
	clusters := list{static("bench", hosts, nil)}
	for i := range manyClusters {
		all := make(list, manyHosts)
		for j := range all {
			all[j] = object{"address": fmt.Sprintf("10.%d.%d.%d:8080", i/250, i%250, j+1)}
		}
		clusters = append(clusters, object{"name": fmt.Sprintf("cluster-%04d", i), "lb_type": "LB_ROUNDROBIN", "hosts": all})
	}
	large, err := s.idle(ctx, clusters)
	if err != nil {
		return nil, err
	}
	if o.heap != "" {
		if err := heapOf(ctx, large.weir, o.heap); err != nil {
			return nil, err
		}
	}
	const mib = 1 << 20
	return []table.Row{
		row("1,000 clusters, 100,000 hosts: start to first answer", "%.2f s", atMost(3, 1), large.startup.Seconds()),
		row("1,000 clusters, 100,000 hosts: memory (RSS)", "%.0f MiB", atMost(250, 120), large.rss/mib),
		row("1,000 clusters, 100,000 hosts: memory at most", "%.0f MiB", atMost(300, 200), large.peak/mib),
		row("1,000 clusters, 100,000 hosts: memory for a host", "%.0f B", atMost(1500, 1000), (large.rss-small.rss)/(manyClusters*manyHosts)),
	}, nil
}

// idling is a weir that has nothing to do.
type idling struct {
	*weir
	startup   time.Duration // until it has answered a request
	rss, peak float64
}

func (s *stage) idle(ctx context.Context, clusters list) (idling, error) {
	w, err := s.weir(ctx, "Http1", object{"cluster_name": "bench"}, clusters, nil)
	if err != nil {
		return idling{}, err
	}
	c := &httpClient{address: w.address()}
	defer c.close()
	if _, err := c.ask("x"); err != nil {
		return idling{}, err
	}
	i := idling{weir: w, startup: time.Since(w.began)}
	if err := wait(ctx, settle); err != nil {
		return i, err
	}
	rss, err := process.RSS([]int{w.PID()})
	if err != nil {
		return i, err
	}
	peak, err := process.PeakRSS([]int{w.PID()})
	i.rss, i.peak = float64(rss), float64(peak)
	return i, err
}

// heapOf writes the heap profile of a weir into a file.
func heapOf(ctx context.Context, w *weir, file string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/debug/pprof/heap?gc=1", w.adminPort), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	profile, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the heap profile: %s: %s", resp.Status, profile)
	}
	return os.WriteFile(file, profile, 0o600)
}
