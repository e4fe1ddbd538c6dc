//go:build slabdebug

package buffer

import "testing"

func TestWriteAfterFreeIsFound(t *testing.T) {
	for _, at := range []int{0, 1, 100, MinSlab - 1} {
		var p Pool
		s := p.Get(1)
		b := s.Bytes()
		s.Release()
		b[at] = 'x'
		if !panics(func() { p.Get(1) }) {
			t.Errorf("a write to byte %d of a freed slab passed unnoticed", at)
		}
	}
}

func TestReadAfterFreeShowsThePoison(t *testing.T) {
	var p Pool
	var c Chain
	c.Init(&p)
	c.AppendString("secret")
	b := c.Front()
	c.Clear()
	for i, x := range b {
		if x != poisonByte {
			t.Fatalf("byte %d of a freed slab is %q", i, x)
		}
	}
}
