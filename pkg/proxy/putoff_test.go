package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTimeoutAfterSlowHost: the time for a response begins when the host has taken
// the request. Most of it may be in the system's hands, and a slow host takes its
// time for that; one that takes no more of it is given up.
func TestTimeoutAfterSlowHost(t *testing.T) {
	const timeout = 10 * time.Second
	for _, name := range []string{"answers", "hangs"} {
		t.Run(name, func(t *testing.T) {
			steps, done := make(chan struct{}), make(chan struct{})
			w := newWorld(t, plan{kind: kindHTTP1, hosts: 1, route: `,"timeout":"10s"`, handler: func(rw http.ResponseWriter, r *http.Request) {
				for range steps {
					if _, err := io.CopyN(io.Discard, r.Body, kindHTTP1.step()); err != nil {
						break
					}
					done <- struct{}{}
				}
				if name == "hangs" {
					<-r.Context().Done()
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(rw, "late")
			}})
			from := w.client.ask(t.Context(), request{method: "PUT", body: strings.Repeat("x", 2<<20)})
			w.until("the request has left weir, and the host has not taken it", func() bool {
				return w.count(func(x *exchange) bool {
					t := x.attempts.current
					return x.has(requestOver) && t.conn != nil && x.pauses == 0 && t.conn.Socket().Untaken() > 100<<10
				}) == 1
			})
			w.forward(timeout)
			for range 3 {
				steps <- struct{}{}
				<-done
				w.forward(takeInterval)
			}
			select {
			case r := <-from:
				t.Fatalf("it is answered %d", r.status)
			default:
			}
			if name == "answers" {
				close(steps)
				w.expect(from, 200, "late")
				w.settled()
				return
			}
			w.forward(takeInterval)
			if r := w.got(from); r.status != 504 {
				t.Errorf("it is answered %d", r.status)
			}
			close(steps)
			w.settled()
		})
	}
}
