// Command xprotocol shows protocols of one's own in weir: packages memo and remoting
// are their codecs, this file builds a weir with them, and peers.go has a server and
// a client that speak memo.
//
//	xprotocol weir FILE        run weir with a configuration
//	xprotocol server ADDRESS   answer calls
//	xprotocol client ADDRESS   make calls, and check what comes back
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/panjf2000/ants/v2"

	"github.com/weirproxy/weir/examples/xprotocol/memo"
	"github.com/weirproxy/weir/examples/xprotocol/remoting"
	"github.com/weirproxy/weir/pkg/server"
	"github.com/weirproxy/weir/pkg/standard"
)

// registry is what this build of weir is made of: all that weir's own program has, and
// two protocols more.
func registry() server.Registry {
	r := standard.Registry()
	r.Protocols = append(r.Protocols, memo.Spec().Protocol(), remoting.Spec().Protocol())
	return r
}

func main() {
	ants.Release() // the default pool that importing the package starts
	commands := map[string]func(ctx context.Context, arg string) error{
		"weir": weir, "server": serve, "client": call,
	}
	if len(os.Args) != 3 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: xprotocol weir FILE | server ADDRESS | client ADDRESS")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := commands[os.Args[1]](ctx, os.Args[2])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// weir runs a weir until the context ends, and then drains it.
func weir(ctx context.Context, config string) error {
	level := &slog.LevelVar{}
	s := server.New(server.Options{
		Registry: registry(), Version: "with memo", Level: level,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	})
	if err := s.Start(config); err != nil {
		return err
	}
	defer s.Stop()
	for name, addr := range s.Addresses() {
		fmt.Println("ready", addr, name)
	}
	<-ctx.Done()
	limit, cancel := context.WithTimeout(context.Background(), s.GracefulTimeout())
	defer cancel()
	if cut := s.Drain(limit); cut > 0 {
		return fmt.Errorf("%d requests were cut off at the end of the drain", cut)
	}
	return nil
}
