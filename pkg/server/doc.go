// Package server runs weir: it loads a configuration, builds a snapshot of it,
// swaps that into the workers, listens, reloads, drains and stops.
//
// Start at [Server] and its life: New, Start, Reload, Drain, Stop. build.go turns
// a configuration into a snapshot, listeners.go compares the listeners of two
// snapshots, health.go has the hosts checked. What a build of weir is made of stands in [Registry].
package server
