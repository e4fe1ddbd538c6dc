// Package server runs weir: it loads a configuration, builds a snapshot of it,
// swaps that into the workers, listens, reloads, drains and stops.
//
// Start at [Server] and its life: New, Start, Reload, Drain, Stop. build.go turns
// a configuration into a snapshot, listeners.go compares the listeners of two
// snapshots. What a build of weir is made of stands in [Registry].
//
// Hosts that are discovered take a way of their own, beside snapshots: a source finds
// them (finder.go), its watch takes them on (watch.go), and what watches over them is
// told (overseer.go). Clusters that requests ask for are made in demand.go, the
// configuration that Consul keeps is followed in documents.go, and services are
// announced in registrations.go.
package server
