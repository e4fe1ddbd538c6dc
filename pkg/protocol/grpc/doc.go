// Package grpc is what gRPC adds to the messages of HTTP/2: which requests are
// gRPC, how they say whom they call and how long they wait, how a response says
// what became of the call, and what an answer that is not gRPC means to a client
// that speaks it. Triple, Dubbo's protocol over HTTP/2, adds two headers.
//
// Everything here is a function of its arguments that keeps nothing and, where it
// does not say otherwise, allocates nothing. The messages themselves, five bytes
// and a payload each, pass through a proxy untouched.
//
// Start at [IsRequest] and [Code]; then [Answer], which answers a client.
package grpc
