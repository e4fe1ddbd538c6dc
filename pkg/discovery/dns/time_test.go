package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirproxy/weir/pkg/config"
)

// book is an asker that knows everything, and notes when it is asked.
type book struct {
	mu      sync.Mutex
	answers map[question]*answer
	asked   map[question][]time.Time
	broken  bool
}

func (b *book) ask(_ context.Context, _ *settings, q question) (*answer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[q] = append(b.asked[q], time.Now())
	if b.broken {
		return nil, errors.New("broken")
	}
	if a := b.answers[q]; a != nil {
		return a, nil
	}
	return new(answer), nil
}

// times returns how often a question was asked, and the least and greatest time
// between two of them.
func (b *book) times(q question) (n int, least, most time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	least = time.Hour * 1000
	for i, at := range b.asked[q] {
		if i > 0 {
			d := at.Sub(b.asked[q][i-1])
			least, most = min(least, d), max(most, d)
		}
	}
	return len(b.asked[q]), least, most
}

// TestRefresh looks at when names are asked for again.
func TestRefresh(t *testing.T) {
	const hour = time.Hour
	for _, test := range []struct {
		name        string
		ttl         uint32
		respect     bool
		hosts       []string
		least, most time.Duration
	}{
		{"by the configuration", 300, false, []string{"db.example:80"}, 4500 * time.Millisecond, 5500 * time.Millisecond},
		{"by the time to live", 300, true, []string{"db.example:80", "none.example:80"}, 270 * time.Second, 330 * time.Second},
		{"not at once", 0, true, []string{"db.example:80"}, 900 * time.Millisecond, 1100 * time.Millisecond},
		{"not never", 1 << 30, true, []string{"db.example:80"}, 21 * hour, 27 * hour},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := question{"db.example.", typeA}
				b := &book{asked: make(map[question][]time.Time), answers: map[question]*answer{
					q: {addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, ttl: test.ttl},
				}}
				c := cluster(strict, nil, test.hosts...)
				c.DNSRefreshRate, c.RespectDNSTTL, c.DNSLookupFamily = 5*time.Second, test.respect, config.DNSv4Only
				ctx, cancel := context.WithTimeout(t.Context(), 100*test.most)
				defer cancel()
				newWatch(c, new(sink), b, func() (*settings, hostTable, error) { return new(settings), nil, nil }).run(ctx)
				n, least, most := b.times(q)
				if n < 90 || n > 115 || least < test.least*9/10 || most > test.most+time.Second+test.most/10 {
					t.Errorf("asked %d times, every %v to %v", n, least, most)
				}
				if spread := most - least; spread < (test.most-test.least)/2 {
					t.Errorf("asked every %v to %v: not at random", least, most)
				}
				// What is not there may come at any time, whatever was said of the others.
				if _, _, most := b.times(question{"none.example.", typeA}); most > 6500*time.Millisecond {
					t.Errorf("a name that was not there is asked for every %v", most)
				}
			})
		})
	}
}

// TestFailureIsAskedSoon: a name is asked for at the configured rate while that fails,
// however long its answer was good for, and counts on.
func TestFailureIsAskedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := question{"db.example.", typeA}
		b := &book{asked: make(map[question][]time.Time), answers: map[question]*answer{
			q: {addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, ttl: 3600},
		}}
		c := cluster(strict, nil, "db.example:80")
		c.DNSRefreshRate, c.RespectDNSTTL, c.DNSLookupFamily = 5*time.Second, true, config.DNSv4Only
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
		defer cancel()
		s := new(sink)
		go func() {
			<-time.After(time.Minute)
			b.mu.Lock()
			b.broken = true
			b.mu.Unlock()
		}()
		newWatch(c, s, b, func() (*settings, hostTable, error) { return new(settings), nil, nil }).run(ctx)
		// One hour in which the answer was good, about one of a question each 5 s.
		if n, _, _ := b.times(q); n < 600 || n > 850 {
			t.Errorf("asked %d times", n)
		}
		if now := s.state(); now.sets != 1 || now.addresses != "10.0.0.1:80" || now.failures < 500 {
			t.Errorf("the sink knows %+v", now)
		}
	})
}

// TestQuestionsAtATime has two clusters of many names each: questions are asked in
// parallel, and not too many.
func TestQuestionsAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource("", "/nonexistent", "/nonexistent")
		var mu sync.Mutex
		under, most := 0, 0
		src.network.exchange = func(context.Context, netip.AddrPort, question, time.Duration, bool) (*answer, error) {
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return &answer{addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}, nil
		}
		var names []string
		for i := range 64 {
			names = append(names, fmt.Sprintf("n%d.example:%d", i, 1000+i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range 2 {
			c := cluster(strict, []string{"127.0.0.1"}, names...)
			c.DNSLookupFamily, c.DNSRefreshRate = config.DNSv4Only, time.Hour
			all.Go(func() {
				s := new(sink)
				src.Watch(ctx, c, s)
				if now := s.state(); now.sets != 1 || len(s.hosts) != len(names) {
					t.Errorf("%d sets, %d hosts", now.sets, len(s.hosts))
				}
			})
		}
		all.Wait()
		if most != mostQuestions {
			t.Errorf("%d questions at a time, want %d", most, mostQuestions)
		}
	})
}

// TestSilentServersLast asks silent servers after the others, for a while.
func TestSilentServersLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := netip.MustParseAddrPort("10.0.0.1:53"), netip.MustParseAddrPort("10.0.0.2:53")
		n := newNetwork()
		var asked []netip.AddrPort
		failing := map[netip.AddrPort]error{a: errSilent}
		n.exchange = func(_ context.Context, server netip.AddrPort, _ question, _ time.Duration, _ bool) (*answer, error) {
			asked = append(asked, server)
			return new(answer), failing[server]
		}
		s := &settings{servers: []netip.AddrPort{a, b}}
		look := func(want ...netip.AddrPort) {
			t.Helper()
			asked = nil
			_, err := n.ask(t.Context(), s, question{"db.example.", typeA})
			if fmt.Sprint(asked) != fmt.Sprint(want) {
				t.Errorf("asked %v, want %v (%v)", asked, want, err)
			}
		}
		look(a, b)
		look(b)
		<-time.After(restTime)
		look(a, b)
		failing[b] = codeError(2)
		look(b, a) // b answers, if with nothing of use: it is not silent
		delete(failing, a)
		look(b, a) // and a has answered
		look(a)
	})
}
