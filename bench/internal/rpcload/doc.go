// Package rpcload drives RPC servers and proxies the way RPC clients do, with many requests in flight on few connections, and checks
// every answer; and it is the server that answers them, by their own bodies.
//
// Start reading at [Run], whose connections are the callers of caller.go; then [Serve]. Both know protocols as framings: bolt.go and
// dubbo.go. They know of each protocol what they send themselves, and no more.
package rpcload
