package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/bench/internal/h2"
	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/table"
)

// turnOf is a turn in which a request cost so many hundredths of a microsecond.
func turnOf(hundredths int) race.Turn {
	return race.Turn{
		Result: load.Result{Requests: 1000, Rate: 100, P99: time.Millisecond},
		CPU:    time.Duration(hundredths) * 10 * time.Microsecond,
		Peak:   30 << 20,
	}
}

// finished is work with one turn for each proxy and figure.
func finished() lines {
	work := make(lines, len(figures()))
	for i, f := range figures() {
		work[i] = line{figure: f, subject: race.Turns{turnOf(95)}, reference: race.Turns{turnOf(100)}}
	}
	return work
}

func TestEveryFigureIsJudged(t *testing.T) {
	want := map[string]map[string]string{
		"nghttpx": {
			"HTTP/2 to HTTP/2, 10 connections x 32 streams, 256 B": table.Passed,
			"gRPC unary, 10 connections x 32 streams, 128 B":       table.Aimed,
			"one stream up, 1 GiB":                                 table.Passed, // 1.05 times the bytes per second of processor time
			"one stream up, 1 GiB: peak memory":                    table.Passed,
			"one stream down, 1 GiB":                               table.Passed,
			"one stream down, 1 GiB: peak memory":                  table.Passed,
		},
		"haproxy": {"HTTP/2 to HTTP/1, 10 connections x 32 streams, 256 B": table.Passed},
	}
	work := finished()
	for name, want := range want {
		rows := work.costs(name)
		if len(rows) != len(want) {
			t.Errorf("%s: %d rows, want %d", name, len(rows), len(want))
		}
		for _, r := range rows {
			if got := r.Verdict(); got != want[r.Figure] {
				t.Errorf("%s: %s, want %s", r.Figure, got, want[r.Figure])
			}
		}
	}
}

func TestWeirSpeaksWhatAFigureSays(t *testing.T) {
	for _, f := range figures() {
		if got := f.weir(race.Options{Weir: "bin/weir"}).Name; got != "weir" {
			t.Errorf("%s: %s", f.name, got)
		}
		if got := f.weir(race.Options{StandIn: true}).Name; got != "stand-in" {
			t.Errorf("%s: %s in weir's place", f.name, got)
		}
		if toHTTP1 := f.peer().Name == peer.HAProxyH2().Name; (f.upstream == "Http1") != toHTTP1 {
			t.Errorf("%s: speaks %s to the backend", f.name, f.upstream)
		}
	}
}

func TestUnits(t *testing.T) {
	one := race.Turn{Result: load.Result{Requests: 1024}, CPU: 2 * time.Second, Peak: 3 << 19}
	if got := mibPerSecond(one); got != 512 {
		t.Errorf("%v MiB per second, want 512", got)
	}
	if got := peakMiB(one); got != 1.5 {
		t.Errorf("%v MiB, want 1.5", got)
	}
}

func TestOneWrongAnswerFailsTheRun(t *testing.T) {
	work := finished()
	if err := work.faults(); err != nil {
		t.Errorf("without faults: %v", err)
	}
	work[0].subject[0].Faults = "1 lost"
	work[4].reference[0].Faults = "2 failed"
	err := work.faults()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"256 B: weir, round 1: 1 lost", "haproxy, round 1: 2 failed"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRates(t *testing.T) {
	cells := finished().rates("weir", waiting{5000, 5400})
	if len(cells) != 7 || strings.Join(cells[0][1:], " ") != "weir peer which" || strings.Join(cells[5][1:], " ") != "100 (1.0 ms) 100 (1.0 ms) haproxy" {
		t.Errorf("%q", cells)
	}
	if last := cells[6]; strings.Join(last[1:], " ") != "5000 B 5400 B nghttpx" {
		t.Errorf("%q", last)
	}
}

func TestVerdictOfASoak(t *testing.T) {
	failed := func(cause h2.Cause, n int) (all [3]h2.Failures) {
		all[cause] = h2.Failures{"HTTP 503": n}
		return all
	}
	for want, r := range map[string]h2.Result{
		"":                          {Requests: 100, Failed: failed(h2.Killed, 50)},
		"no call was answered well": {Requests: 100, Failed: failed(h2.Down, 100)},
		"1 failed (HTTP 503: 1)":    {Requests: 100, Failed: failed(h2.Unforced, 1)},
		"2 wrong; 1 lost; trouble":  {Requests: 100, Wrong: 2, Lost: 1, Trouble: errors.New("trouble")},
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
