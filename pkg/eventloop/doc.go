// Package eventloop runs sockets: one epoll loop on one locked OS thread, with
// its connections, timers, listeners and posted tasks. A connection lives on one
// loop, and everything that happens to it happens there, one call at a time.
//
// Start at [Loop] and its turn (loop.go), then [Handler], what a connection's
// owner implements, and [Conn]. [Group] spreads accepted connections over loops.
//
// A turn is: wait, read every ready connection into the loop's read buffer and
// hand the bytes to its handler, run expired timers and posted tasks, then write
// each connection that has something to say, once, with writev; last, close what
// has ended. Only a connection that one read gave very much to write is written at
// once, while the processor still has the bytes at hand. Handlers are never called
// from within a method of Conn, Loop or Timer: what those cause comes later in the
// same turn or in the next.
//
// Only Post, Stop and the methods that say so may be called from another
// goroutine.
package eventloop
