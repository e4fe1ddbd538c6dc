// Package logging is how the process's own log may be written to from anywhere,
// event loops included: [Limit] bounds how often one message is repeated.
package logging
