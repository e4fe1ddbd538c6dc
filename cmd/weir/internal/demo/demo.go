// Package demo shows weir at work on a machine that has nothing else: it runs
// weir on the quickstart configuration, small upstream servers and clients in one
// process, and draws what weir's own statistics say.
//
// Start at [Run], the life of a demo. places.go and quickstart.go fit the
// configuration to the machine, upstreams.go and traffic.go are the two sides of
// weir, rpc.go and echo.go those of them that are not HTTP, grpc.go those of gRPC;
// sample.go and view.go read the statistics, and picture.go, screen.go and lines.go
// show them.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/weirproxy/weir/cmd/weir/internal/tty"
	"github.com/weirproxy/weir/pkg/server"
)

// Options are what a demo is made with.
type Options struct {
	Registry server.Registry
	Version  string
	// Quickstart is the configuration, in JSON.
	Quickstart []byte
	// Folder takes the configuration in use, the access log and the process's log.
	// Nobody else may write there, and Run does not remove it.
	Folder string
	// AnyPort is to take any free ports rather than those of the configuration.
	AnyPort bool

	// Out is written to by the goroutine that called Run alone.
	Out io.Writer
	// Screen is how Out shows a picture; nil: Out is no terminal, and gets lines.
	Screen *tty.Screen

	// Now is the clock. The ticks below are of this clock too.
	Now func() time.Time
	// Requests has a tick for each request; after Busy for one in calm only.
	Requests <-chan time.Time
	Busy     time.Duration
	// Frames has a tick for each picture or line.
	Frames <-chan time.Time
	// Outage is when a server of HTTP is gone, looked at with each frame.
	Outage Outage
}

// display shows a demo. Its methods are called by one goroutine, in the order in
// which they stand here.
type display interface {
	begin(*view) error
	frame(*view) error
	end() error
}

// Run runs a demo until ctx is done, which is no error. A demo that was cut off
// leaves nothing running either.
func Run(ctx context.Context, o Options) error {
	d := &demo{Options: o, places: &places{anyPort: o.AnyPort}}
	defer d.stop()
	if err := d.start(); err != nil {
		return err
	}
	var show display = &lines{out: o.Out}
	if o.Screen != nil {
		show = &drawing{Screen: o.Screen, out: o.Out}
	}
	if err := d.show(ctx, show); err != nil {
		return err
	}
	d.traffic.finish()
	return summary(o.Out, d.see(o.Now()))
}

// demo is all that runs.
type demo struct {
	Options
	places    *places
	upstreams *upstreams
	server    *server.Server
	traffic   *traffic
	stats     *reader
	history   history
	fate      fate
	log       *slog.Logger
	view      view // what stays the same in it
	started   time.Time

	undo []func() // what stops it, last first
}

// start starts everything, or as much as it can.
func (d *demo) start() error {
	d.undo = append(d.undo, d.places.free)
	path, err := d.configure()
	if err != nil {
		return err
	}
	if err := d.writeCalls(); err != nil {
		return err
	}
	log, level, err := d.openLog()
	if err != nil {
		return err
	}
	d.log = log
	d.upstreams = serveUpstreams(d.places.upstreams, log)
	d.undo = append(d.undo, d.upstreams.stop)
	d.fate = fate{Outage: d.Outage, server: d.upstreams.webs[d.Outage.Address]}
	d.places.release()
	if err := d.startServer(path, log, level); err != nil {
		return err
	}
	d.started = d.Now()
	d.stats = newReader(d.server)
	d.view = d.fixed()
	d.traffic = drive(d.view.address, d.Requests, d.started.Add(d.Busy))
	d.undo = append(d.undo, d.traffic.stop)
	return nil
}

// configure writes the configuration that weir runs with, and returns its path.
func (d *demo) configure() (path string, err error) {
	text, err := adapt(d.Quickstart, d.places, d.accessLog())
	if err != nil {
		return "", fmt.Errorf("the quickstart configuration: %w", err)
	}
	path = filepath.Join(d.Folder, "weir.json")
	return path, os.WriteFile(path, text, 0o600)
}

func (d *demo) accessLog() string { return filepath.Join(d.Folder, "access.log") }

// openLog opens the process's log, which would tear the picture on a terminal.
func (d *demo) openLog() (*slog.Logger, *slog.LevelVar, error) {
	f, err := os.OpenFile(filepath.Join(d.Folder, "weir.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	d.undo = append(d.undo, func() { f.Close() })
	level := &slog.LevelVar{}
	return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: level})), level, nil
}

func (d *demo) startServer(path string, log *slog.Logger, level *slog.LevelVar) error {
	d.server = server.New(server.Options{Registry: d.Registry, Version: d.Version, Log: log, Level: level})
	if err := d.server.Start(path); err != nil {
		return err
	}
	d.undo = append(d.undo, d.server.Stop)
	return nil
}

// fixed returns the part of a view that stays as it is.
func (d *demo) fixed() view {
	c := d.server.Config()
	v := view{
		address: d.server.Addresses()[c.Servers[0].Listeners[0].Name],
		notice:  d.places.notice(),
		files:   d.Folder,
		log:     d.accessLog(),
	}
	v.try = commands(v.address, d.callFile("bolt"), d.server.AdminAddr())
	return v
}

// callFile is where there is a call of an RPC protocol, for the user to send.
func (d *demo) callFile(protocol string) string { return filepath.Join(d.Folder, protocol+".call") }

func (d *demo) writeCalls() error {
	for name, p := range rpcs() {
		if err := os.WriteFile(d.callFile(name), p.call, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// show shows the demo until ctx is done.
func (d *demo) show(ctx context.Context, on display) (err error) {
	if err := on.begin(d.see(d.started)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, on.end()) }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-d.Frames:
			if err := on.frame(d.see(now)); err != nil {
				return err
			}
		}
	}
}

// see returns what there is to see now.
func (d *demo) see(now time.Time) *view {
	v := d.view
	v.elapsed = now.Sub(d.started)
	d.history.add(d.stats.read(now))
	d.history.describe(&v, d.stats)
	v.describeHosts(d.server)
	failed := v.now.failed()
	if err := d.fate.turn(now, v.elapsed, failed); err != nil {
		d.log.Warn("an upstream server of the demo could not be started again", "address", d.fate.server.address, "error", err)
	}
	v.news = d.fate.news(now, failed)
	v.outages, v.mortal = d.fate.times, d.fate.address()
	return &v
}

// stop stops everything that was started.
func (d *demo) stop() {
	for len(d.undo) > 0 {
		last := len(d.undo) - 1
		d.undo[last]()
		d.undo = d.undo[:last]
	}
}
