package buffer

import (
	"bytes"
	"strings"
	"testing"
)

// newPool returns a pool whose slabs must all be back by the end of the test.
func newPool(t testing.TB) *Pool {
	p := &Pool{}
	t.Cleanup(func() {
		if s := p.Stats(); s.Live != 0 || s.LiveBytes != 0 {
			t.Errorf("leaked: %+v", s)
		}
	})
	return p
}

// newChain returns a chain that is cleared at the end of the test.
func newChain(t testing.TB, p *Pool) *Chain {
	c := new(Chain)
	c.Init(p)
	t.Cleanup(c.Clear)
	return c
}

// view returns a view of n bytes of a slab that lives until the end of the test.
func view(t testing.TB, p *Pool, n int) View {
	s := p.Get(n)
	for i := range n {
		s.Bytes()[i] = byte(i)
	}
	t.Cleanup(s.Release)
	return ViewOf(s, 0, n)
}

func content(c *Chain) string { return string(c.AppendTo(nil)) }

func TestAppendKeepsOrderAcrossSlabs(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	var want []byte
	for n := range 600 {
		b := bytes.Repeat([]byte{byte(n)}, n)
		if n%2 == 0 {
			c.Append(b)
		} else {
			c.AppendString(string(b))
		}
		want = append(want, b...)
	}
	big := strings.Repeat("0123456789abcdef", MaxSlab/4)
	c.Append([]byte(big))
	c.AppendString(big)
	want = append(append(want, big...), big...)
	if c.Len() != len(want) || content(c) != string(want) {
		t.Errorf("%d bytes, or their content, are not the %d appended", c.Len(), len(want))
	}
	if c.Pool() != p {
		t.Error("Pool is not the pool of Init")
	}
}

func TestReserveAndCommit(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	for n := 1; n <= MaxSlab; n *= 2 {
		c.Clear()
		c.AppendString("head")
		b := c.Reserve(n)
		if len(b) < n {
			t.Fatalf("Reserve(%d) gave %d bytes", n, len(b))
		}
		for i := range n {
			b[i] = 'x'
		}
		c.Commit(n)
		if want := "head" + strings.Repeat("x", n); content(c) != want || c.Len() != len(want) {
			t.Errorf("after Reserve and Commit of %d: %d bytes", n, c.Len())
		}
	}
}

func TestCommitOfLess(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	copy(c.Reserve(10), "0123456789")
	c.Commit(4)
	copy(c.Reserve(10), "abcdefghij")
	c.Commit(0)
	if c.Append([]byte("!")); content(c) != "0123!" {
		t.Errorf("content %q", content(c))
	}
	if n := p.Stats().Live; n != 1 {
		t.Errorf("%d slabs for 5 bytes", n)
	}
}

func TestReservedAndUnusedIsEmpty(t *testing.T) {
	p := newPool(t)
	c, d := newChain(t, p), newChain(t, p)
	c.Reserve(100)
	if c.Len() != 0 || c.Front() != nil || len(c.Pieces(make([][]byte, 0, 4))) != 0 {
		t.Error("a reservation counts as content")
	}
	d.Move(c)
	d.MoveN(c, 5)
	if d.Len() != 0 || d.Front() != nil {
		t.Error("a reservation was moved as content")
	}
	if p.Stats().Live != 0 {
		t.Error("moving everything left the reservation's slab behind")
	}
}

func TestAppendViewSharesOnlyWhatIsLong(t *testing.T) {
	for _, tc := range []struct {
		n      int
		shared bool
	}{{0, false}, {1, false}, {copyBelow - 1, false}, {copyBelow, true}, {MaxSlab, true}} {
		p := newPool(t)
		v := view(t, p, tc.n)
		c := newChain(t, p)
		c.AppendView(v)
		if v.slab.Shared() != tc.shared {
			t.Errorf("%d bytes: shared is %v", tc.n, !tc.shared)
		}
		if content(c) != string(v.Bytes()) {
			t.Errorf("%d bytes: not what was appended", tc.n)
		}
	}
}

func TestAppendDoesNotTouchSharedSlabs(t *testing.T) {
	p := newPool(t)
	s := p.Get(MaxSlab)
	for i := range s.Bytes() {
		s.Bytes()[i] = 'v'
	}
	c := newChain(t, p)
	c.AppendView(ViewOf(s, 0, copyBelow))
	c.AppendString("behind")
	copy(c.Reserve(4), "more")
	c.Commit(4)
	if n := bytes.Count(s.Bytes(), []byte("v")); n != MaxSlab {
		t.Errorf("%d bytes of a slab that is shared were written to", MaxSlab-n)
	}
	s.Release()
}

func TestMoveNSplitsWithoutOverlap(t *testing.T) {
	p := newPool(t)
	a, b := newChain(t, p), newChain(t, p)
	a.Append(bytes.Repeat([]byte("a"), 10<<10))
	b.MoveN(a, 4<<10)   // by reference
	b.AppendString("b") // must not go behind it, into a's bytes
	a.AppendString("c")
	b.MoveN(a, 100) // a copy
	b.MoveN(a, 0)
	if want := strings.Repeat("a", 4<<10) + "b" + strings.Repeat("a", 100); content(b) != want {
		t.Error("the target does not have what was moved")
	}
	if want := strings.Repeat("a", 6<<10-100) + "c"; content(a) != want {
		t.Error("the source does not have the rest")
	}
	b.MoveN(a, 1<<30)
	if a.Len() != 0 || b.Len() != 10<<10+2 {
		t.Errorf("moving more than there is left %d and gave %d", a.Len(), b.Len())
	}
}

