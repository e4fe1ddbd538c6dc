package main

import (
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/table"
)

// turnOf is a turn in which a request cost so many microseconds.
func turnOf(micros int) race.Turn {
	return race.Turn{Result: load.Result{Requests: 1000, Rate: 100, P99: time.Millisecond}, CPU: time.Duration(micros) * time.Millisecond}
}

// finished is work with one turn for each proxy and figure.
func finished() work {
	w := work{figures: figures()}
	for range w.figures {
		w.turns = append(w.turns, line{subject: race.Turns{turnOf(8)}, nginx: race.Turns{turnOf(10)}, haproxy: race.Turns{turnOf(12)}})
	}
	w.turns[0].filters = race.Turns{turnOf(13)}
	return w
}

func TestCostsJudgeEveryFigure(t *testing.T) {
	want := map[string]string{
		"keep-alive, 100 connections, 256 B": table.Aimed,
		filtersFigure:                        table.Missed,
		"keep-alive, 10 connections, 256 B":  table.Aimed,
		"64 KiB answers, 100 connections":    table.Aimed, // 1.25 times the bytes per second of processor time
	}
	rows := finished().costs()
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
	for _, r := range rows {
		if got := r.Verdict(); got != want[r.Figure] {
			t.Errorf("%s: %s, want %s", r.Figure, got, want[r.Figure])
		}
	}
}

func TestUnits(t *testing.T) {
	one := race.Turn{Result: load.Result{Requests: 1 << 15}, CPU: 2 * time.Second} // 2 GiB of 64 KiB answers in 2 s of processor time
	if got := mibPerSecond(one, 64); got != 1024 {
		t.Errorf("%v MiB per second, want 1024", got)
	}
	m := memory{{Base: 10 << 20, PerConnection: 500}, {Base: 5 << 20, PerConnection: 250}, {Base: 20 << 20, PerConnection: 1000}}
	for i, want := range []float64{500, 10} {
		row := m.rows()[i]
		if got := table.Median(row.Subject); got != want || row.Ratio(row.Subject) != 2 || row.Ratio(row.Other) != 4 {
			t.Errorf("%s: %v, want %v; ratios %v and %v", row.Figure, got, want, row.Ratio(row.Subject), row.Ratio(row.Other))
		}
	}
}

func TestOneWrongAnswerFailsTheRun(t *testing.T) {
	w := finished()
	if err := w.faults(); err != nil {
		t.Errorf("without faults: %v", err)
	}
	w.turns[2].haproxy[0].Faults = "Non-2xx or 3xx responses: 1"
	err := w.faults()
	if err == nil || !strings.Contains(err.Error(), "haproxy, round 1: Non-2xx or 3xx responses: 1") {
		t.Errorf("with one: %v", err)
	}
}
