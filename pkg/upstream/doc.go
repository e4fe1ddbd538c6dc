// Package upstream is the side that weir calls: clusters, their hosts, the choice
// among them, and the pools of connections to them.
//
// Start at [Snapshot], the immutable clusters of a configuration; then [Manager],
// one worker's view of them with its pools and counters; [Cluster.Pick] chooses a
// host, [Host.Acquire] and [Host.Wait] give a [Conn] to it, and [Host.Connect] a
// [Raw] connection.
//
// Everything but Snapshot and Limits belongs to one worker. What all workers of a
// cluster have in common is in Limits, the thresholds of its circuit breaker, and in
// [members.Members], which hosts it has and how they are; how they share its
// connections is told in slots.go.
package upstream
