// Package clusters is what there is to clusters beside the workers: who finds their
// hosts, what watches over these, and clusters that are made when a request names them.
//
//	discovery.Source ──> subscription ──> members.Members ──> workers
//	(discoveryManager)                        ^  │
//	                   health, outlier ───────┘  │ hosts
//	                   (hostMonitor)  <──────────┘
//
// [Manager] has all three as participants of a change of the configuration. A
// subscription that is begun for a configuration keeps what is delivered to itself until
// that is in force.
package clusters
