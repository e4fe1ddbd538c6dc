package buffer

import "fmt"

// The size classes, in bytes. Each is four times the one before: a piece of any
// size wastes at most three quarters of its slab, and an idle pool has few rows.
// The last one is only twice as large: it is what sockets are read into, so that
// an answer of 64 KiB with its head comes in one read.
const (
	MinSlab = 256
	MaxSlab = 128 << 10

	classes = 6
)

// keepBytes bounds what a free list holds on to, per size class. What is freed
// beyond it goes back to the garbage collector, so that a burst does not stay
// resident for ever.
const keepBytes = 1 << 20

// Pool hands out slabs and chain links for one worker. The zero value is ready.
// It is not safe for concurrent use.
type Pool struct {
	slabs  [classes]freeList
	links  *link
	nlinks int
	live   int // slabs handed out and not yet released
	bytes  int // their capacity in total
}

type freeList struct {
	head  *Slab
	count int
}

// Stats is what a pool holds at one moment.
type Stats struct {
	Live      int // slabs in use
	LiveBytes int // bytes of the slabs in use
	FreeBytes int // bytes kept on free lists
}

// Stats reports what the pool holds; leak tests compare Live with what they know.
func (p *Pool) Stats() Stats {
	s := Stats{Live: p.live, LiveBytes: p.bytes}
	for c := range p.slabs {
		s.FreeBytes += p.slabs[c].count * classSize(c)
	}
	return s
}

// Get returns a slab of at least size bytes with one reference, owned by the
// caller. Its content is undefined. A size over MaxSlab gives a slab of MaxSlab.
func (p *Pool) Get(size int) *Slab {
	c := classOf(size)
	l := &p.slabs[c]
	s := l.head
	if s == nil {
		s = &Slab{pool: p, class: int8(c), buf: make([]byte, classSize(c))}
	} else {
		l.head = s.next
		l.count--
		s.next = nil
		checkPoison(s.buf)
	}
	s.refs = 1
	p.live++
	p.bytes += len(s.buf)
	return s
}

func (p *Pool) put(s *Slab) {
	p.live--
	p.bytes -= len(s.buf)
	l := &p.slabs[s.class]
	if (l.count+1)*len(s.buf) > keepBytes {
		return
	}
	poison(s.buf)
	s.next = l.head
	l.head = s
	l.count++
}

// Trim gives every free slab and link back to the garbage collector.
func (p *Pool) Trim() {
	p.slabs = [classes]freeList{}
	p.links, p.nlinks = nil, 0
}

func classSize(c int) int { return min(MinSlab<<(2*c), MaxSlab) }

func classOf(size int) int {
	for c := range classes - 1 {
		if size <= classSize(c) {
			return c
		}
	}
	return classes - 1
}

// Slab is one block of memory with a count of its users.
type Slab struct {
	buf   []byte
	pool  *Pool
	next  *Slab
	refs  int32
	class int8
}

// Bytes returns the whole slab, up to its capacity.
func (s *Slab) Bytes() []byte { return s.buf }

// Cap returns the slab's size in bytes.
func (s *Slab) Cap() int { return len(s.buf) }

// Shared tells whether anyone beside the caller holds a reference.
func (s *Slab) Shared() bool { return s.refs > 1 }

// Retain adds a reference.
func (s *Slab) Retain() {
	if s.refs <= 0 {
		panic(fmt.Sprintf("buffer: a slab of %d bytes was retained after it was freed", len(s.buf)))
	}
	s.refs++
}

// Release drops a reference; the last one returns the slab to its pool.
func (s *Slab) Release() {
	s.refs--
	if s.refs > 0 {
		return
	}
	if s.refs < 0 {
		panic(fmt.Sprintf("buffer: a slab of %d bytes was released twice", len(s.buf)))
	}
	s.pool.put(s)
}

// View is some bytes of a slab. Holding a view does not keep the slab alive by
// itself: whoever stores one retains the slab, or appends the view to a chain,
// which does. The zero View is empty.
type View struct {
	slab *Slab
	data []byte
}

// ViewOf returns the view of s[from:to].
func ViewOf(s *Slab, from, to int) View { return View{slab: s, data: s.buf[from:to:to]} }

// Bytes returns the bytes that the view shows. They must not be changed while
// anybody else may hold the slab.
func (v View) Bytes() []byte { return v.data }

// Len returns the number of bytes that the view shows.
func (v View) Len() int { return len(v.data) }

// Slice returns the view of v[from:to].
func (v View) Slice(from, to int) View { return View{slab: v.slab, data: v.data[from:to:to]} }

// From returns the view of v[from:].
func (v View) From(from int) View { return View{slab: v.slab, data: v.data[from:]} }
