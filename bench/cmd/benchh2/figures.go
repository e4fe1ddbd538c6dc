package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirproxy/weir/bench/internal/h2"
	"github.com/weirproxy/weir/bench/internal/load"
	"github.com/weirproxy/weir/bench/internal/peer"
	"github.com/weirproxy/weir/bench/internal/race"
	"github.com/weirproxy/weir/bench/internal/table"
)

// What requests and calls are like.
const (
	connections = 10
	streams     = 32
)

// bulkMiB is what a large stream carries in a turn.
const bulkMiB = 1024

// What waits when memory per stream is counted.
const (
	idleConnections = 100
	idleStreams     = 100 // on each
)

// figure is one piece of work that weir and a peer do, and what is asked of weir: bounds of the ratio to the peer in the same run.
type figure struct {
	name     string
	upstream string // what weir speaks to the backend
	backend  func() peer.Spec
	peer     func() peer.Spec
	standIn  func() peer.Spec // the same peer in weir's place
	drive    func(race.Options) race.Drive
	bulk     bool // it is MiB that are counted as requests, and the peak of memory is bounded too
	goal     table.Goal
}

// figures are the rows of the tables but for memory.
func figures() []figure {
	toHTTP2 := func(name string, backend func() peer.Spec, drive func(race.Options) race.Drive, goal table.Goal) figure {
		return figure{name: name, upstream: "Http2", backend: backend, peer: peer.Nghttpx, standIn: peer.StandInNghttpx,
			drive: drive, bulk: goal.More, goal: goal}
	}
	busy := fmt.Sprintf(", %d connections x %d streams", connections, streams)
	return []figure{
		toHTTP2("HTTP/2 to HTTP/2"+busy+", 256 B", peer.Nghttpd, requests, table.Goal{Must: 1.30, Aim: 0.90}),
		toHTTP2("gRPC unary"+busy+", 128 B", peer.EchoH2, calls, table.Goal{Must: 1.30, Aim: 1.00}),
		toHTTP2("one stream up, 1 GiB", peer.EchoH2, bulk(h2.Upload), table.Goal{Must: 1.00, Aim: 1.50, More: true}),
		toHTTP2("one stream down, 1 GiB", peer.EchoH2, bulk(h2.Download), table.Goal{Must: 1.00, Aim: 1.50, More: true}),
		{
			name: "HTTP/2 to HTTP/1" + busy + ", 256 B", upstream: "Http1", backend: peer.Backend,
			peer: peer.HAProxyH2, standIn: peer.StandInH2, drive: requests, goal: table.Goal{Must: 1.00, Aim: 0.75},
		},
	}
}

// peakGoal is what is asked of the memory that a large stream takes, in MiB.
func peakGoal() table.Goal { return table.Goal{Must: 40, Aim: 25, Absolute: true} }

// requests drives a proxy with requests for 256 bytes.
func requests(race.Options) race.Drive {
	return func(ctx context.Context, address string, d time.Duration) (load.Result, error) {
		return load.H2load(ctx, "http://"+address+h2.HelloPath, connections, streams, d)
	}
}

// calls drives a proxy with gRPC calls.
func calls(race.Options) race.Drive {
	return func(ctx context.Context, address string, d time.Duration) (load.Result, error) {
		r, err := h2.Run(ctx, h2.Options{Address: address, Connections: connections, InFlight: streams, For: d})
		if err != nil {
			return load.Result{}, err
		}
		return load.Result{Requests: r.Requests, Rate: r.Rate(), P99: r.Latencies.Quantile(0.99), Faults: r.Faults()}, nil
	}
}

// bulk drives a proxy with one large stream: what is a second of other work is as large a part of it.
func bulk(carry func(ctx context.Context, address string, n int64) error) func(race.Options) race.Drive {
	return func(o race.Options) race.Drive {
		return func(ctx context.Context, address string, d time.Duration) (load.Result, error) {
			mib := max(int64(bulkMiB*d/(time.Duration(o.Seconds)*time.Second)), 1)
			began := time.Now()
			if err := carry(ctx, address, mib<<20); err != nil {
				return load.Result{}, err
			}
			return load.Result{Requests: int(mib), Rate: float64(mib) / time.Since(began).Seconds()}, nil
		}
	}
}

// mibPerSecond is what a second of processor time carries, if requests are MiB.
func mibPerSecond(t race.Turn) float64 { return float64(t.Requests) / t.CPU.Seconds() }

func peakMiB(t race.Turn) float64 { return float64(t.Peak) / (1 << 20) }

// line has the turns of the proxies that do the work of a figure, one per round.
type line struct {
	figure
	subject, reference race.Turns
}

// rows are what a figure says.
func (l line) rows() []table.Row {
	row := func(name, format string, goal table.Goal, value func(race.Turn) float64) table.Row {
		return table.Row{Figure: name, Format: format, Goal: goal, Subject: l.subject.Each(value), Reference: l.reference.Each(value)}
	}
	if l.bulk {
		return []table.Row{
			row(l.name, "%.0f MiB/CPU s", l.goal, mibPerSecond),
			row(l.name+": peak memory", "%.1f MiB", peakGoal(), peakMiB),
		}
	}
	return []table.Row{row(l.name, "%.2f µs", l.goal, race.Turn.Micros)}
}

// lines are those of the figures.
type lines []line

// costs are the rows about those whose peer has a name.
func (ls lines) costs(name string) []table.Row {
	var rows []table.Row
	for _, l := range ls {
		if l.peer().Name == name {
			rows = append(rows, l.rows()...)
		}
	}
	return rows
}

// waiting is what a proxy holds for each stream that waits, in bytes.
type waiting struct{ subject, nghttpx float64 }

// rates is the table of requests per second, of latency, and of memory per stream, about which nothing is asked.
func (ls lines) rates(subject string, held waiting) [][]string {
	cells := [][]string{{"requests or MiB per second (99th percentile)", subject, "peer", "which"}}
	for _, l := range ls {
		cells = append(cells, []string{l.name, l.subject.Rate(), l.reference.Rate(), l.peer().Name})
	}
	name := fmt.Sprintf("memory per waiting stream, %d connections x %d streams", idleConnections, idleStreams)
	return append(cells, []string{name, fmt.Sprintf("%.0f B", held.subject), fmt.Sprintf("%.0f B", held.nghttpx), peer.Nghttpx().Name})
}

// faults is an error if any answer was wrong.
func (ls lines) faults() error {
	var err error
	for _, l := range ls {
		err = errors.Join(err, l.subject.Faults(l.name+": weir"), l.reference.Faults(l.name+": "+l.peer().Name))
	}
	return err
}
