package load

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// H2load sends requests over so many HTTP/2 connections for so long, so many of them under way on each. It does not tell quantiles of
// the latency.
func H2load(ctx context.Context, url string, connections, streams int, d time.Duration) (Result, error) {
	cmd := exec.CommandContext(ctx, "h2load", "-t1", "-c"+strconv.Itoa(connections), "-m"+strconv.Itoa(streams),
		fmt.Sprintf("-D%ds", int(d/time.Second)), url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if err != nil {
		return Result{}, fmt.Errorf("h2load: %w: %s", err, out)
	}
	return parseH2load(string(out))
}

var (
	h2RateLine     = regexp.MustCompile(`(?m)^finished in \S+, ([0-9.]+) req/s`)
	h2RequestsLine = regexp.MustCompile(`(?m)^requests: .*?(\d+) succeeded, (.*)$`)
	h2StatusLine   = regexp.MustCompile(`(?m)^status codes: \d+ 2xx, (.*)$`)
	h2Count        = regexp.MustCompile(`[1-9]\d* [a-z0-9]+`)
)

func parseH2load(text string) (Result, error) {
	var r Result
	n, rate := h2RequestsLine.FindStringSubmatch(text), h2RateLine.FindStringSubmatch(text)
	status := h2StatusLine.FindStringSubmatch(text)
	if n == nil || rate == nil || status == nil {
		return r, fmt.Errorf("h2load printed what is not understood: %s", text)
	}
	var err error
	if r.Requests, err = strconv.Atoi(n[1]); err != nil {
		return r, err
	}
	if r.Requests == 0 {
		return r, fmt.Errorf("h2load got no answer at all: %s", text)
	}
	if r.Rate, err = strconv.ParseFloat(rate[1], 64); err != nil {
		return r, err
	}
	// What is left of these lines are the counts of what is not good: "0 failed, 0 errored, 0 timeout".
	r.Faults = strings.Join(h2Count.FindAllString(n[2]+", "+status[1], -1), "; ")
	return r, nil
}
