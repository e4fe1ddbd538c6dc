// Package health asks hosts whether they are well: it connects to them, sends them
// requests, calls of gRPC's health service or heartbeats, and judges the answers.
//
// Start at [Checker], which keeps asking a set of [Target]s and tells of each that
// is no longer well, or well again. A [Check] is what is asked and how often, made
// of a configuration. checker.go says when somebody is asked, target.go what an
// answer means, question.go what is asked, and session.go how: by the same codecs
// that carry requests, over a blocking connection.
//
// All of this runs on goroutines of its own, a bounded number, and never on a
// worker.
package health
