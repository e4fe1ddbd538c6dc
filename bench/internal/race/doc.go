// Package race measures proxies in turn on the same work: what processor time it takes them, and what memory idle connections take.
// It knows nothing of protocols: who drives a proxy is told by the commands.
//
// Start reading at [Run].
package race
