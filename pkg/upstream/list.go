package upstream

// list is a queue whose elements carry their own links, so that waiting in one,
// and leaving it from anywhere, allocates nothing.
type list[T any, P linked[T]] struct {
	first, last *T
	n           int
}

// linked is what can be in a list, in one at a time: a struct that embeds links.
type linked[T any] interface {
	*T
	ends() *links[T]
}

type links[T any] struct{ next, prev *T }

func (l *links[T]) ends() *links[T] { return l }

func (l *list[T, P]) push(x *T) {
	e := P(x).ends()
	e.prev, e.next = l.last, nil
	if l.last != nil {
		P(l.last).ends().next = x
	} else {
		l.first = x
	}
	l.last = x
	l.n++
}

func (l *list[T, P]) remove(x *T) {
	e := P(x).ends()
	if e.prev != nil {
		P(e.prev).ends().next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		P(e.next).ends().prev = e.prev
	} else {
		l.last = e.prev
	}
	e.next, e.prev = nil, nil
	l.n--
}
