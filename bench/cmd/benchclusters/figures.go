package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/weirproxy/weir/bench/internal/table"
)

// trial is one piece of work, and the rows that it yields.
type trial struct {
	name string
	run  func(ctx context.Context, o options, s *stage) ([]table.Row, error)
}

// trials are those of the table, in its order.
func trials() []trial {
	return []trial{
		{"deregistered", deregistered},
		{"killed", killed},
		{"outage", outage},
		{"rolling restart", rolling},
		{"100,000 hosts", many},
	}
}

// none is what is asked of things that must not happen.
func none() table.Goal { return table.Goal{Must: 0, Aim: 0, Absolute: true} }

// atMost is what is asked of figures of which less is better.
func atMost(must, aim float64) table.Goal { return table.Goal{Must: must, Aim: aim, Absolute: true} }

func row(figure, format string, goal table.Goal, samples ...float64) table.Row {
	return table.Row{Figure: figure, Format: format, Goal: goal, Subject: samples}
}

// lossless is the row about requests that have failed, or were answered with what is another's.
func lossless(figure string, t *tally) table.Row {
	fmt.Fprintf(os.Stderr, "%s: %s\n", figure, t)
	return row(figure+": failed of "+strconv.Itoa(t.sent), "%.0f", none(), float64(t.failures()+t.wrong))
}

// measure runs the trials and prints the table. A figure that misses its goal does not stop the measurement.
func measure(ctx context.Context, o options) error {
	began := time.Now()
	var rows []table.Row
	for _, t := range trials() {
		if !strings.Contains(t.name, o.only) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s\n", t.name)
		more, err := stageTrial(ctx, o, t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		rows = append(rows, more...)
	}
	fmt.Println()
	if err := table.Figures(os.Stdout, o.Subject(), rows); err != nil {
		return err
	}
	fmt.Printf("\n%d requests per second, in %v.\n", o.rate, time.Since(began).Round(time.Second))
	if o.Enforce {
		return table.Misses(rows)
	}
	return nil
}

// stageTrial runs a trial with processes of its own.
func stageTrial(ctx context.Context, o options, t trial) ([]table.Row, error) {
	s, err := newStage(o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	rows, err := t.run(ctx, o, s)
	return rows, errors.Join(err, s.healthy())
}
