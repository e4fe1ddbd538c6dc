package eventloop

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestPostKeepsTheOrderOfEachGoroutine(t *testing.T) {
	l := newLoop(t, Options{})
	const posters, each = 8, 5000
	var next [posters]int
	var wg sync.WaitGroup
	for g := range posters {
		wg.Go(func() {
			for i := range each {
				l.Post(func() {
					if next[g] != i {
						t.Errorf("task %d of goroutine %d came after %d others", i, g, next[g])
					}
					next[g]++
				})
			}
		})
	}
	wg.Wait()
	on(t, l, func() {
		for g, n := range next {
			if n != each {
				t.Errorf("%d tasks of goroutine %d were run", n, g)
			}
		}
	})
}

func TestPostFromATask(t *testing.T) {
	l := newLoop(t, Options{})
	done := make(chan int, 1)
	var step func(n int)
	step = func(n int) {
		if n == 1000 {
			done <- n
			return
		}
		l.Post(func() { step(n + 1) })
	}
	l.Post(func() { step(0) })
	wait(t, done, "the chain of tasks")
}

// Every task for which Post says true is run, and no other.
func TestPostAndStop(t *testing.T) {
	for range 50 {
		l, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		go l.Run()
		var run, accepted atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for l.Post(func() { run.Add(1) }) {
					accepted.Add(1)
				}
			})
		}
		for range 2 {
			wg.Go(l.Stop)
		}
		wg.Wait()
		l.Stop()
		if run.Load() != accepted.Load() {
			t.Fatalf("%d tasks were accepted, %d run", accepted.Load(), run.Load())
		}
		if l.Post(func() { t.Error("run after Stop") }) {
			t.Fatal("Post after Stop says true")
		}
	}
}

// The one who interrupts a loop's wait must not write to a descriptor that the
// loop has closed meanwhile: its number may be a socket's by then. Here, every
// number that becomes free is taken by a pipe at once.
func TestNothingIsWrittenToAClosedDescriptor(t *testing.T) {
	for range 100 {
		l, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		event := l.poll.event
		go l.Run()
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						l.Post(func() {})
					}
				}
			})
		}
		runtime.Gosched()
		l.Stop()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var taken []int // all free numbers up to the one that the loop had
		for fd := 0; fd < event; {
			if fd, err = unix.Dup(int(w.Fd())); err != nil {
				t.Fatal(err)
			}
			taken = append(taken, fd)
		}
		close(stop)
		wg.Wait()
		for _, fd := range taken {
			unix.Close(fd)
		}
		w.Close()
		if n, _ := r.Read(make([]byte, 8)); n != 0 {
			t.Fatalf("%d bytes were written to another's descriptor", n)
		}
		r.Close()
	}
}

func TestStopClosesConnections(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := descriptors(t)
	go l.Run()
	var probes []*probe
	for i := range 20 {
		p := newProbe(t)
		c, peer := adopt(t, l, []string{"tcp", "unix"}[i%2], p)
		switch i / 2 {
		case 1:
			on(t, l, func() { c.Write(make([]byte, 16<<20)) })
			p.expect(t, "high true")
		case 2:
			on(t, l, c.Pause)
			send(t, peer, "unread")
		case 3:
			p.closed = func(c *Conn, _ error) { c.Write(make([]byte, 10_000)) }
		}
		probes = append(probes, p)
	}
	stopClean(t, l)
	for _, p := range probes {
		p.expect(t, "closed: "+ErrStopped.Error())
		p.expectNothing(t)
	}
	if after := descriptors(t); after != before-2+20 { // the peers' ends are still open
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestTimersRunOnTheLoop(t *testing.T) {
	l := newLoop(t, Options{})
	fired := make(chan int64, 1)
	a := &alarm{fired: func(*alarm) { fired <- l.Now() }}
	var from int64
	for _, d := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 80 * time.Millisecond} {
		on(t, l, func() { from = l.Now(); l.Schedule(&a.timer, d, a) })
		if at := wait(t, fired, "a timer"); at-from < int64(d) {
			t.Errorf("a timer of %v fired after %v", d, time.Duration(at-from))
		}
	}
}

func TestTimersFollowTheClockOfTheOptions(t *testing.T) {
	now := clock{now: 12345}
	l := newLoop(t, Options{Clock: now.time})
	var fired atomic.Int32
	a := &alarm{fired: func(a *alarm) {
		if fired.Add(1) < 3 {
			l.Schedule(&a.timer, time.Hour, a)
		}
	}}
	on(t, l, func() { l.Schedule(&a.timer, time.Hour, a) })
	for i := range int32(3) {
		now.forward(t, l, time.Hour-time.Second)
		if fired.Load() != i {
			t.Fatalf("fired %d times", fired.Load())
		}
		now.forward(t, l, time.Second+time.Millisecond)
		if fired.Load() != i+1 {
			t.Fatalf("fired %d times of %d", fired.Load(), i+1)
		}
	}
}

// A loop reads its clock once in every turn: an idle one must not turn.
func TestIdleLoopDoesNotTurn(t *testing.T) {
	var count atomic.Int64
	start := time.Now()
	l := newLoop(t, Options{Clock: func() int64 { count.Add(1); return int64(time.Since(start)) }})
	p := newProbe(t)
	c, peer := adopt(t, l, "tcp", p)
	a := &alarm{}
	on(t, l, func() { l.Schedule(&a.timer, time.Hour, a); c.Pause(); c.Resume() })
	send(t, peer, "x")
	p.expectBytes(t, "x")
	on(t, l, c.Pause)
	send(t, peer, "unread")
	peer.CloseWrite()
	// The loop has settled when it has been in one wait for long.
	before := int64(-1)
	until(t, "the loop is quiet", func() bool {
		was := before
		before = count.Load()
		<-time.After(20 * time.Millisecond)
		return before == was
	})
	<-time.After(200 * time.Millisecond)
	if after := count.Load(); after != before {
		t.Errorf("an idle loop turned %d times", after-before)
	}
}
