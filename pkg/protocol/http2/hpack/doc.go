// Package hpack is the header compression of HTTP/2, RFC 7541, for a proxy: what
// a connection holds grows with what it has seen, and nothing is allocated once a
// connection is warm.
//
// Start at [Decoder], which turns a header block into fields, and [Encoder], which
// does the reverse. Both keep a dynamic table (table.go), which the encoder finds
// its entries in by an index (index.go); both share the static table (static.go),
// the Huffman code (huffman.go) and the integers (integer.go) of the format.
//
// # Limits
//
// The dynamic table of a decoder is bounded by what the connection announced, that
// of an encoder by [MaxEncoderTable], whatever the peer allows. Decoding needs
// space for one field at a time; a field is at most 1.6 times as long as its block
// or as long as an entry of the table. How many fields a block may hold, and how
// large they may be together, is up to the [Emitter]: one byte of a block can
// stand for a field as large as the table.
//
// # Choices that the standard leaves open
//
//   - An integer has at most 32 bits and takes at most five bytes behind its prefix.
//   - Any number of table size updates may stand at the start of a block.
//   - An entry of more than half a table is not worth what it drives out: the
//     encoder sends it as a literal.
//   - A name whose values change from one field to the next is sent as literals
//     too, but for every eighth one, so that it leaves the table to fields that
//     come again.
package hpack
