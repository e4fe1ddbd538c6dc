// Package healthcheck is the stream filter healthcheck: it answers clients that
// ask whether the proxy is alive, by a heartbeat of their RPC protocol or by a
// path of HTTP, or lets a host answer them. Start at [Config].
package healthcheck
