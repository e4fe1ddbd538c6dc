package demo

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// How much is asked for.
const (
	clients = 32 // that a request may be given to; one that finds them all busy is left out
	calm    = 20 // one in so many ticks is a request once the busy time is over
)

// clientPatience is how long a client waits for a response.
const clientPatience = 10 * time.Second

// mix is what is asked for, over and over: paths of HTTP, and names of protocols.
func mix(i int) string {
	routes := [...]string{"/", "/hello", "bolt", "grpc", "/flaky", "dubbo", "/", "/slow", "/hello", "bolt", "grpc", "/flaky", "/", "dubbo"}
	return routes[i%len(routes)]
}

// traffic is the clients in front of weir.
type traffic struct {
	client  http.Client
	base    string
	callers map[string]*caller // of RPC protocols
	grpc    *grpcCaller
	cancel  context.CancelFunc // of requests under way
	end     chan struct{}      // closed to end it
	ending  sync.Once
	working sync.WaitGroup
}

// drive sends a request for each tick of requests until the time busy, and then
// for a few of them.
func drive(address string, requests <-chan time.Time, busy time.Time) *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	t := &traffic{base: "http://" + address, callers: make(map[string]*caller), cancel: cancel, end: make(chan struct{})}
	for name, p := range rpcs() {
		t.callers[name] = &caller{rpc: p, address: address}
	}
	t.grpc = newGRPCCaller(t.base)
	t.client.Transport = &http.Transport{MaxIdleConnsPerHost: clients}
	t.client.Timeout = clientPatience
	routes := make(chan string)
	for range clients {
		t.working.Go(func() {
			for route := range routes {
				t.send(ctx, route)
			}
		})
	}
	t.working.Go(func() {
		defer close(routes)
		t.dispatch(requests, busy, routes)
	})
	return t
}

// dispatch hands requests to clients as ticks come.
func (t *traffic) dispatch(requests <-chan time.Time, busy time.Time, routes chan<- string) {
	sent := 0
	for tick := 0; ; tick++ {
		var now time.Time
		select {
		case <-t.end:
			return
		case now = <-requests:
		}
		if now.After(busy) && tick%calm != 0 {
			continue
		}
		select {
		case routes <- mix(sent):
			sent++
		default:
		}
	}
}

// send sends a request of a route.
func (t *traffic) send(ctx context.Context, route string) {
	c := t.callers[route]
	switch {
	case c != nil:
		c.call(ctx)
	case route == "grpc":
		t.grpc.call(ctx)
	default:
		t.get(ctx, route)
	}
}

// get sends a request of HTTP/1 and reads its response. What goes wrong with it is seen in
// weir's statistics.
func (t *traffic) get(ctx context.Context, path string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+path, http.NoBody)
	if err != nil {
		return
	}
	response, err := t.client.Do(r)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

// finish sends no more requests, and waits for those under way.
func (t *traffic) finish() {
	t.ending.Do(func() { close(t.end) })
	t.working.Wait()
}

// stop ends requests under way, and closes all connections.
func (t *traffic) stop() {
	t.cancel()
	t.finish()
	t.client.CloseIdleConnections()
	t.grpc.close()
	for _, c := range t.callers {
		c.close()
	}
}
