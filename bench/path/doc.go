// Package path measures a request's whole path through a running weir, in one
// process, with Go's benchmarks: its time, and above all its allocations, which
// must be none.
package path
