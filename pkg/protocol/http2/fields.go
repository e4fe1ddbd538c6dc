package http2

import (
	"github.com/weirproxy/weir/pkg/protocol/grpc"
	"github.com/weirproxy/weir/pkg/protocol/http2/hpack"
	"github.com/weirproxy/weir/pkg/protocol/internal/httprule"
	"github.com/weirproxy/weir/pkg/stream"
)

// fieldReader makes a head, or trailers, of the fields of a block. There is one for
// a worker, as a block is decoded in one go.
type fieldReader struct {
	cfg  *Config
	head *stream.Head
	kind blockKind
	seen seen

	size, count, crumbs int
	cookie              []byte // several crumbs, joined
	protocol            []byte // of :protocol
	err                 *Error
	tooLarge            bool
}

// blockKind is what a block is.
type blockKind uint8

const (
	requestBlock blockKind = iota
	responseBlock
	trailerBlock
)

// seen are the fields that a message may have once.
type seen uint16

const (
	seenMethod seen = 1 << iota
	seenScheme
	seenAuthority
	seenPath
	seenProtocol
	seenStatus
	seenField // any that is no pseudo-header
	seenHost
	seenLength
	badExpect
	seenType
	seenGRPC // a content type of gRPC's
	hidden   // a value that no compression may keep, under a name that does not tell
)

// hiddenFields marks, in a head's RPC.Bits, that it has fields that must not enter a
// compression table on their way, besides those whose names tell.
const hiddenFields = 1

func (r *fieldReader) has(s seen) bool { return r.seen&s != 0 }

// once notes a field, and tells whether it had not come before.
func (r *fieldReader) once(s seen) bool {
	was := r.has(s)
	r.seen |= s
	return !was
}

// Field takes a field. It wants no more of them after one that is wrong, or too
// many.
func (r *fieldReader) Field(f hpack.Field) bool {
	r.size += len(f.Name) + len(f.Value) + 32
	if r.tooLarge || r.size > r.cfg.maxHeaderBytes() {
		r.tooLarge = true
		return r.answerable(&f)
	}
	switch {
	case f.Static == 0 && !validName(trimColon(f.Name)):
		r.err = ErrFieldName
	case !validValue(f.Value) || padded(f.Value):
		r.err = ErrFieldValue
	case f.Name[0] == ':':
		r.err = r.pseudo(&f)
	default:
		r.seen |= seenField
		r.err = r.regular(&f)
	}
	return r.err == nil && (!r.tooLarge || !r.has(seenType))
}

// answerable takes a field of a head that is too large: all that counts is how to
// answer it. It reports whether that is still not known.
func (r *fieldReader) answerable(f *hpack.Field) bool {
	if !r.has(seenType) && string(f.Name) == "content-type" {
		r.contentType(f.Value)
	}
	return !r.has(seenType)
}

// contentType notes whether a request is one of gRPC.
func (r *fieldReader) contentType(value []byte) {
	r.seen |= seenType
	if _, ok := grpc.Subtype(value); ok {
		r.seen |= seenGRPC
	}
}

// trimColon returns a name without the colon of pseudo-headers.
func trimColon(name []byte) []byte {
	if len(name) > 0 && name[0] == ':' {
		return name[1:]
	}
	return name
}

// pseudo takes a pseudo-header. All of them stand before the other fields.
func (r *fieldReader) pseudo(f *hpack.Field) *Error {
	switch {
	case r.has(seenField):
		return ErrPseudo
	case r.kind == requestBlock:
		return r.requestPseudo(f)
	case r.kind == responseBlock && string(f.Name) == ":status":
		if !r.once(seenStatus) {
			return ErrPseudo
		}
		return r.status(f.Value)
	}
	return ErrPseudo
}

// regular takes a field that is no pseudo-header. What frames a message in HTTP/1
// has no place in HTTP/2.
func (r *fieldReader) regular(f *hpack.Field) *Error {
	id := stream.IDOf(f.Name)
	switch id {
	case stream.Connection, stream.KeepAlive, stream.ProxyConnection, stream.TransferEncoding, stream.Upgrade:
		return ErrHopField
	case stream.TE:
		if !stream.EqualFold(f.Value, "trailers") {
			return ErrHopField
		}
	}
	if r.kind == trailerBlock {
		r.trailer(id, f)
		return nil
	}
	switch id {
	case stream.ContentLength:
		return r.length(f)
	case stream.Host:
		if r.kind == requestBlock {
			return r.host(f.Value)
		}
	case stream.Cookie:
		if r.kind == requestBlock {
			r.crumb(f)
			return nil
		}
	case stream.ContentType:
		r.contentType(f.Value)
	case stream.Expect:
		if r.kind == requestBlock && !stream.EqualFold(f.Value, "100-continue") {
			r.seen |= badExpect
		}
	}
	r.add(f)
	return nil
}

// overLimit is what is wrong with a header that is too large.
func (r *fieldReader) overLimit() *Error {
	if r.count > r.cfg.maxHeaderCount() {
		return ErrTooManyFields
	}
	return ErrHeaderTooLarge
}

// add adds a field as it came.
func (r *fieldReader) add(f *hpack.Field) {
	if r.count++; r.count > r.cfg.maxHeaderCount() {
		r.tooLarge = true
		return
	}
	if f.Sensitive && indexing(stream.IDOf(f.Name), f.Name, f.Value) != hpack.Never {
		r.seen |= hidden
	}
	r.head.AddBytes(f.Name, f.Value)
}

// trailer adds a trailer, if it is one that may be passed on.
func (r *fieldReader) trailer(id stream.ID, f *hpack.Field) {
	if httprule.AllowedInTrailers(id, f.Name) {
		r.add(f)
	}
}

// length takes a Content-Length, whose place the field marks. A response may say the
// same twice.
func (r *fieldReader) length(f *hpack.Field) *Error {
	parse := httprule.ParseLength
	if r.kind == responseBlock {
		parse = httprule.ParseLengths
	}
	n, ok := parse(f.Value)
	switch first := r.once(seenLength); {
	case ok && first:
	case ok && r.kind == responseBlock && n == r.head.ContentLength:
		return nil
	default:
		return ErrContentLength
	}
	r.head.ContentLength = n
	f.Value = nil
	r.add(f)
	return nil
}

// crumb takes one of the parts that a cookie may come in. They are one field, where
// the first of them stood.
func (r *fieldReader) crumb(f *hpack.Field) {
	r.crumbs++
	switch {
	case r.crumbs > r.cfg.maxCookieCrumbs():
		r.tooLarge = true
	case r.crumbs == 1:
		r.cookie = append(r.cookie, f.Value...)
		r.add(f)
	default:
		r.cookie = append(append(r.cookie, "; "...), f.Value...)
	}
}
