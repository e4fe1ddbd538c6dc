package demo

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// lines shows a demo where there is no terminal: what it is, then a line for each
// frame.
type lines struct{ out io.Writer }

func (l *lines) begin(v *view) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "weir listens at http://%s. Ctrl-C ends the demo.\n", v.address)
	if v.notice != "" {
		fmt.Fprintln(&b, v.notice)
	}
	b.WriteString("To try:\n")
	width := commandWidth(v.try)
	for _, c := range v.try {
		fmt.Fprintf(&b, "  %-*s  # %s\n", width, c.line, c.about)
	}
	fmt.Fprintf(&b, "Access log: %s\n", v.log)
	_, err := l.out.Write(b.Bytes())
	return err
}

func (l *lines) frame(v *view) error {
	s := &v.now
	var routes []string
	for _, r := range v.routes {
		routes = append(routes, fmt.Sprintf("%s %.0f/s", r.name, r.rate))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%3.0f s: %d requests (%.0f/s: %s), 5xx %d, p50 %s, p99 %s, retries %d, delayed %d, aborted %d, connections %d in, %d out; %s\n",
		v.elapsed.Seconds(), s.listener.total, v.rate, strings.Join(routes, ", "), s.codes[5], millis(s.listener.p50), millis(s.listener.p99),
		s.retries, s.delayed, s.aborted, s.listener.open, s.upstream, shares(v))
	if v.news != "" {
		fmt.Fprintf(&b, "       %s\n", v.news)
	}
	_, err := l.out.Write(b.Bytes())
	return err
}

// shares says how the requests of a cluster are divided: of the one with the server
// that dies, else of the first.
func shares(v *view) string {
	if len(v.hosts) == 0 {
		return ""
	}
	cluster := v.hosts[0].name
	for i := range v.hosts {
		if v.hosts[i].address == v.mortal {
			cluster = v.hosts[i].name
			break
		}
	}
	var all []string
	for i := range v.hosts {
		h := &v.hosts[i]
		switch {
		case h.name != cluster:
		case h.state != "":
			all = append(all, fmt.Sprintf("%s %.0f/s (%s)", h.address, h.rate, h.state))
		default:
			all = append(all, fmt.Sprintf("%s %.0f/s", h.address, h.rate))
		}
	}
	return cluster + ": " + strings.Join(all, ", ")
}

func (l *lines) end() error { return nil }

// summary writes how a demo went.
func summary(out io.Writer, v *view) error {
	s := &v.now
	var failed int64
	for _, h := range v.hosts {
		failed += h.failed
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%d requests in %.1f s; half of them took at most %s, 99 %% at most %s.\n",
		s.listener.total, v.elapsed.Seconds(), millis(s.listener.p50), millis(s.listener.p99))
	fmt.Fprintf(&b, "Responses: %d 2xx, %d 4xx, %d 5xx; none for %d.\n", s.codes[2], s.codes[4], s.codes[5], s.codes[0])
	if v.outages > 0 {
		fmt.Fprintf(&b, "The host %s was killed %s.\n", v.mortal, times(v.outages))
	}
	fmt.Fprintf(&b, "Hosts failed %d times, weir retried %d times.\n", failed, s.retries)
	fmt.Fprintf(&b, "The fault filter delayed %d requests and aborted %d.\n", s.delayed, s.aborted)
	fmt.Fprintf(&b, "Left for you, access log and all: %s\n", v.files)
	_, err := out.Write(b.Bytes())
	return err
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// commandWidth is how wide the commands are, but for those that are too long to
// align others with.
func commandWidth(all []command) int {
	width := 0
	for _, c := range all {
		if len(c.line) <= longCommand {
			width = max(width, len(c.line))
		}
	}
	return width
}

const longCommand = 44
