package buffer

// Share adds the bytes of src to the end of c without taking them away from src:
// both refer to the same slabs, whose bytes must not be changed any more.
func (c *Chain) Share(src *Chain) {
	for l := src.head; l != nil; l = l.next {
		l.view.slab.Retain()
		c.push(l.view, false)
		c.n += len(l.view.data)
	}
}
