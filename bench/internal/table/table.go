package table

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Goal is what is asked of a figure. Must and Aim are bounds: upper ones, or lower ones for a figure of which more is better. They
// bound the ratio to the reference, or with Absolute the figure itself.
type Goal struct {
	Must, Aim float64
	More      bool
	Absolute  bool
}

// Row is one figure of several proxies.
type Row struct {
	Figure string
	Format string // of a value, with its unit, such as "%.1f µs"
	// The samples, one per round. Those of the other proxies come from the same rounds.
	Subject, Reference, Other []float64
	Goal                      Goal
}

// Verdicts.
const (
	Aimed  = "aim met"
	Passed = "must met"
	Missed = "MISSED"
)

// Ratio is the median of the ratios that a proxy's samples have to the reference's of the same rounds: what a round slowed down, it
// slowed down for both.
func (r Row) Ratio(samples []float64) float64 {
	ratios := make([]float64, min(len(samples), len(r.Reference)))
	for i := range ratios {
		ratios[i] = samples[i] / r.Reference[i]
	}
	return Median(ratios)
}

// Verdict compares the subject with the goal.
func (r Row) Verdict() string {
	v := r.Ratio(r.Subject)
	if r.Goal.Absolute {
		v = Median(r.Subject)
	}
	meets := func(bound float64) bool {
		if r.Goal.More {
			return v >= bound
		}
		return v <= bound
	}
	switch {
	case meets(r.Goal.Aim):
		return Aimed
	case meets(r.Goal.Must):
		return Passed
	}
	return Missed // also when there is no value
}

// bound writes a goal's bound.
func (r Row) bound(v float64) string {
	sign := "≤ "
	if r.Goal.More {
		sign = "≥ "
	}
	if r.Goal.Absolute {
		return sign + r.value(v)
	}
	return sign + fmt.Sprintf("%.2f", v)
}

func (r Row) value(v float64) string { return fmt.Sprintf(r.Format, v) }

// Median is the middle of the samples, or the mean of the two in the middle. Of no samples there is none: not a number.
func Median(samples []float64) float64 {
	if len(samples) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(samples))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// Costs writes the rows as a table that compares a subject with a reference, and with another proxy unless its name is empty.
func Costs(w io.Writer, subject, reference, other string, rows []Row) error {
	cells := [][]string{join([]string{"figure", subject, reference, "ratio"}, other, []string{other, "its ratio"}, "must", "aim", "verdict")}
	for _, r := range rows {
		cells = append(cells, join(
			[]string{r.Figure, r.value(Median(r.Subject)), r.value(Median(r.Reference)), fmt.Sprintf("%.2f", r.Ratio(r.Subject))},
			other, []string{r.value(Median(r.Other)), fmt.Sprintf("%.2f", r.Ratio(r.Other))},
			r.bound(r.Goal.Must), r.bound(r.Goal.Aim), r.Verdict(),
		))
	}
	return Markdown(w, cells)
}

// join joins the cells of a line, without those of another proxy if there is none.
func join(first []string, other string, its []string, last ...string) []string {
	if other == "" {
		its = nil
	}
	return slices.Concat(first, its, last)
}

// Misses is an error if a subject does not reach what it must.
func Misses(rows []Row) error {
	var err error
	for _, r := range rows {
		if r.Verdict() == Missed {
			err = errors.Join(err, fmt.Errorf("%s: %s", r.Figure, Missed))
		}
	}
	return err
}

// Markdown writes a table, its first row as the head, in columns that line up as plain text too: the first to the left, the others to
// the right.
func Markdown(w io.Writer, cells [][]string) error {
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i, c := range row {
			widths[i] = max(widths[i], len([]rune(c)), 3)
		}
	}
	var b strings.Builder
	for n, row := range cells {
		for i, c := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(c)))
			if i == 0 {
				b.WriteString("| " + c + pad)
			} else {
				b.WriteString(" | " + pad + c)
			}
		}
		b.WriteString(" |\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i == 0 {
				b.WriteString("|" + strings.Repeat("-", width+2))
			} else {
				b.WriteString("|" + strings.Repeat("-", width+1) + ":")
			}
		}
		b.WriteString("|\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
