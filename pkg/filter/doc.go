// Package filter is the contract of stream filters, and what runs them.
//
// A filter sees a request on its way to the upstream and the response on its way
// back, part by part, as they stream. To each part it says [Continue], [Pause] or
// [Buffer], or it answers the request itself with [Stream.Reply].
//
// Start at [Filter] and the two halves it attaches to a stream, [Request] and
// [Response]; then [Stream], what a filter may ask and do. A filter is a package
// of its own below this one: fault is an example of a screenful. The package
// filtertest is the kit that proves that a filter keeps the contract.
package filter
