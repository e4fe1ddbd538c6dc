package buffer

// copyBelow is the size under which AppendView copies instead of taking a
// reference: a short memory copy costs less than one more element in a writev,
// and does not pin a large slab for the sake of a few bytes.
const copyBelow = 2048

// keepLinks bounds the free list of chain links (40 bytes each).
const keepLinks = 4096

// Chain is a queue of bytes made of pieces of slabs. Whole pieces move from one
// chain to another without being copied. The chain owns a reference to every
// slab in it until the bytes are moved out, discarded or cleared.
//
// A chain belongs to one worker's pool. The zero Chain is not usable: see Init.
type Chain struct {
	pool       *Pool
	head, tail *link
	n          int
}

// link is one piece. owned says that the slab is used by this link alone, so
// that appended bytes may go behind data in the same slab.
type link struct {
	next  *link
	view  View
	owned bool
}

// Init makes c an empty chain whose slabs come from p.
func (c *Chain) Init(p *Pool) { *c = Chain{pool: p} }

// Pool returns the pool that the chain takes its slabs from.
func (c *Chain) Pool() *Pool { return c.pool }

// Len returns the number of bytes in the chain.
func (c *Chain) Len() int { return c.n }

// Reserve returns at least n contiguous free bytes at the end of the chain, n at
// most MaxSlab. What is written there becomes part of the chain by Commit; until
// then no other method may be called.
func (c *Chain) Reserve(n int) []byte {
	if t := c.tail; t != nil && t.owned {
		if free := t.view.data[len(t.view.data):cap(t.view.data)]; len(free) >= n {
			return free
		}
	}
	s := c.pool.Get(max(n, c.following()))
	c.push(View{slab: s, data: s.buf[:0]}, true)
	return s.buf
}

// following is how large a slab is to be that continues what is appended piece by
// piece: twice the last, so that many small pieces make few slabs.
func (c *Chain) following() int {
	const most = 32 << 10
	if t := c.tail; t != nil && t.owned {
		return min(2*t.view.slab.Cap(), most)
	}
	return 0
}

// Commit adds the first n bytes of what Reserve returned.
func (c *Chain) Commit(n int) {
	t := c.tail
	t.view.data = t.view.data[:len(t.view.data)+n]
	c.n += n
}

// Append copies b to the end of the chain.
func (c *Chain) Append(b []byte) {
	for len(b) > 0 {
		t := c.tail
		if t == nil || !t.owned || len(t.view.data) == cap(t.view.data) {
			s := c.pool.Get(len(b))
			c.push(View{slab: s, data: s.buf[:0]}, true)
			t = c.tail
		}
		d := t.view.data
		k := copy(d[len(d):cap(d)], b)
		t.view.data = d[:len(d)+k]
		c.n += k
		b = b[k:]
	}
}

// AppendString copies s to the end of the chain.
func (c *Chain) AppendString(s string) {
	for len(s) > 0 {
		k := copy(c.Reserve(min(len(s), MaxSlab)), s)
		c.Commit(k)
		s = s[k:]
	}
}

// AppendView adds the bytes of v: short ones by copying, others by a reference
// to their slab.
func (c *Chain) AppendView(v View) {
	if len(v.data) < copyBelow {
		c.Append(v.data)
		return
	}
	v.slab.Retain()
	c.push(v, false)
	c.n += len(v.data)
}

// Lend adds the bytes of v by a reference to their slab, also if they are few: for
// a chain that is passed on at once. Who moves them elsewhere to keep them makes
// a copy of few bytes of a large slab.
func (c *Chain) Lend(v View) {
	if len(v.data) == 0 {
		return
	}
	v.slab.Retain()
	c.push(v, false)
	c.n += len(v.data)
}

// pins tells whether the link keeps much more memory than it has bytes.
func (l *link) pins() bool { return !l.owned && l.view.slab.Cap() > 4*copyBelow }

// Move takes all bytes of src to the end of c. Both must be of the same pool.
func (c *Chain) Move(src *Chain) {
	if src.n == 0 {
		src.Clear()
		return
	}
	if src.head == src.tail && src.n < copyBelow && (c.tail != nil || src.head.pins()) {
		c.Append(src.head.view.data)
		src.Clear()
		return
	}
	if c.tail == nil {
		c.head = src.head
	} else {
		c.tail.next = src.head
	}
	c.tail = src.tail
	c.n += src.n
	src.head, src.tail, src.n = nil, nil, 0
}

