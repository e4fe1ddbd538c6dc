// Package upstream is the side that weir calls: clusters, their hosts, the choice
// among them, and the pools of connections to them.
//
// Start at [Snapshot], the immutable clusters of a configuration; then [Manager],
// one worker's view of them with its pools and counters; [Cluster.Pick] chooses a
// host, [Host.Acquire] and [Host.Wait] give a [Conn] to it, and [Host.Connect] a
// [Raw] connection.
//
// Everything but Snapshot, Limits and Health belongs to one worker. What all workers
// of a cluster have in common is in Limits, the thresholds of its circuit breaker,
// and in Health, which hosts are well; how they share its connections is told in
// slots.go.
package upstream
