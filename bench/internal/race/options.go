package race

import (
	"flag"
	"fmt"
	"syscall"
	"time"
)

// Options are what all measuring commands can be told.
type Options struct {
	// Weir is the binary to measure; with StandIn, a peer is measured a second time in its place.
	Weir    string
	StandIn bool
	// Rounds is how many there are, in each of which every proxy has its turn, and Seconds how long one is.
	Rounds, Seconds int
	// Idle is how many connections are held open to count their memory.
	Idle int
	// Enforce makes it an error if weir misses what it must reach.
	Enforce bool
}

// Define defines the flags.
func (o *Options) Define(f *flag.FlagSet) {
	f.StringVar(&o.Weir, "weir", "bin/weir", "the `binary` to measure")
	f.BoolVar(&o.StandIn, "stand-in", false, "measure a peer a second time in weir's place: a check of the measurement itself")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds, in each of which every proxy has its turn")
	f.IntVar(&o.Seconds, "seconds", 4, "seconds of a turn, after a second of warm-up")
	f.IntVar(&o.Idle, "idle", 4000, "idle connections")
	f.BoolVar(&o.Enforce, "enforce", false, "fail if weir misses what it must reach")
}

// Valid says whether there is anything to measure.
func (o Options) Valid() bool { return o.Rounds > 0 && o.Seconds > 0 && o.Idle > 0 }

// Subject is what weir's column is called.
func (o Options) Subject() string {
	if o.StandIn {
		return "stand-in"
	}
	return "weir"
}

// turn is how long a turn is.
func (o Options) turn() time.Duration { return time.Duration(o.Seconds) * time.Second }

// AllowFiles raises the limit of open files to what idle connections need, of this process and of those it starts.
func (o Options) AllowFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	want := max(uint64(2*o.Idle+1000), 20000)
	if limit.Max < want {
		limit.Max = want // only root may
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed: %w", want, err)
	}
	return nil
}
