// Package xprotocol is for framed RPC protocols: each is a [Codec], which says how
// the protocol's frames look, and everything else is here, once for all of them.
//
// Start at [Codec], what an author writes; then [Spec], which makes a protocol of
// it that weir can be built with; then [ServerConn] and [ClientConn], which run a
// codec over a downstream and an upstream connection.
package xprotocol
