package hpack

// Field is one field of a decoded header block.
type Field struct {
	// Name and Value are as they were sent: their characters are not checked. They
	// are valid during the call and must not be written to.
	Name, Value []byte
	// Static is the index in the static table that Name was taken from, if that is
	// how it was sent; 0 otherwise. A name that the table lists several times may come
	// with any of its indices.
	Static uint8
	// Sensitive tells that the sender wants the value kept out of every compression
	// table on its way, as [Never] does for the next hop.
	Sensitive bool
}

// Emitter takes the fields of a block.
type Emitter interface {
	// Field takes one field. False says that the rest of the block is of no use, and
	// is not passed on. It must not call the decoder.
	Field(f Field) bool
}

// Indexing says how an encoder may represent a field.
type Indexing uint8

const (
	// Index lets the field enter the dynamic table.
	Index Indexing = iota
	// NoIndex keeps the field out of the dynamic table: its value will not come again.
	NoIndex
	// Never keeps the field out of every table, here and on all hops behind, for
	// values that must not be guessed from the size of a block.
	Never
)

// Error says what is wrong with a header block.
type Error string

// Error says the reason.
func (e Error) Error() string { return "hpack: " + string(e) }

// What is wrong with a header block. All of them end the connection, with
// COMPRESSION_ERROR.
const (
	ErrTruncated   Error = "the block ends within a field"
	ErrInteger     Error = "an integer is too large"
	ErrIndex       Error = "an index is in neither table"
	ErrHuffman     Error = "invalid Huffman code"
	ErrUpdatePlace Error = "a table size update is not at the start of the block"
	ErrUpdateSize  Error = "a table size update exceeds the limit"
)
