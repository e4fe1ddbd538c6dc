package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clients is how many connections a load has.
const clients = 50

// load sends requests of HTTP/1 at an even rate, each with a token of its own that must be in its answer. A client sends one request
// after the other; one that is late sends at once.
type load struct {
	address string
	stop    chan struct{}
	all     sync.WaitGroup
	token   atomic.Uint64

	mu sync.Mutex
	tally
}

// tally is what became of requests.
type tally struct {
	sent, wrong int
	failed      map[string]int // by how
	by          map[string]int // hosts: how many they answered
	last        map[string]time.Time
	slowest     time.Duration
}

func startLoad(ctx context.Context, address string, rate int) *load {
	l := &load{address: address, stop: make(chan struct{}), tally: newTally()}
	for i := range clients {
		l.all.Go(func() { l.client(ctx, i, time.Second*clients/time.Duration(rate)) })
	}
	return l
}

func newTally() tally {
	return tally{failed: make(map[string]int), by: make(map[string]int), last: make(map[string]time.Time)}
}

// end stops the load and returns what became of it.
func (l *load) end() tally {
	close(l.stop)
	l.all.Wait()
	return l.tally
}

// answered is how many requests each host has answered so far.
func (l *load) answered() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.by)
}

// lastOf is when the last request was sent that a host answered.
func (l *load) lastOf(host string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[host]
}

// client sends requests on a connection, or on another one when it ends.
func (l *load) client(ctx context.Context, number int, every time.Duration) {
	c := &httpClient{address: l.address}
	defer c.close()
	next := time.Now().Add(every * time.Duration(number) / clients)
	for {
		timer := time.NewTimer(time.Until(next))
		select {
		case <-l.stop:
		case <-ctx.Done():
		case <-timer.C:
			token := fmt.Sprintf("%d-%d", number, l.token.Add(1))
			sent := time.Now()
			from, err := c.ask(token)
			l.note(sent, from, err)
			next = next.Add(every)
			if late := time.Now(); next.Before(late) {
				next = late
			}
			continue
		}
		timer.Stop()
		return
	}
}

// errWrong is an answer to another request.
var errWrong = errors.New("another request's answer")

func (l *load) note(sent time.Time, from string, err error) {
	took := time.Since(sent)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	l.slowest = max(l.slowest, took)
	switch {
	case errors.Is(err, errWrong):
		l.wrong++
	case err != nil:
		l.failed[err.Error()]++
	default:
		l.by[from]++
		if sent.After(l.last[from]) {
			l.last[from] = sent
		}
	}
}

// failures is how many requests have failed.
func (t *tally) failures() (n int) {
	for _, f := range t.failed {
		n += f
	}
	return n
}

// String says what became of the requests.
func (t *tally) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d requests, %d failed, %d wrong, slowest %v", t.sent, t.failures(), t.wrong, t.slowest.Round(time.Millisecond))
	for _, how := range slices.Sorted(maps.Keys(t.failed)) {
		fmt.Fprintf(&s, "; %d %s", t.failed[how], how)
	}
	return s.String()
}

// httpClient is one connection, made anew when it has ended. It sends nothing twice.
type httpClient struct {
	address string
	conn    net.Conn
	r       *bufio.Reader
}

// ask sends a request, and returns which host has answered it.
func (c *httpClient) ask(token string) (from string, err error) {
	if c.conn == nil {
		if c.conn, err = net.DialTimeout("tcp", c.address, patience); err != nil {
			return "", errors.New("no connection to weir")
		}
		c.r = bufio.NewReader(c.conn)
	}
	from, err = c.exchange(token)
	if err != nil {
		c.close()
	}
	return from, err
}

func (c *httpClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *httpClient) exchange(token string) (from string, err error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(c.conn, "GET / HTTP/1.1\r\nHost: bench\r\n"+tokenField+": "+token+"\r\n\r\n"); err != nil {
		return "", errors.New("lost: weir ended the connection")
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return "", errors.New("lost: no answer")
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return "", errors.New("lost: half an answer")
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%d %s", resp.StatusCode, strings.TrimSpace(string(body)))
	case string(body) != token:
		return "", errWrong
	}
	return resp.Header.Get(hostField), nil
}
