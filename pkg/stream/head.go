package stream

// Head is the first part of a message: the request line or the status, in the
// form that all protocols share, and the header. Which of the two it is shows in
// Status, which is zero for a request.
//
// The zero Head is ready and announces an empty body; one from a [Pool], or after
// Clear, announces none. See [Header] for how long its slices live.
type Head struct {
	Header

	method, scheme, authority, path Span

	// Status is the response's status code; 0 makes the head a request's.
	Status int
	// Minor is the x of HTTP/1.x that the message came with: 0 is a peer that
	// knows no chunked coding, no trailers and no interim responses. Everything
	// else is at least as able as 1.
	Minor uint8
	// Opaque asks, in a request, to turn the stream into opaque bytes both ways:
	// a protocol upgrade, or CONNECT. A response accepts it by status 101 (to
	// CONNECT: 2xx), and says so with the same flag; then Data follows until each
	// side ends its own direction.
	Opaque bool
	// ContentLength is the number of body bytes announced, or -1. It is what the
	// framing of the next hop is chosen from; a field of that name only marks its
	// place among the others.
	ContentLength int64
	// Flags are, in an answer of weir's own, why it is none of a host's.
	Flags Flags

	// RPC is the part that only messages of RPC protocols have.
	RPC RPC

	kept bool // one more Put is to come before the head is free
}

// Method returns the request's method.
func (h *Head) Method() []byte { return h.bytes(h.method) }

// Scheme returns "http" or "https".
func (h *Head) Scheme() []byte { return h.bytes(h.scheme) }

// Authority returns host and port as the client named them: in HTTP/1 the value
// of the Host field, which keeps its place among the fields.
func (h *Head) Authority() []byte { return h.bytes(h.authority) }

// Path returns the path with its query. It is normalised once, before routing;
// what is routed is what is forwarded.
func (h *Head) Path() []byte {
	if h.RPC.pathless {
		h.makePath()
	}
	return h.bytes(h.path)
}

// SetMethod replaces the method.
func (h *Head) SetMethod(b []byte) { h.method = put(&h.Header, b) }

// SetScheme replaces the scheme.
func (h *Head) SetScheme(s string) { h.scheme = put(&h.Header, s) }

// SetAuthority replaces the authority, and the value of the Host field if there
// is one.
func (h *Head) SetAuthority(b []byte) {
	h.authority = put(&h.Header, b)
	for i := range h.fields {
		if f := &h.fields[i]; f.id == Host {
			f.value, f.line, h.changed = h.authority, false, true
		}
	}
}

// SetPath replaces path and query.
func (h *Head) SetPath(b []byte) {
	h.path = put(&h.Header, b)
	h.RPC.pathless = false
}

// Clear removes everything and keeps the memory, if it is of an ordinary size.
func (h *Head) Clear() {
	header := h.Header
	header.Clear()
	*h = Head{Header: header, ContentLength: -1, kept: h.kept}
}

// Keep makes a head that is lent by its codec the receiver's: it goes back to the
// pool once both have given it there. That costs nothing, where a copy of it would
// move some hundred bytes.
func (h *Head) Keep() *Head {
	h.kept = true
	return h
}

// CopyFrom makes h a copy of src.
func (h *Head) CopyFrom(src *Head) {
	header, kept := h.Header, h.kept
	*h = *src
	h.Header, h.kept = header, kept
	h.Header.CopyFrom(&src.Header)
}

// Interim tells whether h is an informational response: another head follows.
func (h *Head) Interim() bool { return h.Status >= 100 && h.Status < 200 && h.Status != 101 }

// Pool keeps empty heads for one worker, so that a connection holds none while
// it is idle. The zero Pool is ready. It is not safe for concurrent use.
type Pool struct {
	free  []*Head
	lists map[any]any // of free lists, by the type of what is in them
}

// Get returns an empty head.
func (p *Pool) Get() *Head {
	if n := len(p.free); n > 0 {
		h := p.free[n-1]
		p.free = p.free[:n-1]
		return h
	}
	h := &Head{}
	h.Clear()
	return h
}

// Put takes a head back; its content is gone, unless somebody keeps it.
func (p *Pool) Put(h *Head) {
	if h.kept {
		h.kept = false
		return
	}
	h.Clear()
	if len(p.free) < maxFreeHeads {
		p.free = append(p.free, h)
	}
}

// maxFreeHeads bounds what a pool keeps after a burst: a request under way has one
// head or two, and a codec one only while it parses it.
const maxFreeHeads = 1024

// Clear forgets what is kept, after a panic: something may have been put back twice.
func (p *Pool) Clear() {
	p.free = nil
	for _, l := range p.lists {
		l.(interface{ clear() }).clear()
	}
}

// FreeList keeps what codecs use again, such as their streams, for one worker.
type FreeList[T any] struct{ free []*T }

// FreeListOf returns the worker's list for a type. Codecs ask once per connection.
func FreeListOf[T any](p *Pool) *FreeList[T] {
	key := any((*T)(nil))
	if l, ok := p.lists[key].(*FreeList[T]); ok {
		return l
	}
	if p.lists == nil {
		p.lists = make(map[any]any)
	}
	l := &FreeList[T]{}
	p.lists[key] = l
	return l
}

// Get returns one that was put back, or nil.
func (l *FreeList[T]) Get() *T {
	n := len(l.free)
	if n == 0 {
		return nil
	}
	v := l.free[n-1]
	l.free = l.free[:n-1]
	return v
}

// Put takes one back, if there are not too many.
func (l *FreeList[T]) Put(v *T) {
	if len(l.free) < maxFree {
		l.free = append(l.free, v)
	}
}

func (l *FreeList[T]) clear() { l.free = nil }

// maxFree bounds a free list.
const maxFree = 1024
