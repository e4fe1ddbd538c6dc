// Package h2 drives HTTP/2 servers and proxies the way clients do, with many streams on few connections, and checks every answer; and
// it is the server that answers them. It speaks HTTP/2 with prior knowledge, without TLS, from scratch but for HPACK, and knows nothing
// of the proxy's own codec.
//
// Start reading at [Run], whose connections are the callers of caller.go; then [Serve]. [Upload] and [Download] carry one large
// stream, and [Open] holds streams that are not answered. What both sides of a connection share is conn.go.
package h2
