package demo

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
)

// style is what a terminal can show.
type style struct{ colour, ascii bool }

// The columns of the tables, but for the bars, which take the rest of a line up
// to widestBar.
const (
	nameColumn   = 8
	targetColumn = 19
	columns      = nameColumn + targetColumn + 7 + 6 + 2 + 6 + 6 + 8 + 8
	widestBar    = 40
)

// picture draws a view in lines of at most width columns. 80 columns and 24 lines
// hold all of it, and so what there is to say of ports, or of a server that died,
// takes the place of the empty line between the tables.
func picture(v *view, width int, st style) []string {
	p := &pen{style: st, width: width}
	p.tables(v)
	line := commandWidth(v.try)
	for _, c := range v.try {
		p.put(tty.Cyan, fmt.Sprintf("%-*s", line, c.line)).put(tty.Faint, "  "+c.about).next()
	}
	p.put(tty.Faint, "Ctrl-C ends the demo. Access log: ").put(tty.Plain, v.log)
	return p.next().lines
}

// lastPicture draws what a demo leaves: there is nothing to try any more.
func lastPicture(v *view, width int, st style) []string {
	p := &pen{style: st, width: width}
	p.tables(v)
	return p.lines
}

func (p *pen) tables(v *view) {
	bar := min(widestBar, p.width-columns)
	p.title(v)
	p.head("route", "goes to", "5xx", "retry", bar)
	for i := range v.routes {
		p.row(&v.routes[i], v.routePeak, v.routes[i].retried, bar)
	}
	p.put(tty.Yellow, cmp.Or(v.news, v.notice)).next()
	p.head("cluster", "host", "failed", "conns", bar)
	for i := range v.hosts {
		p.row(&v.hosts[i], v.hostPeak, v.hosts[i].open, bar)
	}
	p.totals(&v.now)
}

func (p *pen) title(v *view) {
	l := &v.now.listener
	left := "http://" + v.address
	right := fmt.Sprintf("%.0f s  %.0f requests/s  p50 %s  p99 %s", v.elapsed.Seconds(), v.rate, millis(l.p50), millis(l.p99))
	gap := max(2, min(p.width, columns+widestBar)-len("weir  ")-len(left)-len(right))
	p.put(tty.Bold, "weir").put(tty.Plain, "  "+left+strings.Repeat(" ", gap)+right).next()
}

func (p *pen) head(name, target, failed, extra string, bar int) {
	p.put(tty.Faint, fmt.Sprintf("%-*s%-*s%7s%6s  %*s%6s%6s%8s%8s", nameColumn, name, targetColumn, target, "total", "/s",
		max(0, bar), "", failed, extra, "p50", "p99")).next()
}

// row draws a line of a table; extra is the number in its last column but two.
func (p *pen) row(r *row, peak float64, extra int64, bar int) {
	p.put(tty.Plain, fmt.Sprintf("%-*s%-*s%7d%6.0f  ", nameColumn, r.name, targetColumn, r.target, r.total, r.rate))
	if r.state != "" {
		p.state(r.state, bar)
	} else {
		p.bar(r.rate, peak, bar)
	}
	failed := tty.Plain
	if r.failed > 0 {
		failed = tty.Red
	}
	p.put(failed, fmt.Sprintf("%6d", r.failed))
	p.put(tty.Plain, fmt.Sprintf("%6d%8s%8s", extra, millis(r.p50), millis(r.p99))).next()
}

// bar draws a share of width, to an eighth of a column.
func (p *pen) bar(rate, peak float64, width int) {
	if width <= 0 {
		return
	}
	eighths := 0
	if peak > 0 {
		eighths = int(min(1, rate/peak)*float64(8*width) + 0.5)
	}
	full, rest := "█", [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}[eighths%8]
	if p.style.ascii {
		eighths += 4 // round to whole columns
		full, rest = "#", ""
	}
	text := strings.Repeat(full, min(width, eighths/8)) + rest
	p.put(tty.Green, text).put(tty.Plain, strings.Repeat(" ", width-utf8.RuneCountInString(text)))
}

// state draws what a host is that is not well, in place of a bar.
func (p *pen) state(state string, width int) {
	if width > 0 {
		p.put(tty.Red, fmt.Sprintf("%-*.*s", width, width, state))
	}
}

func (p *pen) totals(s *sample) {
	p.put(tty.Faint, "responses    ").put(tty.Plain, fmt.Sprintf("%-33s", fmt.Sprintf("%d 2xx, %d 4xx, %d 5xx", s.codes[2], s.codes[4], s.codes[5])))
	p.put(tty.Faint, "retries  ").put(tty.Plain, strconv.FormatInt(s.retries, 10)).next()
	p.put(tty.Faint, "connections  ").put(tty.Plain, fmt.Sprintf("%-33s", fmt.Sprintf("%d from clients, %d to hosts", s.listener.open, s.upstream)))
	p.put(tty.Faint, "faults   ").put(tty.Yellow, fmt.Sprintf("%d delayed, %d aborted", s.delayed, s.aborted)).next()
}

// millis writes a time in seven columns at most, where it is below a day.
func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d == 0:
		return "-"
	case ms < 0.01: // a worker reads its clock once per wake-up, and is often done within one
		return "<0.01ms"
	case ms < 10:
		return fmt.Sprintf("%.2fms", ms)
	case ms < 100:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.1fs", ms/1000)
}

// pen writes lines that are cut off at the width. Every character takes one
// column.
type pen struct {
	style style
	width int
	lines []string
	line  strings.Builder
	used  int // columns of the line
}

// put writes a piece of a line.
func (p *pen) put(look tty.Ink, text string) *pen {
	if n := utf8.RuneCountInString(text); n > p.width-p.used {
		text = string([]rune(text)[:max(0, p.width-p.used)])
	}
	p.used += utf8.RuneCountInString(text)
	if p.style.colour {
		text = look.On(text)
	}
	p.line.WriteString(text)
	return p
}

// next ends the line.
func (p *pen) next() *pen {
	p.lines = append(p.lines, strings.TrimRight(p.line.String(), " "))
	p.line.Reset()
	p.used = 0
	return p
}
