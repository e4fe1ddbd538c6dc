// Package buffer holds the bytes that pass through weir: slabs in a few size
// classes, handed out from free lists that belong to one worker, counted by
// references, and strung into chains that move from connection to connection
// without being copied.
//
// Start at [Pool], which makes slabs, then [Chain], which is what connections,
// codecs and filters hand to each other. [View] is one counted piece of a slab.
//
// Nothing here is safe for concurrent use: a pool, its slabs and its chains
// live on one worker. That is what makes a reference count a plain addition.
//
// Built with the tag slabdebug, a freed slab is overwritten with a pattern that
// is checked when the slab is handed out again, so that a write through a stale
// view panics at the next use instead of corrupting another request.
package buffer