// MoveN takes the first n bytes of src to the end of c.
func (c *Chain) MoveN(src *Chain, n int) {
	for n > 0 && src.head != nil {
		l := src.head
		if len(l.view.data) > n {
			c.AppendView(l.view.Slice(0, n))
			l.view.data = l.view.data[n:]
			src.n -= n
			return
		}
		n -= len(l.view.data)
		src.n -= len(l.view.data)
		src.head = l.next
		if src.head == nil {
			src.tail = nil
		}
		l.next = nil
		c.pushLink(l)
		c.n += len(l.view.data)
	}
}

// Discard drops the first n bytes.
func (c *Chain) Discard(n int) {
	for n > 0 && c.head != nil {
		l := c.head
		if len(l.view.data) > n {
			l.view.data = l.view.data[n:]
			c.n -= n
			return
		}
		n -= len(l.view.data)
		c.n -= len(l.view.data)
		c.drop()
	}
}

// Clear drops all bytes and releases their slabs.
func (c *Chain) Clear() {
	for c.head != nil {
		c.drop()
	}
	c.n = 0
}

// Front returns the first contiguous bytes of the chain, nil if it is empty.
// They stay valid until the chain is changed.
func (c *Chain) Front() []byte {
	for l := c.head; l != nil; l = l.next {
		if len(l.view.data) > 0 {
			return l.view.data
		}
	}
	return nil
}

// Pieces appends the chain's pieces, in order, to dst, at most as many as fit
// its capacity, and returns it: what a writev takes. They stay valid until the
// chain is changed.
func (c *Chain) Pieces(dst [][]byte) [][]byte {
	for l := c.head; l != nil && len(dst) < cap(dst); l = l.next {
		if len(l.view.data) > 0 {
			dst = append(dst, l.view.data)
		}
	}
	return dst
}

// Each calls fn with each of the chain's pieces, in order. fn must not change the
// chain.
func (c *Chain) Each(fn func(b []byte)) {
	for l := c.head; l != nil; l = l.next {
		fn(l.view.data)
	}
}

// AppendTo appends a copy of all bytes to dst and returns it.
func (c *Chain) AppendTo(dst []byte) []byte {
	for l := c.head; l != nil; l = l.next {
		dst = append(dst, l.view.data...)
	}
	return dst
}

// Compact copies pieces that pin a much larger slab into slabs of their own
// size. A connection that could not write everything calls it, so that what
// waits costs about as much memory as it has bytes.
func (c *Chain) Compact() {
	for l := c.head; l != nil; l = l.next {
		n := len(l.view.data)
		if n*4 > l.view.slab.Cap() || l.view.slab.Cap() == MinSlab {
			continue
		}
		s := c.pool.Get(n)
		copy(s.buf, l.view.data)
		l.view.slab.Release()
		l.view = View{slab: s, data: s.buf[:n]}
		l.owned = true
	}
}

// Held returns the bytes of all slabs that the chain refers to; a slab that is
// shared by several pieces counts for each.
func (c *Chain) Held() int {
	held := 0
	for l := c.head; l != nil; l = l.next {
		held += l.view.slab.Cap()
	}
	return held
}

func (c *Chain) push(v View, owned bool) {
	p := c.pool
	l := p.links
	if l == nil {
		l = &link{}
	} else {
		p.links = l.next
		p.nlinks--
	}
	l.next, l.view, l.owned = nil, v, owned
	c.pushLink(l)
}

func (c *Chain) pushLink(l *link) {
	if c.tail == nil {
		c.head = l
	} else {
		c.tail.next = l
	}
	c.tail = l
}

func (c *Chain) drop() {
	l := c.head
	c.head = l.next
	if c.head == nil {
		c.tail = nil
	}
	l.view.slab.Release()
	l.view = View{}
	p := c.pool
	if p.nlinks < keepLinks {
		l.next = p.links
		p.links = l
		p.nlinks++
	}
}
