package router

import (
	"bytes"

	"github.com/weirproxy/weir/pkg/stream"
)

// Request is a request as it is looked at by a [Table] and a [Route]. Each worker
// has one and uses it for one request after the other, so that its memory is
// allocated once. The zero Request is ready for Reset.
type Request struct {
	// Head is the request's head; [Route.RewriteRequest] changes it.
	Head *stream.Head
	// Info is where variables and the downstream's address come from.
	Info *stream.Info

	cut     bool   // the next two are those of the head
	path    []byte // without query
	rest    []byte // the query and its question mark
	query   query
	lower   []byte // scratch: a path or host in lower case
	value   []byte // scratch: a variable's value
	rewrite []byte // scratch: a path being written
	service []byte // scratch: the name of a cluster on demand
}

// Reset makes r a view of a request. It refers to head and info until the next
// Reset; the head's path must not be changed meanwhile but by
// [Route.RewriteRequest].
func (r *Request) Reset(head *stream.Head, info *stream.Info) {
	r.Head, r.Info = head, info
	r.cut = false
	r.query.parsed = false
}

// target returns the path, and the query with its question mark.
func (r *Request) target() (path, query []byte) {
	if !r.cut {
		r.cut = true
		r.path, r.rest = cutQuery(r.Head.Path())
	}
	return r.path, r.rest
}

// param returns the first value of a query parameter.
func (r *Request) param(name string) ([]byte, bool) {
	if !r.query.parsed {
		_, query := r.target()
		r.query.parse(query)
	}
	return r.query.get(name)
}

// variable returns the value of a variable, valid until the next call.
func (r *Request) variable(v Variable) ([]byte, bool) {
	if r.Info == nil {
		return nil, false
	}
	var ok bool
	r.value, ok = v.Append(r.value[:0], r.Info)
	return r.value, ok
}

// cutQuery cuts a path before its question mark.
func cutQuery(path []byte) (before, query []byte) {
	if i := bytes.IndexByte(path, '?'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, nil
}

// appendLower appends b with its ASCII letters in lower case.
func appendLower[T string | []byte](dst []byte, b T) []byte {
	for i := range len(b) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}
