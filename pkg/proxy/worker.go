package proxy

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/weirproxy/weir/pkg/accesslog"
	"github.com/weirproxy/weir/pkg/eventloop"
	"github.com/weirproxy/weir/pkg/filter"
	"github.com/weirproxy/weir/pkg/metrics"
	"github.com/weirproxy/weir/pkg/protocol"
	"github.com/weirproxy/weir/pkg/router"
	"github.com/weirproxy/weir/pkg/stream"
	"github.com/weirproxy/weir/pkg/upstream"
)

// Options are what a worker is made of.
type Options struct {
	Loop       *eventloop.Loop
	Index      int
	Stats      *metrics.Worker
	Goroutines filter.Goroutines
	// AccessLogs has the files of the snapshots' access logs open.
	AccessLogs *accesslog.Files
	// NextID numbers connections, uniquely in the process.
	NextID func() uint64
	// Log is for what an operator should know of: it must not block, and bound how often
	// one message is repeated.
	Log *slog.Logger
	// Clock is the wall clock.
	Clock func() time.Time
	// OriginalDst returns where a client meant its connection to go; nil asks the system.
	OriginalDst func(*eventloop.Conn) netip.AddrPort
	// Panicked, if it is not nil, has the worker recover from panics, and is told of each
	// when its consequences are contained.
	Panicked func(eventloop.Panic)
	// Suspect and OnDemand are what the worker asks the control plane for: see upstream.Env.
	Suspect  func()
	OnDemand func(name string) bool
}

// Worker is one event loop with what requests need on it. All its methods run on
// the loop.
type Worker struct {
	Options
	heads     stream.Pool
	free      []*exchange
	all       []*exchange // those under way, and the free ones
	streams   int         // under way
	cuts      int         // connections that were closed before their client had taken everything
	rng       *rand.PCG
	clusters  *upstream.Manager
	snapshot  *Snapshot              // in use; nil: none yet
	listeners map[string]*listener   // of it, by name
	sockets   map[*Shared]*listener  // whose connections they bring
	removed   map[*listener]struct{} // by a snapshot, and not at their end
	request   router.Request         // the one request that is being routed
	scratch   []byte
	env       filter.Env
	draining  bool // a listener that comes later drains as well

	wall    time.Time // at wallAt on the loop's clock
	wallAt  int64
	date    []byte // wall as an HTTP date
	logs    *accesslog.Worker
	logTick eventloop.Timer
}

// NewWorker makes a worker without listeners and clusters.
func NewWorker(o Options) *Worker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OriginalDst == nil {
		o.OriginalDst = (*eventloop.Conn).OriginalDst
	}
	w := &Worker{
		Options:   o,
		rng:       rand.NewPCG(rand.Uint64(), rand.Uint64()),
		listeners: make(map[string]*listener),
		sockets:   make(map[*Shared]*listener),
		removed:   make(map[*listener]struct{}),
		logs:      accesslog.NewWorker(o.AccessLogs),
	}
	w.clusters = upstream.NewManager(w.upstreamEnv())
	if o.Panicked != nil {
		o.Loop.OnPanic(w.contain)
	}
	w.env = filter.Env{Worker: o.Loop, Goroutines: o.Goroutines, Rand: w.rng.Uint64}
	return w
}

// upstreamEnv is what clusters are given.
func (w *Worker) upstreamEnv() upstream.Env {
	return upstream.Env{
		Loop:   w.Loop,
		Worker: w.Index,
		Rand:   w.rng.Uint64,
		Codec: func(link stream.Link, maker protocol.ClientMaker) stream.ClientCodec {
			return maker(link, &w.heads)
		},
		Stats:    w.Stats,
		Log:      w.Log,
		NextID:   w.NextID,
		Suspect:  w.Suspect,
		OnDemand: w.OnDemand,
	}
}

// Apply swaps a snapshot in. Requests under way go on with what they began with.
func (w *Worker) Apply(s *Snapshot) {
	w.clusters.Apply(s.Clusters)
	if w.snapshot == nil || !slices.Equal(s.Listeners, w.snapshot.Listeners) {
		w.applyListeners(s)
	}
	w.snapshot = s
}

