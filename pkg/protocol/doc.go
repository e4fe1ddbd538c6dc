// Package protocol is the engine that knows which protocols there are: by name,
// as configurations spell them, and how to make the codecs of a connection.
//
// Start at [Protocol]. A build of weir lists its protocols in a [Registry], which
// its main program makes; each protocol is a package of its own below this one.
package protocol
