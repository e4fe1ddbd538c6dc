package race

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/weirproxy/weir/bench/internal/load"
)

// turnOf is a turn in which a request cost so many microseconds.
func turnOf(micros int) Turn {
	return Turn{
		Result: load.Result{Requests: 1000, Rate: 100, P99: 1500 * time.Microsecond},
		CPU:    time.Duration(micros) * time.Millisecond,
	}
}

func TestTurns(t *testing.T) {
	turns := Turns{turnOf(8), turnOf(12), turnOf(9)}
	if got := turns.Each(Turn.Micros); len(got) != 3 || got[0] != 8 || got[1] != 12 {
		t.Errorf("micros %v", got)
	}
	if got := turns.Rate(); got != "100 (1.5 ms)" {
		t.Errorf("rate %s", got)
	}
	if got := (Turns{{Result: load.Result{Rate: 100}}}).Rate(); got != "100" {
		t.Errorf("rate without latency %s", got)
	}
	if err := turns.Faults("work: weir"); err != nil {
		t.Error(err)
	}
	turns[1].Faults = "3 lost"
	if err := turns.Faults("work: weir"); err == nil || err.Error() != "work: weir, round 2: 3 lost" {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	var o Options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	o.Define(flags)
	if err := flags.Parse([]string{"-rounds", "3", "-weir", "other/weir"}); err != nil {
		t.Fatal(err)
	}
	if want := (Options{Weir: "other/weir", Rounds: 3, Seconds: 4, Idle: 4000}); o != want || !o.Valid() || o.Subject() != "weir" {
		t.Errorf("%+v, want %+v", o, want)
	}
	o.StandIn, o.Seconds = true, 0
	if o.Valid() || o.Subject() != "stand-in" {
		t.Errorf("%+v is valid, %s", o, o.Subject())
	}
}

func TestPrintPlace(t *testing.T) {
	o := Options{Weir: "echo"}
	for standIn, want := range map[bool]string{false: "- version\n- other 1\n", true: "stands in for it**\n- other 1\n"} {
		o.StandIn = standIn
		var b strings.Builder
		if err := o.PrintPlace(t.Context(), &b, []string{"printf", "other 1\nmore"}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(b.String(), want) || !strings.HasPrefix(b.String(), "- machine: ") {
			t.Errorf("stand-in %v: %s", standIn, b.String())
		}
	}
	var b strings.Builder
	if err := o.PrintPlace(t.Context(), &b, []string{"/no/such/program"}); err == nil {
		t.Error("no error without a program")
	}
}
