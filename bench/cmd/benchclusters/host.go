package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/weirproxy/weir/bench/internal/rpcload"
)

// hostCommand is the first argument that makes this program a host: of a protocol (http or bolt), by a name, at an address.
const hostCommand = "host"

// What the fields are called by which requests and answers are told apart.
const (
	tokenField = "X-Token" // of a request; the answer's body is its value
	hostField  = "X-Host"  // of an answer: who gave it
)

// serveHost is a host, as a process of its own. One of HTTP that is told to end finishes what it has begun.
func serveHost(ctx context.Context, protocol, name, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if protocol == "bolt" {
		defer context.AfterFunc(ctx, func() { _ = l.Close() })()
		return rpcload.Serve(l, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(hostField, name)
		_, _ = w.Write([]byte(r.Header.Get(tokenField))) // who does not take it is gone
	})}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		ended <- server.Shutdown(last)
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
