package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/table"
)

// figure is one piece of work that all proxies do, and what is asked of weir. Bounds are ratios to nginx in the same run.
type figure struct {
	name        string
	connections int
	path        string
	kib         float64 // of an answer's body, if it is bytes that count and not requests
	goal        table.Goal
}

// figures are the rows of the table but for memory and filters.
func figures() []figure {
	return []figure{
		{"keep-alive, 100 connections, 256 B", 100, peer.SmallPath, 0, table.Goal{Must: 1.00, Aim: 0.80}},
		{"keep-alive, 10 connections, 256 B", 10, peer.SmallPath, 0, table.Goal{Must: 1.05, Aim: 0.85}},
		{"64 KiB answers, 100 connections", 100, peer.LargePath, 64, table.Goal{Must: 1.00, Aim: 1.20, More: true}},
	}
}

// What is asked with filters and routes, against nginx without either, and of memory.
const filtersFigure = "3 filters and 1,000 routes, 100 connections, 256 B"

func filtersGoal() table.Goal { return table.Goal{Must: 1.15, Aim: 0.95} }
func idleGoal() table.Goal    { return table.Goal{Must: 1500, Aim: 500, Absolute: true} }
func baseGoal() table.Goal    { return table.Goal{Must: 25, Aim: 15, Absolute: true} }

// turn is what one proxy did in one round.
type turn struct {
	requests int
	rate     float64
	p99      time.Duration
	cpu      time.Duration
	faults   string
}

// micros is the processor time of a request.
func (t turn) micros() float64 { return float64(t.cpu.Nanoseconds()) / 1e3 / float64(t.requests) }

// mibPerSecond is what a second of processor time carries.
func (t turn) mibPerSecond(kib float64) float64 {
	return float64(t.requests) * kib / 1024 / t.cpu.Seconds()
}

// work has the turns of all rounds: by figure, and by the place of the proxy in its line.
type work struct {
	figures []figure
	turns   []line
}

// line has the turns of the proxies that do the work of a figure, one per round.
type line struct {
	subject, nginx, haproxy []turn
	filters                 []turn // only in the first line
}

func each(turns []turn, value func(turn) float64) []float64 {
	values := make([]float64, len(turns))
	for i, t := range turns {
		values[i] = value(t)
	}
	return values
}

// costs are the rows about processor time.
func (w work) costs() []table.Row {
	var rows []table.Row
	for i, f := range w.figures {
		format, value := "%.2f µs", turn.micros
		if f.kib > 0 {
			format, value = "%.0f MiB/CPU s", func(t turn) float64 { return t.mibPerSecond(f.kib) }
		}
		l := w.turns[i]
		row := table.Row{
			Figure: f.name, Format: format, Goal: f.goal,
			Subject: each(l.subject, value), Reference: each(l.nginx, value), Other: each(l.haproxy, value),
		}
		rows = append(rows, row)
		if l.filters != nil {
			row.Figure, row.Subject, row.Goal = filtersFigure, each(l.filters, value), filtersGoal()
			rows = append(rows, row)
		}
	}
	return rows
}

// rates is the table of requests per second and of latency, about which nothing is asked: on a machine that is busy with the load
// generator and the backend too, they say as much about those.
func (w work) rates(subject string) [][]string {
	cells := [][]string{{"requests per second (99th percentile)", subject, "nginx", "haproxy"}}
	rate := func(turns []turn) string {
		p99 := table.Median(each(turns, func(t turn) float64 { return t.p99.Seconds() * 1e3 }))
		return fmt.Sprintf("%.0f (%.1f ms)", table.Median(each(turns, func(t turn) float64 { return t.rate })), p99)
	}
	for i, f := range w.figures {
		l := w.turns[i]
		cells = append(cells, []string{f.name, rate(l.subject), rate(l.nginx), rate(l.haproxy)})
		if l.filters != nil {
			cells = append(cells, []string{filtersFigure, rate(l.filters), "", ""})
		}
	}
	return cells
}

// faults is an error if any answer was wrong.
func (w work) faults() error {
	var err error
	for i, f := range w.figures {
		l := w.turns[i]
		for _, of := range []struct {
			name  string
			turns []turn
		}{{"weir", l.subject}, {"weir with filters", l.filters}, {"nginx", l.nginx}, {"haproxy", l.haproxy}} {
			for round, t := range of.turns {
				if t.faults != "" {
					err = errors.Join(err, fmt.Errorf("%s: %s, round %d: %s", f.name, of.name, round+1, t.faults))
				}
			}
		}
	}
	return err
}

// memory is what each proxy holds: in bytes, idle after its start, and for each of many idle connections.
type memory struct {
	base, perConnection [3]float64 // of the subject, nginx and haproxy
}

func (m memory) rows() []table.Row {
	row := func(figure, format string, v [3]float64, goal table.Goal) table.Row {
		return table.Row{Figure: figure, Format: format, Subject: v[:1], Reference: v[1:2], Other: v[2:], Goal: goal}
	}
	return []table.Row{
		row("memory per idle keep-alive connection", "%.0f B", m.perConnection, idleGoal()),
		row("memory of an idle process, small configuration", "%.1f MiB", m.base, baseGoal()),
	}
}
