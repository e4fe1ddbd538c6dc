package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/rpcload"
	"github.com/weirproxy/weir/bench/internal/table"
)

// turnOf is a turn in which a request cost so many hundredths of a microsecond.
func turnOf(hundredths int) race.Turn {
	return race.Turn{
		Result: load.Result{Requests: 1000, Rate: 100, P99: time.Millisecond},
		CPU:    time.Duration(hundredths) * 10 * time.Microsecond,
	}
}

// finished is work with one turn for each proxy and figure.
func finished() lines {
	work := make(lines, len(figures()))
	for i, f := range figures() {
		work[i] = line{figure: f, subject: race.Turns{turnOf(180)}, haproxy: race.Turns{turnOf(100)}}
	}
	work[0].detecting = race.Turns{turnOf(183)}
	return work
}

func TestEveryFigureIsJudged(t *testing.T) {
	want := map[string]string{
		"bolt, 4 connections x 32 in flight":   table.Passed,
		"bolt, 100 connections x 1 in flight":  table.Missed,
		"dubbo, 4 connections x 32 in flight":  table.Passed,
		"dubbo, 100 connections x 1 in flight": table.Missed,
		"boltv2, 4 connections x 32 in flight": table.Passed,
		"memory per idle bolt connection":      table.Passed,
	}
	work := finished()
	held := memory{{PerConnection: 1100}, {PerConnection: 3000}}
	rows := append(work.costs(), held.row())
	if len(rows) != len(want) {
		t.Errorf("%d rows, want %d", len(rows), len(want))
	}
	for _, r := range rows {
		if got := r.Verdict(); got != want[r.Figure] {
			t.Errorf("%s: %s, want %s", r.Figure, got, want[r.Figure])
		}
	}
	// 1.83 µs are within 2 % of 1.80 µs.
	for _, r := range work.detection() {
		if got := r.Verdict(); got != table.Passed {
			t.Errorf("detection: %s", got)
		}
	}
}

func TestOneWrongAnswerFailsTheRun(t *testing.T) {
	work := finished()
	if err := work.faults(); err != nil {
		t.Errorf("without faults: %v", err)
	}
	work[0].detecting[0].Faults = "1 lost"
	work[4].haproxy[0].Faults = "2 errors"
	err := work.faults()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"bolt, 4 connections x 32 in flight: weir, Auto, round 1: 1 lost", "haproxy, round 1: 2 errors"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRates(t *testing.T) {
	cells := finished().rates("weir")
	if len(cells) != 6 || cells[0][2] != "weir, Auto" || cells[1][2] != "100 (1.0 ms)" || cells[2][2] != "" {
		t.Errorf("%q", cells)
	}
}

func TestVerdictOfASoak(t *testing.T) {
	for want, r := range map[string]rpcload.Result{
		"":                              {Requests: 100, Errors: 50},
		"no request was answered well":  {Requests: 100, Errors: 100},
		"2 mismatches; 1 lost; trouble": {Requests: 100, Mismatches: 2, Lost: 1, Trouble: errors.New("trouble")},
	} {
		got := ""
		if err := verdict(&r); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
