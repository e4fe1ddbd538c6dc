package table

import (
	"math"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		samples []float64
		want    float64
	}{
		{[]float64{3}, 3},
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := Median(tc.samples); got != tc.want {
			t.Errorf("%v: %v, want %v", tc.samples, got, tc.want)
		}
	}
	if got := Median(nil); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}

func TestRatioComparesWithinRounds(t *testing.T) {
	// The second round was three times as slow for both, the third for the subject alone.
	r := Row{Subject: []float64{10, 30, 30}, Reference: []float64{10, 30, 10}}
	if got := r.Ratio(r.Subject); got != 1 {
		t.Errorf("%v, want 1", got)
	}
}

func TestVerdict(t *testing.T) {
	less := Goal{Must: 1, Aim: 0.8}
	more := Goal{Must: 0.8, Aim: 1, More: true}
	bytes := Goal{Must: 2000, Aim: 1000, Absolute: true}
	for _, tc := range []struct {
		subject, reference float64
		goal               Goal
		want               string
	}{
		{8, 10, less, Aimed},
		{9, 10, less, Passed},
		{11, 10, less, Missed},
		{10, 10, more, Aimed},
		{9, 10, more, Passed},
		{7, 10, more, Missed},
		{900, 1, bytes, Aimed},
		{1900, 1, bytes, Passed},
		{2100, 1, bytes, Missed},
		{math.NaN(), 1, less, Missed},
	} {
		r := Row{Subject: []float64{tc.subject}, Reference: []float64{tc.reference}, Goal: tc.goal}
		if got := r.Verdict(); got != tc.want {
			t.Errorf("%v of %v, %+v: %s, want %s", tc.subject, tc.reference, tc.goal, got, tc.want)
		}
	}
}

func TestCosts(t *testing.T) {
	rows := []Row{
		{"small", "%.1f µs", []float64{9, 8}, []float64{10, 10}, []float64{12, 12}, Goal{Must: 1, Aim: 0.8}},
		{"idle", "%.0f B", []float64{900}, []float64{300}, []float64{1200}, Goal{Must: 2000, Aim: 1000, Absolute: true}},
	}
	const want = `
| figure |   weir |   nginx | ratio | haproxy | its ratio |     must |      aim |  verdict |
|--------|-------:|--------:|------:|--------:|----------:|---------:|---------:|---------:|
| small  | 8.5 µs | 10.0 µs |  0.85 | 12.0 µs |      1.20 |   ≤ 1.00 |   ≤ 0.80 | must met |
| idle   |  900 B |   300 B |  3.00 |  1200 B |      4.00 | ≤ 2000 B | ≤ 1000 B |  aim met |
`
	const wantOfTwo = `
| figure |   weir |   nginx | ratio |     must |      aim |  verdict |
|--------|-------:|--------:|------:|---------:|---------:|---------:|
| small  | 8.5 µs | 10.0 µs |  0.85 |   ≤ 1.00 |   ≤ 0.80 | must met |
| idle   |  900 B |   300 B |  3.00 | ≤ 2000 B | ≤ 1000 B |  aim met |
`
	for other, want := range map[string]string{"haproxy": want, "": wantOfTwo} {
		var b strings.Builder
		if err := Costs(&b, "weir", "nginx", other, rows); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != want {
			t.Errorf("got%swant%s", got, want)
		}
	}
}

func TestMisses(t *testing.T) {
	rows := []Row{
		{Figure: "small", Subject: []float64{9}, Reference: []float64{10}, Goal: Goal{Must: 1, Aim: 0.8}},
		{Figure: "large", Subject: []float64{11}, Reference: []float64{10}, Goal: Goal{Must: 1, Aim: 0.8}},
	}
	if err := Misses(rows[:1]); err != nil {
		t.Error(err)
	}
	if err := Misses(rows); err == nil || err.Error() != "large: MISSED" {
		t.Error(err)
	}
}

func TestFigures(t *testing.T) {
	rows := []Row{
		{Figure: "failed", Format: "%.0f", Subject: []float64{0}, Goal: Goal{Absolute: true}},
		{Figure: "after", Format: "%.1f ms", Subject: []float64{3, 1, 2}, Goal: Goal{Must: 5, Aim: 1, Absolute: true}},
	}
	const want = `
| figure |   weir |     must |      aim |  verdict |
|--------|-------:|---------:|---------:|---------:|
| failed |      0 |      ≤ 0 |      ≤ 0 |  aim met |
| after  | 2.0 ms | ≤ 5.0 ms | ≤ 1.0 ms | must met |
`
	var b strings.Builder
	if err := Figures(&b, "weir", rows); err != nil {
		t.Fatal(err)
	}
	if got := "\n" + b.String(); got != want {
		t.Errorf("got%swant%s", got, want)
	}
}