// applyListeners takes on the listeners of a snapshot, of which some are not those of
// the one before.
func (w *Worker) applyListeners(s *Snapshot) {
	w.Stats.Mark()
	before := w.listeners
	w.listeners = make(map[string]*listener, len(s.Listeners))
	for _, cfg := range s.Listeners {
		l := before[cfg.Name]
		if l == nil {
			l = w.renamed(cfg, s)
		}
		if l == nil {
			l = &listener{worker: w, draining: w.draining}
		} else {
			delete(before, l.Name)
		}
		l.apply(cfg)
		w.listeners[cfg.Name] = l
		w.sockets[cfg.Shared] = l
	}
	for _, l := range before {
		l.drain()
		w.removed[l] = struct{}{}
	}
	w.Stats.Sweep()
}

// renamed returns the listener whose name a snapshot changes, and not its socket:
// its connections go on.
func (w *Worker) renamed(cfg *Listener, s *Snapshot) *listener {
	if l := w.sockets[cfg.Shared]; l != nil && s.Find(l.Name) == nil {
		return l
	}
	return nil
}

// Retire forgets the sockets that the present snapshot has no use for. They are
// closed by now; until then they could bring connections, whose clients are not
// to suffer from a change of the configuration.
func (w *Worker) Retire() {
	for socket, l := range w.sockets {
		if w.listeners[l.Name] != l || l.Shared != socket {
			delete(w.sockets, socket)
		}
	}
	for l := range w.removed {
		l.gone = true
		l.endIfOver()
	}
}

// Drain finishes what is in flight and takes nothing new: idle connections are
// closed, the others after the response that they wait for.
func (w *Worker) Drain() {
	w.draining = true
	for _, l := range w.listeners {
		l.drain()
	}
	w.clusters.Drain()
}

// Clusters returns the worker's clusters.
func (w *Worker) Clusters() *upstream.Manager { return w.clusters }

// Load tells how much a worker still has to do.
type Load struct {
	Connections int // downstream
	Streams     int
}

// Load returns how much the worker still has to do.
func (w *Worker) Load() Load {
	n := 0
	for _, l := range w.listeners {
		n += l.count
	}
	for l := range w.removed {
		n += l.count
	}
	return Load{Connections: n, Streams: w.streams}
}

// Cuts returns how many connections were closed so far before their client had taken
// everything.
func (w *Worker) Cuts() int { return w.cuts }

// FlushLogs hands the records of access logs to their writers.
func (w *Worker) FlushLogs() {
	w.logs.Flush()
}

// httpTime is the form of dates in HTTP (RFC 9110, 5.6.7).
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// logInterval is how long an access log's record stays with its worker at most.
const logInterval = time.Second

// Expired hands the access logs over, a while after the first record. The timer is
// set by the next record, so that an idle worker is not woken.
func (w *Worker) Expired(*eventloop.Timer) { w.FlushLogs() }

// now is the wall clock, read from the system at most ten times a second.
func (w *Worker) now() time.Time {
	since := time.Duration(w.Loop.Now() - w.wallAt)
	if w.wall.IsZero() || since > 100*time.Millisecond {
		w.wall, w.wallAt, since = w.Clock(), w.Loop.Now(), 0
		w.date = w.wall.UTC().AppendFormat(w.date[:0], httpTime)
	}
	return w.wall.Add(since)
}

func (w *Worker) getExchange() *exchange {
	w.streams++
	if n := len(w.free); n > 0 {
		x := w.free[n-1]
		w.free = w.free[:n-1]
		return x
	}
	x := new(exchange)
	x.init(w)
	x.index = len(w.all)
	w.all = append(w.all, x)
	return x
}

// maxFreeExchanges bounds what a worker keeps of exchanges after a burst.
const maxFreeExchanges = 1024

func (w *Worker) putExchange(x *exchange) {
	w.streams--
	if x.index < 0 {
		return
	}
	if len(w.free) < maxFreeExchanges {
		w.free = append(w.free, x)
		return
	}
	w.forget(x)
}

// forget has an exchange not be used again.
func (w *Worker) forget(x *exchange) {
	last := len(w.all) - 1
	w.all[x.index] = w.all[last]
	w.all[x.index].index = x.index
	w.all[last] = nil
	w.all = w.all[:last]
	x.index = -1
}
