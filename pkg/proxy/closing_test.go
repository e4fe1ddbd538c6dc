package proxy

import (
	"net"
	"sync"
	"testing"
)

// newClosingHost returns the address of a host that shuts down: its system makes
// connections, and it resets each as soon as something has come, of which it reads
// nothing more.
func newClosingHost(t *testing.T) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.(*net.TCPConn).SetLinger(0)
				_, _ = c.Read(make([]byte, 1))
			})
		}
	})
	return ln.Addr().String()
}

// TestHostThatCloses: a host that shuts down and ends new connections as soon as it
// sees them has not said on them that it goes. No request is lost to it, although none
// may be sent twice, and no policy allows another try.
func TestHostThatCloses(t *testing.T) {
	across(t, func(t *testing.T, k kind) {
		if k == kindHTTP1 { // whose hosts say nothing before a request
			return
		}
		w := newWorld(t, plan{kind: k, hosts: 1, first: []string{newClosingHost(t)}, cluster: inOrder})
		var all []<-chan result
		for range 12 {
			all = append(all, w.client.ask(t.Context(), request{method: "POST"}))
		}
		for range all {
			w.asked().answer(k.ok(), "here")
		}
		for _, from := range all {
			w.expect(from, k.ok(), "here")
		}
		st := w.clusterStats()
		if st.RequestRetry != 0 || st.ResponseFailed != 0 {
			t.Errorf("%d retries, %d failures", st.RequestRetry, st.ResponseFailed)
		}
		w.settled()
	})
}
