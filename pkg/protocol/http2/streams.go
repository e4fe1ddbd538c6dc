package http2

import "github.com/weirproxy/weir/pkg/stream"

// streams are the streams of a connection, and what is remembered of those that are
// over.
type streams struct {
	table      table     // those that have a number
	unassigned *h2stream // a ring's entry: a client's streams without a number
	free       *stream.FreeList[h2stream]
	count      int32  // all streams
	live       int32  // those whose other end may still be called
	lastID     uint32 // the greatest number that a stream had
	heads      int    // bytes of the heads of requests that are under way
	closed     closedStreams
}

// take returns a stream to be used, which counts from now on.
func (t *streams) take() *h2stream {
	t.count++
	if s := t.free.Get(); s != nil {
		return s
	}
	return &h2stream{}
}

// get returns the stream of a number, or nil.
func (t *streams) get(id uint32) *h2stream { return t.table.get(id) }

// idle reports whether a stream of this number was never opened. Even numbers are a
// server's, and no server opens streams here.
func (t *streams) idle(id uint32) bool { return id&1 == 0 || id > t.lastID }

// assign gives a stream its number.
func (t *streams) assign(s *h2stream, id uint32) {
	s.id = id
	t.lastID = id
	t.table.put(s)
}

// remove forgets a stream.
func (t *streams) remove(s *h2stream) {
	if s.id != 0 {
		t.table.take(s)
	} else {
		unlink(&t.unassigned, s)
	}
	t.count--
}

// any returns a stream, or nil if there is none.
func (t *streams) any() *h2stream {
	if t.unassigned != nil {
		return t.unassigned
	}
	return t.table.any()
}

// find returns a stream that a condition chooses, or nil.
func (t *streams) find(chosen func(*h2stream) bool) *h2stream {
	for _, s := range t.table.slots {
		if s != nil && chosen(s) {
			return s
		}
	}
	for s := t.unassigned; s != nil; s = s.next {
		if chosen(s) {
			return s
		}
		if s.next == t.unassigned {
			break
		}
	}
	return nil
}

// growWindows changes the windows of all streams, as the initial one has changed.
func (t *streams) growWindows(by int64) *Error {
	if by == 0 || t.table.n == 0 {
		return nil
	}
	for _, s := range t.table.slots {
		if s == nil {
			continue
		}
		if !s.out.window.grow(by) {
			return ErrWindowGrowth
		}
		s.conn.send.schedule(s)
	}
	return nil
}

// link appends s to a ring.
func link(ring **h2stream, s *h2stream) {
	if *ring == nil {
		*ring, s.next, s.prev = s, s, s
		return
	}
	s.next, s.prev = *ring, (*ring).prev
	s.prev.next, s.next.prev = s, s
}

// unlink takes s out of a ring.
func unlink(ring **h2stream, s *h2stream) {
	if s.next == s {
		*ring = nil
	} else {
		s.prev.next, s.next.prev = s.next, s.prev
		if *ring == s {
			*ring = s.next
		}
	}
	s.next, s.prev = nil, nil
}
