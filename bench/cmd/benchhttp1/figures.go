package main

import (
	"errors"

	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
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

// mibPerSecond is what a second of processor time carries.
func mibPerSecond(t race.Turn, kib float64) float64 {
	return float64(t.Requests) * kib / 1024 / t.CPU.Seconds()
}

// work has the turns of all rounds: by figure, and by the place of the proxy in its line.
type work struct {
	figures []figure
	turns   []line
}

// line has the turns of the proxies that do the work of a figure, one per round.
type line struct {
	subject, nginx, haproxy race.Turns
	filters                 race.Turns // only in the first line
}

// costs are the rows about processor time.
func (w work) costs() []table.Row {
	var rows []table.Row
	for i, f := range w.figures {
		format, value := "%.2f µs", race.Turn.Micros
		if f.kib > 0 {
			format, value = "%.0f MiB/CPU s", func(t race.Turn) float64 { return mibPerSecond(t, f.kib) }
		}
		l := w.turns[i]
		row := table.Row{
			Figure: f.name, Format: format, Goal: f.goal,
			Subject: l.subject.Each(value), Reference: l.nginx.Each(value), Other: l.haproxy.Each(value),
		}
		rows = append(rows, row)
		if l.filters != nil {
			row.Figure, row.Subject, row.Goal = filtersFigure, l.filters.Each(value), filtersGoal()
			rows = append(rows, row)
		}
	}
	return rows
}

// rates is the table of requests per second and of latency, about which nothing is asked.
func (w work) rates(subject string) [][]string {
	cells := [][]string{{"requests per second (99th percentile)", subject, "nginx", "haproxy"}}
	for i, f := range w.figures {
		l := w.turns[i]
		cells = append(cells, []string{f.name, l.subject.Rate(), l.nginx.Rate(), l.haproxy.Rate()})
		if l.filters != nil {
			cells = append(cells, []string{filtersFigure, l.filters.Rate(), "", ""})
		}
	}
	return cells
}

// faults is an error if any answer was wrong.
func (w work) faults() error {
	var err error
	for i, f := range w.figures {
		l := w.turns[i]
		err = errors.Join(err, l.subject.Faults(f.name+": weir"), l.filters.Faults(filtersFigure+": weir"),
			l.nginx.Faults(f.name+": nginx"), l.haproxy.Faults(f.name+": haproxy"))
	}
	return err
}

// memory is what the subject, nginx and haproxy hold.
type memory [3]race.Memory

func (m memory) rows() []table.Row {
	row := func(figure, format string, value func(race.Memory) float64, goal table.Goal) table.Row {
		of := func(i int) []float64 { return []float64{value(m[i])} }
		return table.Row{Figure: figure, Format: format, Subject: of(0), Reference: of(1), Other: of(2), Goal: goal}
	}
	return []table.Row{
		row("memory per idle keep-alive connection", "%.0f B", func(m race.Memory) float64 { return m.PerConnection }, idleGoal()),
		row("memory of an idle process, small configuration", "%.1f MiB", func(m race.Memory) float64 { return m.Base / (1 << 20) }, baseGoal()),
	}
}
