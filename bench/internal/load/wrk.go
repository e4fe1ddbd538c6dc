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

// Result is what one run of a load generator did.
type Result struct {
	Requests int
	Rate     float64       // requests per second
	P99      time.Duration // of the latency; 0 if the generator does not tell
	Faults   string        // wrong answers and lost connections, in the generator's words; empty if there were none
}

// Wrk sends requests over so many keep-alive connections for so long, each connection one after the other.
func Wrk(ctx context.Context, url string, connections int, d time.Duration) (Result, error) {
	// A late answer is not a wrong one: wrk's own limit of 2 s is soon reached on a machine that has other work.
	cmd := exec.CommandContext(ctx, "wrk", "-t2", "-c"+strconv.Itoa(connections), "--timeout", "10s",
		fmt.Sprintf("-d%ds", int(d/time.Second)), "--latency", url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if err != nil {
		return Result{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(string(out))
}

var (
	requestsLine = regexp.MustCompile(`(\d+) requests in `)
	rateLine     = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	p99Line      = regexp.MustCompile(`(?m)^\s+99%\s+([0-9.]+(?:us|ms|s))`)
	faultLines   = regexp.MustCompile(`(?m)^\s*(Non-2xx or 3xx responses: \d+|Socket errors: .*?)\s*$`)
)

func parseWrk(text string) (Result, error) {
	var r Result
	n, rate := requestsLine.FindStringSubmatch(text), rateLine.FindStringSubmatch(text)
	if n == nil || rate == nil {
		return r, fmt.Errorf("wrk printed what is not understood: %s", text)
	}
	var err error
	if r.Requests, err = strconv.Atoi(n[1]); err != nil {
		return r, err
	}
	if r.Requests == 0 {
		return r, fmt.Errorf("wrk got no answer at all: %s", text)
	}
	if r.Rate, err = strconv.ParseFloat(rate[1], 64); err != nil {
		return r, err
	}
	if m := p99Line.FindStringSubmatch(text); m != nil {
		if r.P99, err = time.ParseDuration(m[1]); err != nil {
			return r, err
		}
	}
	var faults []string
	for _, m := range faultLines.FindAllStringSubmatch(text, -1) {
		faults = append(faults, m[1])
	}
	r.Faults = strings.Join(faults, "; ")
	return r, nil
}
