// Package discovery finds the hosts of clusters.
//
// A [Source] delivers the hosts of a cluster to a [Sink], as whole sets, whenever
// they change. Sources are one folder each: file, dns and consul; hosts that stand
// in the configuration itself need none: see [FromConfig]. Which ones a build has is in a
// [Registry] of its main program.
package discovery
