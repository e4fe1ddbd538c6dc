// Package e2e has no code of its own, only tests: each is a real exchange over
// sockets, between clients and upstream servers of the test and a running weir.
//
// Start at weir_test.go, which starts a weir within the test process from a
// [setup], the few lines of configuration that a test is about; process_test.go
// starts the built program, for what takes a process: signals and exit codes.
// raw_test.go is one end of a TCP connection as tests want it, byte by byte;
// http2_raw_test.go the same by HTTP/2's frames; upstream_test.go the servers.
// Every test ends with a look at what is left: goroutines, descriptors, slabs,
// streams and connections must all be gone.
package e2e
