// Package fault is the stream filter fault: it delays requests, or answers them
// with an error in place of the upstream, so that a service's callers can be
// tested. Start at [Config].
package fault
