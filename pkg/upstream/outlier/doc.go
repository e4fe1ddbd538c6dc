// Package outlier finds hosts that fail while others do not, and ejects them for a
// while. Unlike health checks, it judges by the requests that are sent anyway. The
// rules and their names are Envoy's.
//
// Start at [Monitor], one goroutine which decides for all clusters. It is told of
// each cluster's hosts and its [Policy]. Workers note in a host's [Counters] how
// each try ended, an [Outcome], and wake the monitor when a row of failures has
// become too long; a [Local] keeps workers from writing the same memory all the
// time. counters.go is what workers run, cluster.go what is decided, with neither
// clock nor goroutine, monitor.go when.
//
// # Rules
//
// A host is ejected at once for a number of failures in a row: of any kind, of the
// kinds that gateways answer (502, 503, 504), or of those on weir's own side, where
// no answer came (counted apart only if the policy splits them off; without that
// they count as gateway failures do). The numbers are those of all workers together.
// Every interval, it is ejected for a rate of success that is far below the others',
// or for a percentage of failures; with a policy that splits, only answers count in
// those. Each rule is enforced with a probability, and one that never is enforced is
// not looked at.
//
// No more than a percentage of a cluster's hosts is ejected at a time, but one always
// may be. Of hosts that one look finds, the worst goes first.
//
// An ejection lasts the base time multiplied by a factor, which is 1 at first, grows
// with each ejection and becomes less with each interval in which the host stays in;
// at most the maximum, and a random jitter on top. Hosts come back at the first look
// after that, with their rows of failures forgotten.
//
// What is known of a host is known as long as it is a member of its cluster. One that
// leaves, ejected or not, and is a member again later, starts clean.
package outlier
