// Package proxy carries one request from a downstream connection through filters
// and a route to an upstream host, and its response back.
//
// Start at [Worker], what one event loop has; then downConn, a downstream
// connection (conn.go), and exchange, one request and its response (exchange.go),
// whose life goes on in route.go, target.go, attempts.go, attempt.go,
// attempt_response.go and response.go. What may become of a failed attempt is in
// retry.go and hedge.go; what an attempt says of its host, in outcome.go; what is done
// because of the time, in deadlines.go, progress.go and stall.go; who looks on, in
// statistics.go and observe.go. ARCHITECTURE.md shows the same as a picture.
//
// # How calls nest
//
// Everything runs on the worker, and much of it in one stack: a codec gives downEnd a
// part of the request, which passes the filters and comes to an attempt, whose codec may
// refuse it, whereupon the answer passes the filters the other way and is written by the
// codec that began. So whoever calls a codec, a filter or an attempt must expect to be
// called before that returns, and two rules make that safe:
//
//   - An exchange ends when the last call has left it (exchange.enter, exchange.leave).
//     What it is stays readable until then, and responsePhase says whether there is
//     still something to be done.
//   - An attempt's memory may be another attempt afterwards. Who needs to know compares
//     attempt.generation.
//
// A panic unwinds all of such a stack. What had been entered and not left then, and the
// connections on both sides of it, may be half changed, and is given up (panic.go). So
// what is taken is noted where it is taken, before anything is called that may panic,
// and given up once, whoever does.
//
// [Snapshot] is the immutable configuration that a worker works by, and swaps.
package proxy
