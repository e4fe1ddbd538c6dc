// Package accesslog writes one record per request to files, without ever making
// a request wait for a disk.
//
// Start at [Files], which opens the logs that a configuration names. A [Log] is
// a file with a compiled [Format]; a file that several logs name is opened once.
// On each worker a [Worker] collects records in pages of its own memory, without
// locks, and hands full pages to the one goroutine of the file, which writes
// them, rotates the file, and retries what failed. When the disk is too slow or
// full, the pages run out, and records are dropped and counted instead.
//
//	worker: Writer.Append -> page ... page full, or Flush
//	                          |  bounded queue, never waited for
//	file:                     v  write, rotate, retry -> page goes back
package accesslog