func TestMoveCopiesOnlyWhatIsShort(t *testing.T) {
	p := newPool(t)
	a, b := newChain(t, p), newChain(t, p)
	a.AppendString("short")
	b.AppendString("head ")
	b.Move(a)
	if content(b) != "head short" || a.Len() != 0 || p.Stats().Live != 1 {
		t.Errorf("%q, %d slabs", content(b), p.Stats().Live)
	}
	a.Append(make([]byte, 4<<10))
	front := &a.Front()[0]
	b.Discard(b.Len())
	b.Clear()
	b.Move(a)
	if &b.Front()[0] != front {
		t.Error("a whole slab was copied")
	}
}

func TestDiscard(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 1000, 4999, 5000, 6000} {
		p := newPool(t)
		c := newChain(t, p)
		var want []byte
		for i := range 5000 {
			c.Append([]byte{byte(i)})
			want = append(want, byte(i))
		}
		c.Discard(n)
		want = want[min(n, len(want)):]
		if c.Len() != len(want) || content(c) != string(want) {
			t.Errorf("Discard(%d) left %d bytes", n, c.Len())
		}
		if len(want) == 0 && p.Stats().Live != 0 {
			t.Errorf("Discard(%d) of everything left %d slabs", n, p.Stats().Live)
		}
	}
}

func TestPiecesTakesWhatFits(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	for range 10 {
		c.AppendView(view(t, p, copyBelow))
	}
	for _, room := range []int{0, 1, 9, 10, 11} {
		got := c.Pieces(make([][]byte, 0, room))
		if len(got) != min(room, 10) {
			t.Errorf("%d pieces with room for %d", len(got), room)
		}
	}
	dst := make([][]byte, 1, 3)
	if got := c.Pieces(dst); len(got) != 3 || got[0] != nil {
		t.Error("Pieces does not append")
	}
}

func TestCompactFreesWhatIsPinned(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	var want []byte
	for range 20 {
		s := p.Get(MaxSlab)
		v := ViewOf(s, 1000, 1000+copyBelow)
		c.AppendView(v)
		want = append(want, v.Bytes()...)
		s.Release()
	}
	if held := c.Held(); held != 20*MaxSlab {
		t.Fatalf("%d bytes are held before", held)
	}
	c.Compact()
	if held := c.Held(); held > 4*c.Len() || p.Stats().LiveBytes != held {
		t.Errorf("%d bytes hold %d, and the pool has %d in use", c.Len(), held, p.Stats().LiveBytes)
	}
	if content(c) != string(want) {
		t.Error("Compact changed the content")
	}
	if c.AppendString("more"); content(c) != string(want)+"more" {
		t.Error("appending after Compact went wrong")
	}
}

// Pieces for which there is no smaller slab must stay, or each Compact of a long
// chain would copy all of it.
func TestCompactDoesNothingTwice(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	for n := range 300 {
		c.AppendView(view(t, p, n*10)) // copies and references in turn
	}
	c.AppendString("x")
	c.Discard(5)
	c.Compact()
	before := c.Pieces(make([][]byte, 0, 1000))
	c.Compact()
	for i, b := range c.Pieces(make([][]byte, 0, 1000)) {
		if &b[0] != &before[i][0] {
			t.Errorf("piece %d of %d bytes was copied again", i, len(b))
		}
	}
}

func TestCompactLeavesSmallSlabs(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	c.AppendString("short")
	front := &c.Front()[0]
	c.Compact()
	if &c.Front()[0] != front {
		t.Error("5 bytes were copied from one slab of the smallest class to another")
	}
}

func TestLinksAreBounded(t *testing.T) {
	p := newPool(t)
	c := newChain(t, p)
	v := view(t, p, copyBelow)
	for range 2 * keepLinks {
		c.AppendView(v)
	}
	c.Clear()
	if p.nlinks != keepLinks {
		t.Errorf("%d links are kept", p.nlinks)
	}
	c.AppendView(v)
	if p.nlinks != keepLinks-1 || c.Len() != copyBelow {
		t.Errorf("a kept link was not used: %d", p.nlinks)
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	p := newPool(t)
	a, b := newChain(t, p), newChain(t, p)
	v := view(t, p, 32<<10)
	small, text := make([]byte, 700), strings.Repeat("x", 300)
	pieces := make([][]byte, 0, 64)
	n := testing.AllocsPerRun(1000, func() {
		a.Append(small)
		a.AppendString(text)
		a.AppendView(v)
		copy(a.Reserve(100), small)
		a.Commit(100)
		b.MoveN(a, 5000)
		b.Move(a)
		pieces = b.Pieces(pieces[:0])
		b.Discard(3000)
		b.Compact()
		b.Discard(b.Len())
	})
	if n != 0 {
		t.Errorf("%v allocations for each run", n)
	}
}

func BenchmarkGetRelease(b *testing.B) {
	p := newPool(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Get(4 << 10).Release()
	}
}

func BenchmarkAppendDiscard(b *testing.B) {
	p := newPool(b)
	c := newChain(b, p)
	msg := make([]byte, 200)
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		c.Append(msg)
		c.Discard(len(msg))
	}
}

func BenchmarkAppendViewMove(b *testing.B) {
	p := newPool(b)
	from, to := newChain(b, p), newChain(b, p)
	v := view(b, p, 16<<10)
	b.ReportAllocs()
	b.SetBytes(int64(v.Len()))
	for b.Loop() {
		from.AppendView(v)
		to.Move(from)
		to.Discard(v.Len())
	}
}
