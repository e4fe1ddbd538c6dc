package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
)

// siege is a weir with a single worker, on which a hostile peer and an honest
// client meet. The honest client's requests must all be answered, whatever the other
// one does: they are made between the parts of an attack, so that nothing depends
// on how fast either is.
type siege struct {
	*weir
	t      *testing.T
	up     *upstream    // "/hang" is never answered, the answer of "/endless" has no end
	opens  atomic.Int32 // requests that reached it and were not the honest client's
	given  atomic.Int64 // bytes that it has written of endless answers
	honest *frames
	id     uint32 // of the honest client's last request

	heap  uint64        // of the process, before the attack
	price time.Duration // of an honest request: processor time of the whole process
}

// spring is a reader without an end, which counts what it gives.
type spring struct{ given *atomic.Int64 }

func (e *spring) Read(b []byte) (int, error) {
	n := copy(b, patternBlock)
	e.given.Add(int64(n))
	return n, nil
}

// oneWorker makes a configuration one of a weir with a single worker.
type oneWorker struct{ setup }

func (s oneWorker) String() string {
	return strings.Replace(s.setup.String(), `"processor": 2`, `"processor": 1`, 1)
}

// besiege starts a weir whose listener speaks HTTP/2, in front of a server that
// does. The route "/honest" leads there even if s has another upstream.
func besiege(t *testing.T, s setup) *siege {
	t.Helper()
	g := &siege{t: t}
	g.up = serveIn(t, h2, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/honest" {
			g.opens.Add(1)
		}
		switch r.URL.Path {
		case "/hang":
			<-r.Context().Done()
		case "/endless":
			io.Copy(w, &spring{&g.given})
		default:
			fmt.Fprint(w, "well")
		}
	})
	s.proxy = join(`"downstream_protocol": "Http2"`, s.proxy)
	if !strings.Contains(s.http1, "max_concurrent_streams") {
		s.http1 = join(s.http1, fmt.Sprintf(`"max_concurrent_streams": %d`, mostStreams))
	}
	s.clusters = cluster("honest", "", g.up.addr())
	routes := []string{route("/honest", "honest", "")}
	if s.routes != "" {
		routes = append(routes, s.routes)
	}
	if s.up == "" {
		s.up = g.up.addr()
	}
	s.routes = strings.Join(append(routes, route("/", "up", "")), ", ")
	g.weir = start(t, oneWorker{s})
	g.honest = dialFrames(t, g.addr())
	g.serves(100) // what is made on first use is there
	const requests = 300
	g.price = g.costs(func() { g.serves(requests) }) / requests
	g.heap = heap()
	return g
}

// serves checks that the honest client's next requests are answered.
func (g *siege) serves(requests int) {
	g.t.Helper()
	for range requests {
		if g.t.Failed() {
			return
		}
		g.id += 2
		g.honest.SetDeadline(time.Now().Add(patience))
		g.honest.request(g.id-1, true, "GET", "/honest")
		g.honest.expect(g.id-1, 200, "well")
		delete(g.honest.msgs, g.id-1)
		g.honest.heads = g.honest.heads[:0]
	}
}

// attacker connects a hostile client.
func (g *siege) attacker(settings ...xhttp2.Setting) *frames {
	f := dialFrames(g.t, g.addr(), settings...)
	f.until(func() bool { return len(f.peer) > 0 })
	return f
}

// within connects a hostile client for a part of the test.
func (g *siege) within(t *testing.T, settings ...xhttp2.Setting) *frames {
	f := dialFrames(g.t, g.addr(), settings...)
	f.t = t
	return f
}

// reached reads until weir has dealt with everything that was sent so far. It
// returns false at the connection's end.
func (f *frames) reached() bool {
	mark := [8]byte{'m', 'a', 'r', 'k'}
	f.WritePing(false, mark)
	for {
		switch frame := f.next().(type) {
		case nil:
			return false
		case *xhttp2.PingFrame:
			if frame.IsAck() && frame.Data == mark {
				return true
			}
		}
	}
}

// flood repeats an attack until weir ends the connection, and checks that this is
// at most so many times, and some for every second that passes: what is counted
// against a client is forgiven at a rate. It returns how often that was, to within a
// batch.
func (g *siege) flood(f *frames, most, forgiven int, do func(i int)) int {
	g.t.Helper()
	const batch = 25
	begin := time.Now()
	allowed := func() int { return most + int(float64(forgiven)*time.Since(begin).Seconds()) }
	n := 0
	for n <= allowed() {
		for range batch {
			do(n)
			n++
		}
		g.serves(1)
		if !f.reached() {
			return n
		}
	}
	g.t.Errorf("the connection has not ended after %d times, want at most %d", n, allowed())
	return n
}

// dropped checks that weir has ended a connection, for a reason that it says.
func (f *frames) dropped(want xhttp2.ErrCode) {
	f.t.Helper()
	f.over()
	switch {
	case f.away == nil:
		f.t.Errorf("there is no GOAWAY, want one with %v", want)
	case f.away.ErrCode != want:
		f.t.Errorf("GOAWAY says %v (%s), want %v", f.away.ErrCode, f.away.DebugData(), want)
	}
}

// costs measures the processor time that something takes: of this process, in which
// weir, its clients and the upstream are.
func (g *siege) costs(do func()) time.Duration {
	g.t.Helper()
	before := processorTime(g.t)
	do()
	return processorTime(g.t) - before
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cheap checks that an attack took no more processor time than so many honest
// requests do. Either is measured in the same way, on the same machine.
func (g *siege) cheap(took time.Duration, requests int) {
	g.t.Helper()
	if most := time.Duration(requests) * g.price; took > most {
		g.t.Errorf("the attack took %v of processor time, want at most %v, that of %d honest requests", took, most, requests)
	}
}

// holds checks that weir and all else in the process hold at most so many bytes
// more than before the attack, and weir at most so many in slabs. Goroutines of the
// upstream may still be about to end.
func (g *siege) holds(slabs, heapBytes int) {
	g.t.Helper()
	eventually(g.t, "memory is bounded", func() error {
		live, grown := g.live(), int(heap())-int(g.heap)
		if live > slabs || grown > heapBytes {
			return fmt.Errorf("%d bytes are in slabs, want at most %d; the heap has grown by %d, want at most %d", live, slabs, grown, heapBytes)
		}
		return nil
	})
}

// heap is how much memory the process has in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// withstood checks that nothing is left of an attack but its connection.
func (g *siege) withstood() {
	g.t.Helper()
	until(g.t, "the streams of the attack are over", func() bool { return g.Load().Streams == 0 })
	g.serves(20)
	g.holds(256<<10, 4<<20)
}
