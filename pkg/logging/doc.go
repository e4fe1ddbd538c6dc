// Package logging is how the process's own log may be written to from anywhere,
// event loops included: [Limit] bounds how often one message is repeated, and a
// [Writer] keeps nobody waiting for whoever reads the log.
package logging
