package buffer

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// modelled is a chain and what it must contain.
type modelled struct {
	chain Chain
	want  []byte
}

// machine is some chains of one pool, and slabs that are held beside them, as a
// loop holds its read buffer.
type machine struct {
	pool   Pool
	chains [3]modelled
	slabs  []*Slab
	copies [][]byte // what the slabs must still contain
	next   byte
}

func (m *machine) any(t *rapid.T, label string) *modelled {
	return &m.chains[rapid.IntRange(0, len(m.chains)-1).Draw(t, label)]
}

// sizes favours the places where the code changes its mind.
func sizes(limit int) *rapid.Generator[int] {
	return rapid.OneOf(
		rapid.IntRange(0, 300),
		rapid.SampledFrom([]int{copyBelow - 1, copyBelow, copyBelow + 1, 1 << 10, 4 << 10, 16 << 10, MaxSlab - 1, MaxSlab}),
		rapid.IntRange(0, MaxSlab),
		rapid.IntRange(0, limit),
	)
}

func (m *machine) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		m.next = m.next*31 + 7
		b[i] = m.next
	}
	return b
}

func (m *machine) Append(t *rapid.T) {
	c := m.any(t, "chain")
	b := m.bytes(sizes(3*MaxSlab).Draw(t, "n"))
	if rapid.Bool().Draw(t, "string") {
		c.chain.AppendString(string(b))
	} else {
		c.chain.Append(b)
	}
	c.want = append(c.want, b...)
}

func (m *machine) Reserve(t *rapid.T) {
	c := m.any(t, "chain")
	n := min(sizes(MaxSlab).Draw(t, "n"), MaxSlab)
	room := c.chain.Reserve(n)
	if len(room) < n {
		t.Fatalf("Reserve(%d) gave %d", n, len(room))
	}
	b := m.bytes(rapid.IntRange(0, len(room)).Draw(t, "used"))
	copy(room, m.bytes(len(room))) // all of it may be written to
	copy(room, b)
	c.chain.Commit(len(b))
	c.want = append(c.want, b...)
}

func (m *machine) Slab(t *rapid.T) {
	if len(m.slabs) >= 8 {
		return
	}
	s := m.pool.Get(sizes(MaxSlab).Draw(t, "size"))
	b := m.bytes(s.Cap())
	copy(s.Bytes(), b)
	m.slabs, m.copies = append(m.slabs, s), append(m.copies, b)
}

func (m *machine) Release(t *rapid.T) {
	if len(m.slabs) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.slabs)-1).Draw(t, "slab")
	m.slabs[i].Release()
	m.slabs = append(m.slabs[:i], m.slabs[i+1:]...)
	m.copies = append(m.copies[:i], m.copies[i+1:]...)
}

func (m *machine) AppendView(t *rapid.T) {
	if len(m.slabs) == 0 {
		return
	}
	c := m.any(t, "chain")
	i := rapid.IntRange(0, len(m.slabs)-1).Draw(t, "slab")
	from := rapid.IntRange(0, m.slabs[i].Cap()).Draw(t, "from")
	to := rapid.IntRange(from, m.slabs[i].Cap()).Draw(t, "to")
	c.chain.AppendView(ViewOf(m.slabs[i], from, to))
	c.want = append(c.want, m.copies[i][from:to]...)
}

func (m *machine) Move(t *rapid.T) {
	from, to := m.any(t, "from"), m.any(t, "to")
	if from == to {
		return
	}
	to.chain.Move(&from.chain)
	to.want = append(to.want, from.want...)
	from.want = nil
}

func (m *machine) MoveN(t *rapid.T) {
	from, to := m.any(t, "from"), m.any(t, "to")
	if from == to {
		return
	}
	n := sizes(len(from.want)+1).Draw(t, "n")
	to.chain.MoveN(&from.chain, n)
	n = min(n, len(from.want))
	to.want = append(to.want, from.want[:n]...)
	from.want = from.want[n:]
}

func (m *machine) Discard(t *rapid.T) {
	c := m.any(t, "chain")
	n := sizes(len(c.want)+1).Draw(t, "n")
	c.chain.Discard(n)
	c.want = c.want[min(n, len(c.want)):]
}

func (m *machine) Clear(t *rapid.T) {
	c := m.any(t, "chain")
	c.chain.Clear()
	c.want = nil
}

func (m *machine) Compact(t *rapid.T) { m.any(t, "chain").chain.Compact() }

func (m *machine) Trim(*rapid.T) { m.pool.Trim() }

// Check is run after each step.
func (m *machine) Check(t *rapid.T) {
	for i := range m.chains {
		c := &m.chains[i]
		if c.chain.Len() != len(c.want) {
			t.Fatalf("chain %d has %d bytes, want %d", i, c.chain.Len(), len(c.want))
		}
		if got := c.chain.AppendTo(nil); !bytes.Equal(got, c.want) {
			t.Fatalf("chain %d has other bytes than it should", i)
		}
		if got := bytes.Join(c.chain.Pieces(make([][]byte, 0, 1000)), nil); !bytes.Equal(got, c.want) {
			t.Fatalf("chain %d has other pieces than it should", i)
		}
		if front := c.chain.Front(); !bytes.HasPrefix(c.want, front) || len(front) == 0 && len(c.want) > 0 {
			t.Fatalf("chain %d has a wrong front", i)
		}
		if held := c.chain.Held(); held < c.chain.Len() {
			t.Fatalf("chain %d holds %d bytes, and has %d", i, held, c.chain.Len())
		}
	}
	for i, s := range m.slabs {
		if !bytes.Equal(s.Bytes(), m.copies[i]) {
			t.Fatalf("slab %d was written to", i)
		}
	}
}

func TestChainsAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{}
		for i := range m.chains {
			m.chains[i].chain.Init(&m.pool)
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": m.Append, "reserve": m.Reserve, "slab": m.Slab, "release": m.Release,
			"view": m.AppendView, "move": m.Move, "moveN": m.MoveN, "discard": m.Discard,
			"clear": m.Clear, "compact": m.Compact, "trim": m.Trim, "": m.Check,
		})
		for i := range m.chains {
			m.chains[i].chain.Clear()
		}
		for _, s := range m.slabs {
			s.Release()
		}
		if got := m.pool.Stats(); got.Live != 0 || got.LiveBytes != 0 {
			t.Fatalf("at the end: %+v", got)
		}
	})
}
