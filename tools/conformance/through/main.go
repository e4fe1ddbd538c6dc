// Command through puts a weir between the peers of Connect's conformance suite. It
// runs one of them, and tells the other the address of weir in place of that one's:
//
//	through [flags] server -- COMMAND...    COMMAND is a server under test
//	through [flags] client -- COMMAND...    COMMAND is a client under test
//
// Peers and suite talk in messages of protobuf, each behind its length in four bytes
// (connectconformance --help); messages.go reads the few fields that matter.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	var way way
	flag.StringVar(&way.weir, "weir", "bin/weir", "the `program`")
	flag.BoolVar(&way.chain, "chain", false, "two weirs, which speak the other version of HTTP to each other")
	flag.BoolVar(&way.grpcWeb, "grpcweb", false, "gRPC-Web is gRPC to the server, which weir's filter makes of it")
	flag.Parse()
	args := flag.Args()
	if len(args) < 3 || args[1] != "--" {
		fmt.Fprintln(os.Stderr, "usage: through [flags] server|client -- COMMAND...")
		os.Exit(2)
	}
	if err := run(&way, args[0], args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "through:", err)
		os.Exit(1)
	}
}

// run runs the command until it ends, or is asked to.
func run(w *way, role string, command []string) error {
	peer, err := startPeer(command)
	if err != nil {
		return err
	}
	defer w.stop()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-asked
		peer.cmd.Process.Signal(syscall.SIGTERM)
	}()
	switch role {
	case "server":
		err = w.server(peer)
	case "client":
		err = w.client(peer)
	default:
		err = fmt.Errorf("there is no role %q", role)
	}
	if err != nil {
		peer.cmd.Process.Kill()
	}
	if ended := peer.cmd.Wait(); err == nil && len(asked) == 0 {
		err = ended
	}
	return err
}
