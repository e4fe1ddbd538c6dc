// Package metrics counts what weir does, and publishes the counts.
//
// Counting is for a worker alone: it writes plain fields of structs of its own
// (stats.go), without locks, atomics or allocation. A [Worker] keeps those
// structs, one per listener, route, cluster and host, and copies them when
// somebody asks. Publishing is off the workers: a [Registry] asks all of them
// for their copies, adds these up, and shows the sums to Prometheus, to sinks of
// go-metrics, and to the admin interface.
//
//	worker:   stats.RequestTotal++, stats.Latency.Record(d)
//	asked:    Worker.Copy -> Snapshot
//	reader:   Registry: merge -> Prometheus | go-metrics | JSON and text
//
// The labels of statistics are names of the configuration, never anything that a
// peer sent: so a configuration bounds their number.
package metrics
