package main

import (
	"errors"
	"fmt"

	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/rpcload"
	"github.com/weirproxy/weir/bench/internal/table"
)

// figure is one piece of work that all proxies do, and what is asked of weir: bounds of the ratio to HAProxy in the same run.
type figure struct {
	protocol              rpcload.Protocol
	connections, inFlight int
	goal                  table.Goal
}

func (f figure) String() string {
	return fmt.Sprintf("%s, %d connections x %d in flight", f.protocol.Name, f.connections, f.inFlight)
}

// figures are the rows of the first table but for memory. The first is done by weir a second time, with detection.
func figures() []figure {
	return []figure{
		{rpcload.Bolt(), 4, 32, table.Goal{Must: 2.00, Aim: 1.30}},
		{rpcload.Bolt(), 100, 1, table.Goal{Must: 0.95, Aim: 0.65}},
		{rpcload.Dubbo(), 4, 32, table.Goal{Must: 2.50, Aim: 1.60}},
		{rpcload.Dubbo(), 100, 1, table.Goal{Must: 1.00, Aim: 0.70}},
		{rpcload.BoltV2(), 4, 32, table.Goal{Must: 2.50, Aim: 1.60}},
	}
}

// What is asked with detection, against weir that is told the protocol, and of memory.
func detectionGoal() table.Goal { return table.Goal{Must: 1.02, Aim: 1.00} }
func idleGoal() table.Goal      { return table.Goal{Must: 1200, Aim: 500, Absolute: true} }

// line has the turns of the proxies that do the work of a figure, one per round.
type line struct {
	figure
	subject, haproxy race.Turns
	detecting        race.Turns // only in the first line
}

// lines are those of the figures.
type lines []line

// costs are the rows about processor time.
func (ls lines) costs() []table.Row {
	var rows []table.Row
	for _, l := range ls {
		rows = append(rows, table.Row{
			Figure: l.String(), Format: "%.2f µs", Goal: l.goal,
			Subject: l.subject.Each(race.Turn.Micros), Reference: l.haproxy.Each(race.Turn.Micros),
		})
	}
	return rows
}

// detection are the rows that compare weir with itself.
func (ls lines) detection() []table.Row {
	first := ls[0]
	return []table.Row{{
		Figure: first.String(), Format: "%.2f µs", Goal: detectionGoal(),
		Subject: first.detecting.Each(race.Turn.Micros), Reference: first.subject.Each(race.Turn.Micros),
	}}
}

// rates is the table of requests per second and of latency, about which nothing is asked.
func (ls lines) rates(subject string) [][]string {
	cells := [][]string{{"requests per second (99th percentile)", subject, subject + ", Auto", "haproxy"}}
	for _, l := range ls {
		detecting := ""
		if l.detecting != nil {
			detecting = l.detecting.Rate()
		}
		cells = append(cells, []string{l.String(), l.subject.Rate(), detecting, l.haproxy.Rate()})
	}
	return cells
}

// faults is an error if any answer was wrong.
func (ls lines) faults() error {
	var err error
	for _, l := range ls {
		name := l.String()
		err = errors.Join(err, l.subject.Faults(name+": weir"), l.detecting.Faults(name+": weir, Auto"), l.haproxy.Faults(name+": haproxy"))
	}
	return err
}

// memory is what the subject and HAProxy hold.
type memory [2]race.Memory

func (m memory) row() table.Row {
	return table.Row{
		Figure: "memory per idle bolt connection", Format: "%.0f B", Goal: idleGoal(),
		Subject: []float64{m[0].PerConnection}, Reference: []float64{m[1].PerConnection},
	}
}
