package demo

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// web is a server of HTTP, which can die and come back.
type web struct {
	address   string // where it is
	handler   http.Handler
	protocols *http.Protocols
	log       *slog.Logger
	serving   sync.WaitGroup
	server    *http.Server // the present one; of the goroutine that calls the methods

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// serve serves a listener.
func (w *web) serve(l net.Listener) {
	s := &http.Server{
		Handler:           w.handler,
		Protocols:         w.protocols,
		ReadHeaderTimeout: 5 * time.Second,
		ConnState:         w.note,
		ErrorLog:          slog.NewLogLogger(w.log.Handler(), slog.LevelWarn),
	}
	w.server = s
	w.serving.Go(func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("an upstream server of the demo has ended", "address", w.address, "error", err)
		}
	})
}

// note keeps the connections that are open.
func (w *web) note(c net.Conn, state http.ConnState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch state {
	case http.StateNew:
		w.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(w.conns, c)
	}
}

// kill ends the server as if its machine had been switched off and on: connections are reset, and new ones refused.
func (w *web) kill() {
	w.mu.Lock()
	for c := range w.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a close is a reset then
		}
	}
	w.mu.Unlock()
	w.stop()
}

// revive serves the address again.
func (w *web) revive() error {
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		return err
	}
	w.serve(l)
	return nil
}

// stop closes the listener and all connections.
func (w *web) stop() {
	w.server.Close()
	w.serving.Wait()
}
