// Package load drives proxies: with wrk and h2load for requests as fast as they go, and with connections that are held open and idle.
package load
