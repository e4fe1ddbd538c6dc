// Package grpcweb is the stream filter grpc_web: it lets clients that speak
// gRPC-Web, which are browsers, call hosts that speak gRPC. Envoy's name for it,
// envoy.filters.http.grpc_web, may stand beside its own in a filter registry.
//
// gRPC-Web is gRPC without what a browser cannot see of HTTP/2. A response's
// trailers are a frame at the end of its body, behind the messages; and a client
// that can only receive text, as XMLHttpRequest does, gets the body in base64. A
// response that is nothing but a head, as errors are, stays one. What is no gRPC
// response, an answer of weir's own or a host's error page, becomes a gRPC status:
// clients look for nothing else. To the proxy such a request is a call as others are: it
// is routed and counted by its service and method, grpc-timeout is its deadline, and a
// response that breaks off ends with a status.
//
// Which origins may call is not decided here. Where a page comes from another one,
// whoever answers its preflight has to expose grpc-status and grpc-message.
//
// Start at [Make]; then bridge, one call on its way.
package grpcweb
