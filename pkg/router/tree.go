package router

import (
	"bytes"
	"strings"
)

// tree is a node of a radix tree: keys that begin alike share the nodes of their
// beginning. The zero tree is the root of an empty one.
type tree[T any] struct {
	label    string // what this node adds to the key of its parent
	first    string // the first bytes of the children's labels, in their order
	children []*tree[T]
	value    T
}

// at returns the node of a key, which it makes if there is none.
func (t *tree[T]) at(key string) *tree[T] {
	for key != "" {
		i := strings.IndexByte(t.first, key[0])
		if i < 0 {
			child := &tree[T]{label: key}
			t.first += key[:1]
			t.children = append(t.children, child)
			return child
		}
		n := commonPrefix(t.children[i].label, key)
		if n < len(t.children[i].label) {
			t.children[i] = t.children[i].split(n)
		}
		t, key = t.children[i], key[n:]
	}
	return t
}

// split returns a new parent of t that takes the first n bytes of its label.
func (t *tree[T]) split(n int) *tree[T] {
	parent := &tree[T]{label: t.label[:n], first: t.label[n : n+1], children: []*tree[T]{t}}
	t.label = t.label[n:]
	return parent
}

// step goes one node down towards key, and returns what remains of the key; nil
// if no node lies further that way.
func (t *tree[T]) step(key []byte) (*tree[T], []byte) {
	if len(key) == 0 {
		return nil, nil
	}
	i := strings.IndexByte(t.first, key[0])
	if i < 0 {
		return nil, nil
	}
	child := t.children[i]
	if len(key) < len(child.label) || !bytes.Equal(key[:len(child.label)], []byte(child.label)) {
		return nil, nil
	}
	return child, key[len(child.label):]
}

func commonPrefix(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
