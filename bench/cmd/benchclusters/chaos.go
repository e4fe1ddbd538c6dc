package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// What chaos is like.
const (
	chaosHosts = 5 // of each protocol
	faultFor   = 2 * time.Second
	calmFor    = 2 * time.Second // after a fault: in which a host has to get its share again
	chaosRate  = 1000
	boltConns  = 20
	// badShare is the most that a host may get of the requests while it fails: an even share is a fifth.
	badShare = 0.10
	// backShare is the least that it must have got afterwards.
	backShare = 0.05
)

// fault is a way in which a host fails for a while.
type fault struct {
	name string
	do   func(ctx context.Context, s *stage, h *host) error
	// bad tells that the host answers nothing, or not in time, so that its share of the requests must fall.
	bad bool
}

func faults() []fault {
	return []fault{{"killed", killFor, true}, {"stalled", stallFor, true}, {"slowed", slowFor, false}, {"flapping", flapFor, false}}
}

// killFor kills a host and starts it again.
func killFor(ctx context.Context, s *stage, h *host) error {
	s.kill(h)
	if err := wait(ctx, faultFor); err != nil {
		return err
	}
	return s.again(ctx, h)
}

// stallFor stops a host: its connections stay, and new ones are accepted by the kernel, but nothing is answered.
func stallFor(ctx context.Context, _ *stage, h *host) error {
	return errors.Join(h.Signal(syscall.SIGSTOP), wait(ctx, faultFor), h.Signal(syscall.SIGCONT))
}

// slowFor lets a host work for a part of the time.
func slowFor(ctx context.Context, _ *stage, h *host) error {
	for end := time.Now().Add(faultFor); time.Now().Before(end); {
		err := errors.Join(h.Signal(syscall.SIGSTOP), wait(ctx, 20*time.Millisecond), h.Signal(syscall.SIGCONT), wait(ctx, 20*time.Millisecond))
		if err != nil {
			return err
		}
	}
	return nil
}

// flapFor kills a host again and again.
func flapFor(ctx context.Context, s *stage, h *host) error {
	for end := time.Now().Add(faultFor); time.Now().Before(end); {
		s.kill(h)
		if err := errors.Join(wait(ctx, faultFor/10), s.again(ctx, h), wait(ctx, faultFor/10)); err != nil {
			return err
		}
	}
	return nil
}

// part is one protocol's hosts, with a weir of theirs.
type part struct {
	*weir
	hosts []*host
}

func (s *stage) part(ctx context.Context, hosts, listener string, check object) (*part, error) {
	all, err := s.hosts(ctx, hosts, chaosHosts)
	if err != nil {
		return nil, err
	}
	w, err := s.weir(ctx, listener, object{"cluster_name": "bench", "retry_policy": retries()}, list{static("bench", all, object{
		"outlier_detection": object{"interval": "200ms", "base_ejection_time": "1s", "max_ejection_time": "1s", "max_ejection_percent": 40},
		"health_check":      check,
		"retry_budget":      object{"min_retries": 100},
	})}, nil)
	return &part{w, all}, err
}

