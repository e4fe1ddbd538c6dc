// Command grpc is a gRPC server and a client that calls it, to put weir between
// them. The server's methods are in service.go; what the client checks is listed
// in checks.go.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/weirproxy/weir/examples/grpc/echo"
)

// maxMessage is what either side takes, in bytes; gRPC's default is 4 MiB.
const maxMessage = 16 << 20

func main() {
	listen := flag.String("server", "", "be the server, and listen on this `address`")
	target := flag.String("target", "127.0.0.1:50051", "the `address` to call")
	missing := flag.Bool("errors", false, "call a service that nobody has")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*listen, *target, *missing); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(listen, target string, missing bool) error {
	if listen != "" {
		return serve(listen)
	}
	checks := allChecks()
	if missing {
		checks = missingChecks()
	}
	return runChecks(target, checks)
}

// serve listens without TLS: plain HTTP/2 with prior knowledge. It says "ready PORT" once it accepts connections.
func serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	f := newFollowers()
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(f.unary, echoUnary),
		grpc.ChainStreamInterceptor(f.stream, echoStream),
		grpc.MaxRecvMsgSize(maxMessage),
	)
	echo.RegisterEchoServer(server, &service{followers: f})
	healthy := health.NewServer()
	healthy.SetServingStatus(echo.Echo_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, healthy)
	fmt.Println("ready", l.Addr().(*net.TCPAddr).Port)
	return server.Serve(l)
}
