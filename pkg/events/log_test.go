package events

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a process's log without the time.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// take returns what was written since the last call.
func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(l.b.String())
	l.b.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func newLog(size int) (*Log, *lines) {
	out := &lines{}
	return New(size, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))), out
}

// numbers returns the numbers of events, whose hosts are named after them.
func numbers(t *testing.T, events []Event) []uint64 {
	t.Helper()
	var all []uint64
	for _, e := range events {
		if e.Host != fmt.Sprint(e.Seq) {
			t.Errorf("event %d is of host %s", e.Seq, e.Host)
		}
		all = append(all, e.Seq)
	}
	return all
}

func added(from, to int) (events []Event) {
	for i := from; i <= to; i++ {
		events = append(events, Event{Host: fmt.Sprint(i)})
	}
	return events
}

// TestRing: the last events are kept, and found by number or by count.
func TestRing(t *testing.T) {
	l, _ := newLog(4)
	for _, tt := range []struct {
		upTo        int
		since       uint64
		last        int
		want, wants []uint64
	}{
		{0, 0, 5, nil, nil},
		{1, 0, 5, []uint64{1}, []uint64{1}},
		{3, 1, 2, []uint64{2, 3}, []uint64{2, 3}},
		{4, 0, 4, []uint64{1, 2, 3, 4}, []uint64{1, 2, 3, 4}},
		{5, 4, 1, []uint64{5}, []uint64{5}},
		{5, 5, 0, nil, nil},
		{5, 6, -1, nil, nil},
		{11, 2, 9, []uint64{8, 9, 10, 11}, []uint64{8, 9, 10, 11}},
	} {
		l.Add(added(int(l.last)+1, tt.upTo)...)
		if diff := cmp.Diff(tt.want, numbers(t, l.Since(tt.since))); diff != "" {
			t.Errorf("of %d, since %d: %s", tt.upTo, tt.since, diff)
		}
		if diff := cmp.Diff(tt.wants, numbers(t, l.Last(tt.last))); diff != "" {
			t.Errorf("of %d, last %d: %s", tt.upTo, tt.last, diff)
		}
	}
	if l := New(0, nil); len(l.ring) != 1024 {
		t.Errorf("%d events are kept", len(l.ring))
	}
}

// TestRecords: each kind has its line in the process's log.
func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(0)
		want := []string{
			`level=INFO msg="a host was added" cluster=c host=h`,
			`level=INFO msg="a host was removed" cluster=c host=h`,
			`level=INFO msg="a host is well again" cluster=c host=h`,
			`level=WARN msg="a host is not well" cluster=c host=h reason="status 503"`,
			`level=INFO msg="a host is degraded" cluster=c host=h`,
			`level=WARN msg="a host was ejected" cluster=c host=h reason="5 failures in a row"`,
			`level=INFO msg="a host is no longer ejected" cluster=c host=h`,
			`level=INFO msg="a host has another weight" cluster=c host=h weight="1, was 2"`,
			`level=INFO msg="a host is draining" cluster=c host=h`,
		}
		details := map[Kind]string{Unhealthy: "status 503", Ejected: "5 failures in a row", Weight: "1, was 2"}
		then := time.Now().Add(-time.Minute)
		for k := range Kind(len(want)) {
			l.Add(Event{Cluster: "c", Host: "h", Kind: k, Detail: details[k]})
		}
		l.Add(Event{Time: then})
		if diff := cmp.Diff(append(want, `level=INFO msg="a host was added" cluster="" host=""`), out.take()); diff != "" {
			t.Error(diff)
		}
		names := ""
		for _, e := range l.Last(100)[:len(want)] {
			names += e.Kind.String() + " "
			if !e.Time.Equal(time.Now()) || e.Detail != details[e.Kind] {
				t.Errorf("%+v", e)
			}
		}
		if names != "added removed healthy unhealthy degraded ejected returned weight draining " {
			t.Error(names)
		}
		if e := l.Last(1)[0]; !e.Time.Equal(then) {
			t.Errorf("%+v", e)
		}
	})
}

// TestFlood: no more than 100 events of a second have a line; the others are summed
// up, and never forgotten.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := newLog(0)
		more := func(n int) string { return fmt.Sprintf(`level=INFO msg="and %d more host changes"`, n) }
		expect := func(records int, last string) {
			t.Helper()
			synctest.Wait()
			got := out.take()
			if last != "" {
				if len(got) == 0 || got[len(got)-1] != last {
					t.Fatalf("the last of %d lines is not %s: %q", len(got), last, got)
				}
				got = got[:len(got)-1]
			}
			if len(got) != records {
				t.Fatalf("%d lines, want %d: %q", len(got), records, got)
			}
		}
		l.Add(added(1, 60)...)
		expect(60, "")
		<-time.After(period / 2)
		l.Add(added(61, 120)...)
		expect(40, "")
		l.Add(added(121, 122)...)
		expect(0, "")
		<-time.After(period / 2)
		expect(0, more(22))
		l.Add(added(123, 200)...)
		expect(78, "")
		<-time.After(period - 1)
		l.Add(added(201, 230)...)
		expect(22, "")
		<-time.After(1)
		expect(0, more(8))
		<-time.After(time.Hour)
		expect(0, "")
		l.Add(added(231, 742)...)
		expect(100, "")
		l.Close()
		expect(0, more(412))
		l.Close()
		<-time.After(time.Hour)
		expect(0, "")
		if got := l.Since(0); len(got) != 742 {
			t.Errorf("%d events are kept", len(got))
		}
	})
}

// TestDetail: a detail takes no more memory than it may, and stays text.
func TestDetail(t *testing.T) {
	l, _ := newLog(0)
	for _, detail := range []string{strings.Repeat("x", maxDetail), strings.Repeat("x", maxDetail+1), "x" + strings.Repeat("é", maxDetail)} {
		l.Add(Event{Detail: detail})
		got := l.Last(1)[0].Detail
		short := strings.TrimSuffix(got, "...")
		if len(short) > maxDetail || len(short) < maxDetail-1 || !utf8.ValidString(got) || !strings.HasPrefix(detail, short) ||
			(got != detail) != (len(detail) > maxDetail) {
			t.Errorf("of %d bytes there are %d: %q", len(detail), len(got), got)
		}
	}
}

// TestConcurrent: many may add and read, and nothing is lost.
func TestConcurrent(t *testing.T) {
	l, out := newLog(0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				l.Add(Event{}, Event{})
				if got := l.Last(2); len(got) != 2 || got[0].Seq+1 != got[1].Seq {
					t.Errorf("%+v", got)
				}
			}
		})
	}
	wg.Wait()
	l.Close()
	if l.last != 1600 || len(out.take()) == 0 {
		t.Errorf("%d events", l.last)
	}
}

// TestNil: who has no log may use it.
func TestNil(t *testing.T) {
	var l *Log
	l.Add(Event{})
	l.Close()
	if l.Since(0) != nil || l.Last(1) != nil {
		t.Error("there are events")
	}
}