// chaos drives weirs over HTTP and bolt while a host of each fails in one way after the other. No answer may be lost or wrong; of a host
// that answers nothing, the share of the requests must fall, and rise again afterwards.
func chaos(ctx context.Context, o options) error {
	round := time.Duration(len(faults())) * (faultFor + calmFor)
	if o.chaos < round {
		return fmt.Errorf("a round of chaos takes %v", round)
	}
	s, err := newStage(o)
	if err != nil {
		return err
	}
	defer s.close()
	web, err := s.part(ctx, "http", "Http1", object{"protocol": "http1", "interval": "500ms", "timeout": "300ms"})
	if err != nil {
		return err
	}
	rpc, err := s.part(ctx, "bolt", "bolt", object{"protocol": "bolt", "interval": "500ms", "timeout": "300ms"})
	if err != nil {
		return err
	}

	l := startLoad(ctx, web.address(), chaosRate)
	calls, ended := make(chan *rpcload.Result, 1), make(chan error, 1)
	go func() {
		r, err := rpcload.Run(ctx, rpcload.Options{
			Address: rpc.address(), Protocol: rpcload.Bolt(), Service: "com.bench.Echo", Connections: boltConns, InFlight: 2, For: o.chaos,
		})
		calls <- r
		ended <- err
	}()
	var wrong error
	until := time.Now().Add(o.chaos - round/2)
	for n := 0; n == 0 || time.Now().Before(until); n++ {
		for _, f := range faults() {
			for _, p := range []*part{web, rpc} {
				wrong = errors.Join(wrong, p.suffer(ctx, s, f, p.hosts[n%chaosHosts]))
				if ctx.Err() != nil {
					return ctx.Err()
				}
			}
			if time.Now().After(until) {
				break
			}
		}
	}
	t := l.end()
	r := <-calls
	fmt.Printf("- HTTP: %s\n- bolt: %d requests, %d errors, %d mismatches, %d lost\n", &t, r.Requests, r.Errors, r.Mismatches, r.Lost)
	return errors.Join(<-ended, wrong, verdict(&t, r), s.healthy())
}

// verdict is an error if answers were lost or wrong, or if requests have failed that another host could have answered.
func verdict(t *tally, r *rpcload.Result) error {
	var err error
	for how, n := range t.failed {
		if strings.HasPrefix(how, "lost") {
			err = errors.Join(err, fmt.Errorf("HTTP: %d %s", n, how))
		}
	}
	if t.wrong > 0 {
		err = errors.Join(err, fmt.Errorf("HTTP: %d answers were another's", t.wrong))
	}
	if v := r.Violations(); v != "" {
		err = errors.Join(err, errors.New("bolt: "+v))
	}
	if n := t.failures() + r.Errors; n > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests have failed, which another host could have answered", n))
	}
	return err
}

// suffer has a host fail, and looks at what it was given meanwhile, and afterwards.
func (p *part) suffer(ctx context.Context, s *stage, f fault, h *host) error {
	before, err := p.given(ctx)
	if err != nil {
		return err
	}
	if err := f.do(ctx, s, h); err != nil {
		return err
	}
	during, err := p.given(ctx)
	if err != nil {
		return err
	}
	if err := wait(ctx, calmFor); err != nil {
		return err
	}
	after, err := p.given(ctx)
	if err != nil {
		return err
	}
	bad, back := share(before, during, h), share(during, after, h)
	fmt.Printf("- %s %s: %.1f %% of the requests meanwhile, %.1f %% in the %v after it\n", h.name, f.name, 100*bad, 100*back, calmFor)
	return f.judge(h.name, bad, back)
}

// judge is an error if a host had too much of the requests while it failed, or too little afterwards.
func (f fault) judge(name string, bad, back float64) error {
	switch {
	case f.bad && bad > badShare:
		return fmt.Errorf("%s got %.1f %% of the requests while it was %s", name, 100*bad, f.name)
	case back < backShare:
		return fmt.Errorf("%s got %.1f %% of the requests in the %v after it was %s", name, 100*back, calmFor, f.name)
	}
	return nil
}

// share is a host's part of what all were given from one time to another.
func share(from, to map[string]int, h *host) float64 {
	all := 0
	for name := range to {
		all += to[name] - from[name]
	}
	return float64(to[h.address()]-from[h.address()]) / max(float64(all), 1)
}

// given is how many requests weir has given to each host.
func (p *part) given(ctx context.Context) (map[string]int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/api/v1/clusters?format=json", p.adminPort), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var shown struct {
		Clusters []struct {
			Hosts []struct {
				Address  string
				Requests int
			}
		}
	}
	if err := json.Unmarshal(text, &shown); err != nil {
		return nil, fmt.Errorf("%s: %w: %.200s", resp.Status, err, text)
	}
	all := make(map[string]int)
	for _, c := range shown.Clusters {
		for _, h := range c.Hosts {
			all[h.Address] = h.Requests
		}
	}
	return all, nil
}
