// Package admin is the admin interface: it shows over HTTP what the process does and how it is configured, and changes log levels and
// what is announced to others.
//
// Start at [New]. A [Server] offers the endpoints (endpoint.go) for which [Options] gives it something to show, so that it serves a
// page of statistics alone just as well. It runs on goroutines of its own, over net/http; what it shows it asks of the process through
// [Process], [Clusters], [Registrations], [Logs] and [Statistics], never of a worker directly. [Text] is how clusters look to people,
// here and wherever else they are shown.
//
// The interface asks for no credentials. It is meant for loopback, and defends itself against what reaches loopback all the same, the
// operator's own browser (guard.go): names that were made to resolve to it, and requests that other sites send. Secrets never appear:
// the configuration is shown as config.Dump renders it. Sizes, times and the number of connections are bounded (server.go).
package admin
