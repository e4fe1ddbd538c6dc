// Package proxy carries one request from a downstream connection through filters
// and a route to an upstream host, and its response back.
//
// Start at [Worker], what one event loop has; then downConn, a downstream
// connection (conn.go), and activeStream, one request (stream.go), whose life
// goes on in route.go, try.go, try_end.go and response.go. What may become of a
// try beside that is in retry.go and hedge.go; what its end says of the host, in
// outcome.go. ARCHITECTURE.md shows the same as a picture.
//
// [Snapshot] is the immutable configuration that a worker works by, and swaps.
package proxy
