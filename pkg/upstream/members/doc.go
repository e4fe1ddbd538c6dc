// Package members knows which hosts a cluster has, how they are, and how requests
// are divided among them.
//
// [Members] is the control plane's side: sources deliver hosts to it, checks and
// ejections tell of them, and each change makes a new [Set]. A Set is immutable and
// shared by all workers; they take it on by swapping a pointer. What is in
// proportion to the number of hosts is done here, once, and not on a worker.
//
//	hosts, health, ejections, time -> Members -> Set -> Pool -> Share -> balance.Table
//
// A Pool is what one selection of hosts can choose from; its Shares are the parts of
// the requests that go to a priority, to the degraded hosts of it, or to a zone:
// levels.go and zones.go say how much.
package members
