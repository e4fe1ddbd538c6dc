// Package serial reads and writes just enough of the two serializations that
// Dubbo's Java peers use, Hessian 2 and fastjson2's JSONB, for a proxy to find the
// strings of a body and to step over everything else.
//
// Start at [Reader]. Nothing is ever built from a body: a value is skipped, or told
// of as a place in the body, so that a length in it costs no memory, and limits
// bound the time that a body costs.
package serial

// Form is how the values of a body are written.
type Form uint8

const (
	// Unknown is every form that this package does not read.
	Unknown Form = iota
	// Hessian2 is Hessian 2.0 as Java writes it: the length of a string counts
	// UTF-16 code units, and each of those is encoded like UTF-8 by itself, so that
	// a character outside the basic plane takes two times three bytes.
	Hessian2
	// FastJSON2 is JSONB of fastjson2, with the length of each value before it, in
	// four bytes.
	FastJSON2
)

// Kind is what a value is, as far as it matters here.
type Kind uint8

const (
	// Compound is a value that has others in it, or is a reference to one: others
	// behind it may depend on it.
	Compound Kind = iota
	// Scalar is a value that stands for itself, and none of the following: a
	// number, a date, bytes, or a string whose text does not stand in the body in
	// one piece of UTF-8.
	Scalar
	// Null is no value.
	Null
	// Int is an integer of any width.
	Int
	// Text is a string whose text stands in the body.
	Text
)

// Value is one value of a body.
type Value struct {
	Kind Kind
	// Off and End are where it stands, with all that belongs to it.
	Off, End int
	// From and To are where its text stands.
	From, To int
	// Int is the integer.
	Int int64
}
