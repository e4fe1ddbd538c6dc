// Package filtertest proves that a stream filter keeps its contract.
//
// A filter's test is in two parts. What the filter is for, it tests itself: with
// an [Exchange], one request and its response on their way through a chain, whose
// parts the test passes one by one, and whose time is a [Worker]'s, which stands
// still until it is told to advance.
//
// What every filter owes, [Run] tests: bodies arrive complete, in order and once,
// however they were split; nothing is held, scheduled or running once the stream
// is over, wherever it ended; streams, and workers, do not disturb each other; a
// filter that says so costs no allocation. Run it with -race, and with -tags
// slabdebug, which overwrites freed memory, so that data kept longer than it was
// lent is found.
package filtertest
